/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_NETLINK_H
#define EVS_NETLINK_H

#include <linux/evs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct nlmsghdr;

/* Longest driver name of a cipher, as the kernel's crypto API limits it. */
#define EVS_CIPHER_MAX 127

/* An open connection to the family. */
struct evs_nl;

/**
 * struct evs_disk - An attached disk as the kernel describes it.
 * @id: the N of /dev/evsN
 * @name: the user's name of it, evsN where none was given
 * @uuid: UUID from its header, "" where it was attached without one
 * @backing_dev: the block device below
 * @offset: where the data starts there, in bytes
 * @size: size of the disk in bytes
 * @sector_size: size of a crypto sector in bytes
 * @key_serial: key that is the handle of the disk's DK
 * @read_only: it refuses writes
 * @state: what it does with I/O
 * @cipher: driver name of the cipher in use
 * @openers: how often it is open
 * @disk_dev: device number of /dev/evsN
 * @cmk: the CMK that wraps its DK, as of attach or the last rewrap, "" where none
 *	 was told
 * @allow_discards: discards go to the block device below
 * @no_partscan: it is not looked at for partitions
 * @lazy: it goes when its last opener closes it
 * @reads: reads that have completed
 * @writes: writes that have completed
 * @bytes_read: how much they have read
 * @bytes_written: how much they have written
 * @errors: requests that have failed
 * @in_flight: requests that have not completed
 * @bounce_pages: bounce pages that they hold
 */
struct evs_disk {
	uint32_t id;
	char name[EVS_NAME_MAX + 1];
	char uuid[EVS_UUID_MAX + 1];
	dev_t backing_dev;
	uint64_t offset;
	uint64_t size;
	uint32_t sector_size;
	int32_t key_serial;
	bool read_only;
	enum evs_dev_state state;
	char cipher[EVS_CIPHER_MAX + 1];
	uint32_t openers;
	dev_t disk_dev;
	char cmk[EVS_CMK_MAX + 1];
	bool allow_discards;
	bool no_partscan;
	bool lazy;
	uint64_t reads;
	uint64_t writes;
	uint64_t bytes_read;
	uint64_t bytes_written;
	uint64_t errors;
	uint32_t in_flight;
	uint32_t bounce_pages;
};

/**
 * struct evs_event_msg - What the kernel tells of something that has happened.
 * @event: what
 * @cause: why
 * @id: the N of /dev/evsN
 * @name: the user's name of the disk
 * @uuid: UUID from its header, "" where it was attached without one
 * @backing_dev: the block device below
 * @size: size of the disk in bytes
 * @key_serial: key that is the handle of the disk's DK, 0 where there is none
 * @state: what the disk does with I/O from now on
 * @errors: requests that have failed so far
 * @disk_dev: device number of /dev/evsN
 */
struct evs_event_msg {
	enum evs_event event;
	enum evs_cause cause;
	uint32_t id;
	char name[EVS_NAME_MAX + 1], uuid[EVS_UUID_MAX + 1];
	dev_t backing_dev;
	uint64_t size;
	int32_t key_serial;
	enum evs_dev_state state;
	uint64_t errors;
	dev_t disk_dev;
};

/* What detach does with a disk that is open. */
enum evs_detach {
	EVS_DETACH_IDLE,	/* refuse */
	EVS_DETACH_FORCE,	/* leave its openers a dead disk */
	EVS_DETACH_LAZY,	/* wait for the last opener */
};

/**
 * struct evs_attach - What to attach.
 * @name: the user's name of it, or NULL for evsN
 * @uuid: UUID from its header, or NULL
 * @backing_dev: the block device below
 * @offset: where the data starts there, in bytes
 * @size: size of the disk in bytes, 0 for all that is left
 * @sector_size: 512 or 4096
 * @key_serial: key of type "evs" that this process possesses
 * @read_only: the disk shall refuse writes
 * @cmk: the CMK that wraps its DK, or NULL
 * @allow_discards: pass discards to the block device below
 * @no_partscan: do not look for partitions
 */
struct evs_attach {
	const char *name;
	const char *uuid;
	dev_t backing_dev;
	uint64_t offset;
	uint64_t size;
	uint32_t sector_size;
	int32_t key_serial;
	bool read_only;
	const char *cmk;
	bool allow_discards;
	bool no_partscan;
};

/*
 * Where the kernel refuses, the text of the error is the reason it gives in
 * the extended acknowledgement, and the errno is the kernel's.
 */

/**
 * evs_nl_open() - Connect to the family, which loads the module if need be.
 * @nl: set to the connection; release with evs_nl_close()
 * @err: filled on failure
 *
 * Return: 0 or a negative errno; -ENOPKG when the kernel has no such family.
 */
int evs_nl_open(struct evs_nl **nl, struct evs_error *err);

/**
 * evs_nl_close() - Release a connection.
 * @nl: the connection, or NULL
 */
void evs_nl_close(struct evs_nl *nl);

/**
 * evs_nl_attach() - Make a disk over a block device.
 * @nl: the connection
 * @what: the device, where on it, and the key
 * @disk: filled with the new disk
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_nl_attach(struct evs_nl *nl, const struct evs_attach *what, struct evs_disk *disk,
		  struct evs_error *err);

/**
 * evs_nl_detach() - Remove a disk.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @how: what to do if it is open
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_nl_detach(struct evs_nl *nl, uint32_t id, enum evs_detach how, struct evs_error *err);

/**
 * evs_nl_revoke() - Take the key away from a disk, at once.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EALREADY when that has been done.
 */
int evs_nl_revoke(struct evs_nl *nl, uint32_t id, struct evs_error *err);

/**
 * evs_nl_suspend() - Take the key away from a disk and let its I/O wait.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @grace: for how many seconds evs_nl_resume_kept() may give it back; 0 to wipe it,
 *	   also when it was kept before
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EALREADY when that has been done.
 */
int evs_nl_suspend(struct evs_nl *nl, uint32_t id, unsigned int grace, struct evs_error *err);

/**
 * evs_nl_resume_kept() - Give a suspended disk the key back that the kernel has kept.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOKEY when it has kept none, or no longer.
 */
int evs_nl_resume_kept(struct evs_nl *nl, uint32_t id, struct evs_error *err);

/**
 * evs_nl_resume() - Give a suspended disk its key back.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @key_serial: key of type "evs" that this process possesses
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EKEYREJECTED when the disk had another key,
 * -EALREADY when it is not suspended.
 */
int evs_nl_resume(struct evs_nl *nl, uint32_t id, int32_t key_serial, struct evs_error *err);

/**
 * evs_nl_resize() - Let a disk grow.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @size: how large it shall be, in bytes, 0 for all that is left
 * @disk: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EINVAL when that is less than it has.
 */
int evs_nl_resize(struct evs_nl *nl, uint32_t id, uint64_t size, struct evs_disk *disk,
		  struct evs_error *err);

/**
 * evs_nl_set_cmk() - Tell that the DK of a disk is wrapped by another CMK now.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @cmk: id of the CMK
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_nl_set_cmk(struct evs_nl *nl, uint32_t id, const char *cmk, struct evs_error *err);

/**
 * evs_nl_dump() - Describe all disks, by ascending id.
 * @nl: the connection
 * @disks: set to an array, to be freed with free(); NULL when there are none
 * @count: set to its length
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_nl_dump(struct evs_nl *nl, struct evs_disk **disks, size_t *count, struct evs_error *err);

/**
 * evs_nl_listen() - Have events sent to this connection.
 * @nl: the connection, which is good for evs_nl_event() alone from then on
 * @err: filled on failure
 *
 * Return: a file descriptor to poll(2), which belongs to the connection, or a
 * negative errno.
 */
int evs_nl_listen(struct evs_nl *nl, struct evs_error *err);

/**
 * evs_nl_event() - Take the next event, if there is one.
 * @nl: a connection that listens
 * @event: filled
 * @err: filled on failure
 *
 * Return: 0, or a negative errno: -EAGAIN when there is none, -ENOBUFS when
 * some were lost because nobody took them, -EPROTO when it makes no sense. Only
 * other errors mean that there will be no more: -ENOPKG when the kernel module has
 * been unloaded.
 */
int evs_nl_event(struct evs_nl *nl, struct evs_event_msg *event, struct evs_error *err);

/**
 * evs_nl_event_name() - Name of an event, as in the specification.
 * @event: the event
 */
const char *evs_nl_event_name(enum evs_event event);

/**
 * evs_nl_cause_name() - Name of a cause, as in the specification.
 * @cause: the cause
 */
const char *evs_nl_cause_name(enum evs_cause cause);

/**
 * evs_nl_state_name() - Name of a state, as in the specification.
 * @state: the state
 */
const char *evs_nl_state_name(enum evs_dev_state state);

/**
 * evs_nl_parse_disk() - Read the description of a disk out of a message.
 * @msg: a whole message of the family
 * @disk: filled
 *
 * Return: 0, or -EPROTO when an attribute is malformed or there twice, or one
 * that every disk has is missing.
 */
int evs_nl_parse_disk(struct nlmsghdr *msg, struct evs_disk *disk);

/**
 * evs_nl_parse_event() - Read an event out of a message.
 * @msg: a whole message of the family
 * @event: filled
 *
 * Return: 0, or -EPROTO when it is no event, an attribute is malformed or there
 * twice, or one that every event has is missing.
 */
int evs_nl_parse_event(struct nlmsghdr *msg, struct evs_event_msg *event);

/**
 * evs_nl_parse_extack() - Read the reason out of an acknowledgement.
 * @msg: a whole message of type NLMSG_ERROR or NLMSG_DONE
 * @text: filled with the reason, "" when there is none; control characters
 *	  become blanks
 * @size: room there
 */
void evs_nl_parse_extack(const struct nlmsghdr *msg, char *text, size_t size);

#endif /* EVS_NETLINK_H */

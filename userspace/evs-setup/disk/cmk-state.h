/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CMK_STATE_H
#define EVS_SETUP_CMK_STATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kms/kms.h"
#include "names.h"
#include "nl/netlink.h"

/*
 * Seconds that cmk_state_start() waits for devices; cmk_state_ask() waits twice as long
 * for KMSs. A person waits for the command; a job of a timer has time.
 */
#define CMK_WAIT_PERSON 1
#define CMK_WAIT_JOB 10

/* For the help of verbs that ask */
#define CMK_STATE_HELP \
	"Asks the KMS, for two seconds at most, whether the CMK of each disk can be used.\n" \
	"Prints a note for each disk that will not attach again. --quiet does not ask.\n"

/**
 * struct cmk_answer - What a KMS says of the CMK of a token.
 * @disk: index of the disk
 * @token: index of the token in the header of the disk
 * @tokens: how many the disk has
 * @state: state of the CMK
 * @deleted: there is no such CMK any more
 * @deletion: when it will be deleted, in seconds since 1970, 0 when not known
 * @kms: name of the KMS
 * @cmk: id of the CMK
 * @alias: its alias, or ""
 */
struct cmk_answer {
	size_t disk;
	unsigned int token;
	unsigned int tokens;
	enum evs_cmk_state state;
	bool deleted;
	int64_t deletion;
	char kms[EVS_KMS_NAME_MAX + 1];
	char cmk[EVS_CMK_REF_SIZE];
	char alias[EVS_CMK_ALIAS_MAX + 1];
};

/**
 * struct cmk_states - States of the CMKs of some disks, and the process that asks for them.
 * @disks: the disks, not owned
 * @count: how many
 * @wait: CMK_WAIT_*
 * @answers: what has come
 * @answer_count: how much
 * @pid: the process, 0 when there is none
 * @go: closing it tells the process to ask; a pipe, so that it costs no signal
 * @in: where it answers
 */
struct cmk_states {
	const struct evs_disk *disks;
	size_t count;
	unsigned int wait;
	struct cmk_answer *answers;
	size_t answer_count;
	pid_t pid;
	int go;
	int in;
};

/**
 * cmk_state_start() - Read in the headers of disks what CMKs they are under.
 * @states: filled; release with cmk_state_free()
 * @disks: attached disks, which must live as long as @states
 * @count: how many
 * @wait: CMK_WAIT_*: takes no longer, whatever the devices do
 *
 * Another process reads the devices, and holds none of them open when this returns.
 * Nothing here fails: what cannot be found out in time is not known.
 */
void cmk_state_start(struct cmk_states *states, const struct evs_disk *disks, size_t count,
		     unsigned int wait);

/**
 * cmk_state_ask() - Ask the KMSs for the states of these CMKs.
 * @states: what cmk_state_start() filled; the disks may have been detached since
 *
 * Takes twice as long as cmk_state_start() at most, whatever the KMSs do.
 */
void cmk_state_ask(struct cmk_states *states);

/**
 * cmk_state_wanted() - Is a KMS asked for the CMK of a disk?
 * @states: what cmk_state_start() filled
 * @disk: index of the disk
 *
 * Return: false for a disk without a header, and for one that is detached.
 */
bool cmk_state_wanted(const struct cmk_states *states, size_t disk);

/**
 * cmk_state_name() - The state of the CMK that a disk names first.
 * @states: after cmk_state_ask()
 * @disk: index of the disk
 *
 * Return: as evs_cmk_state_name(), or "deleted"; NULL when it is not known.
 */
const char *cmk_state_name(const struct cmk_states *states, size_t disk);

/**
 * cmk_state_tell() - Say on standard error that a disk will not attach again.
 * @states: after cmk_state_ask()
 * @disk: index of the disk
 *
 * Prints nothing where a CMK of the disk can be used, or that is not known.
 */
void cmk_state_tell(const struct cmk_states *states, size_t disk);

/**
 * cmk_state_free() - End the process and release what is kept.
 * @states: what cmk_state_start() filled
 */
void cmk_state_free(struct cmk_states *states);

#endif /* EVS_SETUP_CMK_STATE_H */

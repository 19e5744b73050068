/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: encrypted block devices, keys from a Key Management Service
 */
#ifndef _EVS_H
#define _EVS_H

#include <crypto/skcipher.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/crypto.h>
#include <linux/key.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <uapi/linux/evs.h>

/* XTS-AES-256: two 256-bit keys, for the data and for the tweak */
#define EVS_DK_SIZE		64

/* What is compared of two data keys to tell whether they are the same */
#define EVS_KEY_CHECK_SIZE	16

/* A data unit is a multiple of 512 bytes, and so is each of its pieces */
#define EVS_CRYPT_SEGS_MAX	8

/* crypt.c: the cipher; knows bio_vecs, nothing else of the block layer */

/**
 * struct evs_cipher - XTS-AES-256 with the key of one disk
 * @tfm: the transform; shared by all CPUs
 * @unit_size: size of a data unit in bytes, 512 or 4096
 * @sg: a scatterlist of one entry, still empty, for requests to copy
 *
 * Nothing in it changes after evs_cipher_setkey(), so that any number of
 * requests may use it at the same time.
 */
struct evs_cipher {
	struct crypto_skcipher *tfm;
	unsigned int unit_size;
	struct scatterlist sg;
};

/**
 * struct evs_crypt_req - what one caller needs to encrypt or decrypt
 * @wait: for ciphers that complete asynchronously, where one may sleep
 * @iv: tweak of the data unit, overwritten by the cipher
 * @src: pieces of memory that make up the data unit read
 * @dst: pieces of memory that make up the data unit written
 * @req: request to the crypto API, followed by the context of the cipher
 */
struct evs_crypt_req {
	struct crypto_wait wait;
	__le64 iv[2];
	struct scatterlist src[EVS_CRYPT_SEGS_MAX];
	struct scatterlist dst[EVS_CRYPT_SEGS_MAX];
	struct skcipher_request req;
};

struct evs_cipher *evs_cipher_alloc(unsigned int unit_size);
int evs_cipher_setkey(struct evs_cipher *cipher, const u8 dk[EVS_DK_SIZE]);
int evs_cipher_key_check(const struct evs_cipher *cipher,
			 u8 check[EVS_KEY_CHECK_SIZE]);
void evs_cipher_free(struct evs_cipher *cipher);
const char *evs_cipher_driver(const struct evs_cipher *cipher);
size_t evs_crypt_req_size(const struct evs_cipher *cipher);
void evs_crypt_req_init(struct evs_crypt_req *creq,
			const struct evs_cipher *cipher);
void evs_crypt_req_init_atomic(struct evs_crypt_req *creq,
			       const struct evs_cipher *cipher,
			       crypto_completion_t done, void *data);
int evs_encrypt(const struct evs_cipher *cipher, struct evs_crypt_req *creq,
		const struct bio_vec *src, struct bvec_iter *src_iter,
		const struct bio_vec *dst, struct bvec_iter *dst_iter,
		unsigned int len, sector_t sector);
int evs_decrypt(const struct evs_cipher *cipher, struct evs_crypt_req *creq,
		const struct bio_vec *bvec, struct bvec_iter *iter);

/* key.c: key type "evs" and the module's keyring */

#if IS_ENABLED(CONFIG_KUNIT)
extern struct key_type evs_key_type;
#endif

struct evs_device;

int evs_key_init(void);
void evs_key_exit(void);
struct key *evs_key_get(key_serial_t serial);
int evs_key_consume(struct key *key, struct evs_cipher *cipher);
void evs_key_put(struct key *key);
int evs_key_own(struct key *key, struct evs_device *evs);
void evs_key_disown(struct evs_device *evs);

struct netlink_ext_ack;

/* device.c: disks: which there are, and how they are made */

/*
 * Largest request: a bio has room for no more, unless its pages happen to be
 * contiguous. Bounds what a disk needs while it is idle: a table of buffers for each
 * of the requests of its queue.
 */
#define EVS_MAX_BYTES		SZ_1M
#define EVS_MAX_SEGMENTS	BIO_MAX_VECS
static_assert(DIV_ROUND_UP(EVS_MAX_BYTES, PAGE_SIZE) <= EVS_MAX_SEGMENTS);

/* How much of a write goes on if there is no memory for bounce pages */
#define EVS_RESERVE_BYTES	SZ_128K
#define EVS_RESERVE_PAGES	DIV_ROUND_UP(EVS_RESERVE_BYTES, PAGE_SIZE)

/*
 * Largest read that is decrypted where the backing device completes it, and largest
 * request whose data one CPU encrypts or decrypts alone. Two changes of task take as
 * long as the cipher for some 16 KiB.
 */
#define EVS_INLINE_BYTES	SZ_32K

/* Bits of struct evs_device's flags */
enum {
	EVS_RESERVE_TAKEN,	/* a write in flight has the reserve */
	EVS_LAZY,		/* detached when the last opener closes it */
	EVS_ADDED,		/* the disk has been added */
	EVS_GONE,		/* the backing device has gone */
	EVS_LINKED,		/* linked with it in sysfs; under control_mutex */
};

/**
 * struct evs_device - an attached disk
 * @bdev: backing block device
 * @cipher: cipher with the data key, or what there is in place of it: see
 *	evs_io_set_cipher(). Taken under SRCU in read.c and write.c, changed under
 *	@state_lock.
 * @wq: decrypts reads that are not decrypted where they complete, and submits
 *	bios. Each disk has its own, with a rescuer, as the backing device may be
 *	made of another evs disk, which must not wait for this one.
 * @crew: shares large reads and writes among CPUs
 * @submit_lock: protects @submit_bios
 * @submit_bios: bios for @bdev that could not be submitted where they were made
 * @submit_work: submits @submit_bios
 * @held_bios: reads that the backing device has answered and that are decrypted
 *	once the disk is resumed. Under @state_lock.
 * @crypt_req_size: room for the struct evs_crypt_req of a request, in bytes
 * @flags: EVS_RESERVE_TAKEN, EVS_LAZY, EVS_ADDED, EVS_GONE, EVS_LINKED
 * @offset: where the encrypted data starts on @bdev, in bytes
 * @size: size of the disk in bytes; changed under @control_mutex
 * @sector_size: size of a data unit in bytes, 512 or 4096
 * @read_only: writes are refused, and @bdev is open for reading only
 * @allow_discards: discards are passed to @bdev
 * @no_partscan: the disk has no partitions
 * @disk: the gendisk /dev/evsN. Lives as long as this structure and counts its
 *	references: one from attach to the end of detach, one for each opener,
 *	one for each user of evs_dev_get().
 * @tag_set: requests of @disk
 * @flush_key: tells lockdep @disk's flushes from those of @bdev
 * @bdev_file: exclusive open of @bdev; put once no I/O is in flight to it
 * @key: handle of the data key, or NULL once it has been let go of. Under a lock
 *	of key.c, as is @key_node.
 * @key_node: entry in the list of disks whose key is watched
 * @key_check: tells another data key from the one the disk was attached with
 * @has_key_check: @key_check is set
 * @spare: cipher of a suspended disk that may get it back without its key, or NULL.
 *	Under @state_lock.
 * @spare_until: when that ends, in seconds of the boot clock. Under @control_mutex.
 * @spare_work: wipes @spare then
 * @control_mutex: held while the disk is being suspended, resumed or resized
 * @state_lock: protects @state, and changes of @cipher
 * @state: what the disk does with I/O, see state.c. Becomes detaching under
 *	disk->open_mutex in addition.
 * @visible: the disk has been added and is found by users. Under evs_devs_lock.
 * @id: the N of /dev/evsN and index in evs_devs
 * @backing_dev: device number of @bdev, of use when @bdev has been closed
 * @key_serial: serial number of @key, of use when @key has been put; 0 if there is
 *	none since the disk was resumed without
 * @name: user's name of the disk
 * @uuid: UUID from the header of the disk, or empty
 * @cmk: the CMK that wraps the data key, as the KMS calls it, or empty. Under
 *	evs_devs_lock.
 * @cipher_driver: driver name of the implementation of xts(aes) in use
 * @lost_cause: what happened to @key, for @lost_work
 * @lost_work: revokes the disk
 * @gone_cause: what happened to @bdev, for @gone_work
 * @gone_work: takes the key away from a disk whose @bdev is lost
 * @gone_tell_work: then tells its users
 * @detach_cause: why the disk is detached; set by who makes it detaching or dead
 * @remove_work: removes the disk after a detach that was lazy or by force
 * @removed: completes when the disk has been removed and @bdev_file put
 * @errors: requests that have failed
 * @error_op: operation of the last one
 * @error_next: not before then is userspace told of failed I/O again, in jiffies
 * @error_work: tells userspace of failed I/O
 * @uevent_lock: held while a uevent is sent; protects @uevents
 * @uevents: the disk has been added, and is not being removed
 * @announced: userspace has been told that the disk is attached. Under @state_lock,
 *	likewise the next two.
 * @early_event: what has happened to the disk before, or EVS_EVENT_ATTACHED if
 *	nothing has
 * @early_cause: why
 * @reserve: bounce pages for writes when memory is short; none if @read_only
 */
struct evs_device {
	struct block_device *bdev;
	struct evs_cipher __rcu *cipher;
	struct workqueue_struct *wq;
	struct evs_crew *crew;
	spinlock_t submit_lock;		/* protects submit_bios */
	struct bio_list submit_bios;
	struct work_struct submit_work;
	struct bio_list held_bios;
	size_t crypt_req_size;
	unsigned long flags;
	u64 offset;
	u64 size;
	unsigned int sector_size;
	bool read_only;
	bool allow_discards;
	bool no_partscan;

	struct gendisk *disk;
	struct blk_mq_tag_set tag_set;
	struct lock_class_key flush_key;
	struct file *bdev_file;
	struct key *key;
	struct list_head key_node;
	u8 key_check[EVS_KEY_CHECK_SIZE];
	bool has_key_check;
	struct evs_cipher *spare;
	time64_t spare_until;
	struct delayed_work spare_work;
	struct mutex control_mutex;	/* one command at a time */
	spinlock_t state_lock;		/* protects state, changes of cipher */
	enum evs_dev_state state;
	bool visible;

	u32 id;
	dev_t backing_dev;
	key_serial_t key_serial;
	char name[EVS_NAME_MAX + 1];
	char uuid[EVS_UUID_MAX + 1];
	char cmk[EVS_CMK_MAX + 1];
	char cipher_driver[CRYPTO_MAX_ALG_NAME];

	enum evs_cause lost_cause;
	struct work_struct lost_work;
	enum evs_cause gone_cause;
	struct work_struct gone_work;
	struct work_struct gone_tell_work;
	enum evs_cause detach_cause;
	struct work_struct remove_work;
	struct completion removed;

	atomic_t errors;
	enum req_op error_op;
	unsigned long error_next;
	struct delayed_work error_work;
	struct mutex uevent_lock;	/* held while a uevent is sent */
	bool uevents;
	bool announced;
	enum evs_event early_event;
	enum evs_cause early_cause;

	struct page *reserve[EVS_RESERVE_PAGES];
};

/**
 * struct evs_attach_args - what to attach, as the user gave it
 * @name: name, or NULL for the default evsN
 * @uuid: UUID, or NULL if the disk has none
 * @backing_dev: device number of the backing block device
 * @offset: where the encrypted data starts, in bytes
 * @size: size in bytes, or 0 for what is left of the backing device
 * @sector_size: size of a data unit in bytes
 * @key_serial: serial number of a key of type "evs"
 * @cmk: the CMK that wraps the data key, or NULL
 * @read_only: whether to refuse writes
 * @allow_discards: whether to pass discards to the backing device
 * @no_partscan: whether to leave partitions alone
 */
struct evs_attach_args {
	const char *name;
	const char *uuid;
	dev_t backing_dev;
	u64 offset;
	u64 size;
	unsigned int sector_size;
	key_serial_t key_serial;
	const char *cmk;
	bool read_only;
	bool allow_discards;
	bool no_partscan;
};

/*
 * Lock order: disk->open_mutex, then evs_devs_lock. control_mutex is apart from
 * the former and comes before the latter; key semaphores are taken under it only.
 * The spinlocks come last, one at a time: state_lock, submit_lock, those of key.c
 * and of crew.c.
 * A disk's uevent_lock is for event.c and taken with none of these held, but for
 * the control_mutex of a disk that is being attached.
 * The bd_holder_lock of the backing device is held by who calls its holder
 * operation, which takes nothing.
 *
 * evs_devs_lock is not held while the backing device is opened, read, written or
 * closed, nor for memory that only I/O could bring: every command takes it, those
 * that let held I/O go on included. disk->open_mutex is, by the block layer: the
 * first opener reads the partition table under it, the last one writes the page
 * cache back.
 */
extern struct xarray evs_devs;
extern struct mutex evs_devs_lock;
extern unsigned int evs_devs_generation;

struct evs_device *evs_dev_attach(const struct evs_attach_args *args,
				  struct netlink_ext_ack *extack);
struct evs_device *evs_dev_get(u32 id);
void evs_dev_put(struct evs_device *evs);
int evs_dev_take_key(struct evs_device *evs, struct key *key,
		     struct evs_cipher *cipher, struct netlink_ext_ack *extack);
void evs_dev_explain_key(int err, key_serial_t serial,
			 struct netlink_ext_ack *extack);

/* state.c: the states of a disk */

/* What is asked of a disk */
enum evs_op {
	EVS_OP_SUSPEND,
	EVS_OP_RESUME,
	EVS_OP_REVOKE,
	EVS_OP_REMOVE,		/* the backing device is lost */
	EVS_OP_RESIZE,
	EVS_OP_DETACH,		/* with what the page cache has written out */
	EVS_OP_KILL,		/* detach by force, or the end of a detach */
	EVS_OPS
};

int evs_state_next(enum evs_dev_state state, enum evs_op op);
void evs_state_explain(int err, enum evs_op op, struct netlink_ext_ack *extack);
int evs_state_change(struct evs_device *evs, enum evs_op op,
		     struct evs_cipher *cipher, struct netlink_ext_ack *extack);

/* removal.c: disks that go */

/* What to do with a disk that is open when it is to be detached */
enum evs_detach {
	EVS_DETACH_CLOSED,	/* refuse */
	EVS_DETACH_LAZY,	/* wait for the last opener to close it */
	EVS_DETACH_FORCE,	/* leave a dead one to its openers */
};

int evs_removal_init(void);
void evs_removal_exit(void);
int evs_dev_detach(struct evs_device *evs, enum evs_detach how,
		   struct netlink_ext_ack *extack);
void evs_dev_wipe(struct evs_device *evs);
void evs_dev_closed(struct evs_device *evs);
void evs_dev_added(struct evs_device *evs);
void evs_dev_backing_gone(struct evs_device *evs, enum evs_cause cause);
void evs_dev_gone_work(struct work_struct *work);
void evs_dev_gone_tell_work(struct work_struct *work);
void evs_dev_remove_work(struct work_struct *work);

/* suspension.c: disks that are without their key for a time */

int evs_dev_suspend(struct evs_device *evs, unsigned int grace,
		    struct netlink_ext_ack *extack);
int evs_dev_resume_spare(struct evs_device *evs,
			 struct netlink_ext_ack *extack);
void evs_dev_spare_work(struct work_struct *work);
int evs_dev_resume(struct evs_device *evs, key_serial_t serial,
		   struct netlink_ext_ack *extack);

/* revocation.c: disks that lose their key */

extern struct workqueue_struct *evs_revocation_wq;

int evs_revocation_init(void);
void evs_revocation_exit(void);
int evs_dev_revoke(struct evs_device *evs, enum evs_cause cause,
		   struct netlink_ext_ack *extack);
void evs_dev_key_lost(struct evs_device *evs, enum evs_cause cause);
void evs_dev_lost_work(struct work_struct *work);

/* event.c: telling userspace what happens to disks */

const char *evs_state_name(enum evs_dev_state state);
const char *evs_event_name(enum evs_event event);
const char *evs_cause_name(enum evs_cause cause);
enum evs_dev_state evs_event_state(const struct evs_device *evs,
				   enum evs_event event);
void evs_event(struct evs_device *evs, enum evs_event event,
	       enum evs_cause cause);
void evs_io_error(struct evs_device *evs, enum req_op op);
void evs_events_init(struct evs_device *evs);
void evs_events_start(struct evs_device *evs);
void evs_events_stop(struct evs_device *evs);
void evs_events_exit(struct evs_device *evs);

#if IS_ENABLED(CONFIG_KUNIT)
unsigned long evs_error_delay(unsigned long next, unsigned long now);
enum evs_cause evs_error_cause(enum req_op op);
#endif

/* stat.c: counters of disks */

/**
 * struct evs_stat - counters of a disk since it was attached
 * @reads: reads that have completed, or failed
 * @writes: writes that have completed, or failed
 * @bytes_read: how much was read, in bytes
 * @bytes_written: how much was written, in bytes
 * @errors: requests that have failed
 * @in_flight: requests that have been started and have not completed
 * @bounce_pages: bounce pages that writes in flight have
 */
struct evs_stat {
	u64 reads;
	u64 writes;
	u64 bytes_read;
	u64 bytes_written;
	u64 errors;
	u32 in_flight;
	u32 bounce_pages;
};

void evs_stat_read(struct evs_device *evs, struct evs_stat *stat);

/* sysfs.c: the files of a disk */

extern const struct attribute_group *evs_disk_groups[];

/* netlink.c: commands, and the group that is told of events */

int evs_nl_init(void);
void evs_nl_exit(void);
void evs_nl_event(const struct evs_device *evs, enum evs_event event,
		  enum evs_cause cause);

/* backing.c: the backing device */

int evs_backing_open(struct evs_device *evs, struct netlink_ext_ack *extack);
int evs_backing_fit(struct evs_device *evs, struct netlink_ext_ack *extack);
struct queue_limits evs_backing_limits(const struct evs_device *evs);
void evs_backing_check(struct evs_device *evs);
void evs_backing_link(struct evs_device *evs);
void evs_backing_unlink(struct evs_device *evs);
int evs_dev_resize(struct evs_device *evs, u64 size,
		   struct netlink_ext_ack *extack);

/* bounce.c: the pages that writes are encrypted into */

struct evs_pool;

/**
 * struct evs_bounce - what to do with the bounce pages of a write
 * @pool: the pool they go to, or NULL if they are the disk's reserve
 * @nr_pages: how many there are
 * @bytes: how much they have room for, in bytes
 */
struct evs_bounce {
	struct evs_pool *pool;
	unsigned int nr_pages;
	unsigned int bytes;
};

int evs_pools_init(void);
void evs_pools_exit(void);
int evs_bounce_init(struct evs_device *evs);
void evs_bounce_exit(struct evs_device *evs);
bool evs_bounce_alloc(struct evs_device *evs, struct evs_bounce *bounce,
		      struct bio_vec *bvecs, unsigned int bytes);
void evs_bounce_free(struct evs_device *evs, const struct evs_bounce *bounce,
		     const struct bio_vec *bvecs);

/* crew.c: several CPUs for one disk */

/**
 * struct evs_job - a large request that is encrypted or decrypted
 * @bio: bio of the request
 * @bytes: how much of it
 * @cipher: cipher, in use until the job is done
 * @bounce: bounce pages; NULL for a read, which is decrypted in place
 * @end: called when it is done, unless evs_crew_share() has returned that
 * @err: an error that somebody has met
 * @node: entry in the crew's list while there are pieces that nobody has taken
 * @taken: where the next piece starts, in bytes from the start of the request
 * @users: those that are at a piece, and whose job it is while pieces are left
 *
 * The caller sets those up to @end; the crew changes the others under its lock.
 */
struct evs_job {
	const struct bio *bio;
	unsigned int bytes;
	const struct evs_cipher *cipher;
	const struct bio_vec *bounce;
	void (*end)(struct evs_job *job);
	int err;
	struct list_head node;
	unsigned int taken;
	unsigned int users;
};

struct evs_crew *evs_crew_alloc(struct workqueue_struct *wq, size_t creq_size);
void evs_crew_free(struct evs_crew *crew);
void evs_crew_read(struct evs_crew *crew, struct bio *bio);
bool evs_crew_take_read(struct evs_crew *crew, struct bio *bio, bool large);
bool evs_crew_shares(const struct evs_crew *crew, const struct request *rq,
		     unsigned int bytes);
int evs_crew_share(struct evs_crew *crew, struct evs_job *job,
		   struct evs_crypt_req *creq);

/* read.c: the way of a read; io.h has what is between it, io.c, write.c and submit.c */

int evs_io_decrypt(struct bio *bio);
void evs_io_decrypted(struct bio *bio, int err);

/* io.c: the way of a request */

int evs_io_init(struct evs_device *evs, const struct evs_cipher *cipher);
void evs_io_exit(struct evs_device *evs);

/* In place of the cipher of a disk that is suspended */
#define EVS_CIPHER_HELD		((struct evs_cipher *)ERR_PTR(-EAGAIN))

struct evs_cipher *evs_io_set_cipher(struct evs_device *evs,
				     struct evs_cipher *cipher);
void evs_io_wipe(struct evs_cipher *cipher);
void evs_io_hold(struct evs_device *evs);
void evs_io_release(struct evs_device *evs);

#endif /* _EVS_H */

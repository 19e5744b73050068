// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "nl/netlink.h"
#include "nl/private.h"

/* How often a dump that was interrupted by a change is begun anew. */
#define DUMP_TRIES 8

/* One request and what came back for it. */
struct request {
	struct nl_cb *cb;
	bool done;
	int errnum;
	char reason[256];
	struct evs_disk *disks;
	size_t count;
};

/* A netlink "uint" has four bytes where they suffice, else eight. */
static int put_uint(struct nl_msg *msg, int attr, uint64_t value)
{
	if (value <= UINT32_MAX)
		return nla_put_u32(msg, attr, (uint32_t)value);
	return nla_put_u64(msg, attr, value);
}

static int on_disk(struct nl_msg *msg, void *arg)
{
	struct request *req = arg;
	struct evs_disk *more;

	/* Keep reading after a failure, or the next request reads the rest. */
	if (req->errnum)
		return NL_OK;
	more = reallocarray(req->disks, req->count + 1, sizeof(*more));
	if (!more) {
		req->errnum = ENOMEM;
		return NL_OK;
	}
	req->disks = more;
	req->errnum = -evs_nl_parse_disk(nlmsg_hdr(msg), &more[req->count]);
	if (!req->errnum)
		req->count++;
	return NL_OK;
}

static int on_ack(struct nl_msg *msg __attribute__((unused)), void *arg)
{
	struct request *req = arg;

	req->done = true;
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct request *req = arg;
	int status = 0;

	/* A dump that fails half way says so in its last message. */
	if (nlmsg_datalen(hdr) >= (int)sizeof(status))
		memcpy(&status, nlmsg_data(hdr), sizeof(status));
	if (status < 0 && !req->errnum) {
		req->errnum = -status;
		evs_nl_parse_extack(hdr, req->reason, sizeof(req->reason));
	}
	req->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *peer __attribute__((unused)), struct nlmsgerr *ack,
		    void *arg)
{
	struct request *req = arg;

	/* libnl hands over the payload of the message; its header is before it. */
	if (!req->errnum) {
		req->errnum = -ack->error;
		evs_nl_parse_extack((const struct nlmsghdr *)((const char *)ack - NLMSG_HDRLEN),
				    req->reason, sizeof(req->reason));
	}
	req->done = true;
	return NL_STOP;
}

static int errno_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_NOMEM:
		return ENOMEM;
	case NLE_INTR:
		return EINTR;
	case NLE_PERM:
	case NLE_NOACCESS:
		return EPERM;
	default:
		return EPROTO;
	}
}

static int request_setup(struct request *req, struct evs_error *err)
{
	req->cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!req->cb)
		return evs_error_set(err, ENOMEM, "out of memory");
	if (nl_cb_set(req->cb, NL_CB_VALID, NL_CB_CUSTOM, on_disk, req) ||
	    nl_cb_set(req->cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, req) ||
	    nl_cb_set(req->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, req) ||
	    nl_cb_err(req->cb, NL_CB_CUSTOM, on_error, req)) {
		nl_cb_put(req->cb);
		return evs_error_set(err, EINVAL, "netlink: cannot set the call-backs");
	}
	return 0;
}

/* Send a message, which is consumed, and read until the kernel is through. */
static int request_run(struct evs_nl *nl, struct request *req, struct nl_msg *msg,
		       struct evs_error *err)
{
	bool interrupted = false;
	int ret;

	*req = (struct request){};
	ret = request_setup(req, err);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	ret = nl_send_auto(nl->sock, msg);
	nlmsg_free(msg);
	while (ret >= 0 && !req->done) {
		ret = nl_recvmsgs(nl->sock, req->cb);
		if (ret == -NLE_DUMP_INTR) {
			interrupted = true;
			ret = 0;
		}
	}
	nl_cb_put(req->cb);
	if (ret >= 0 && interrupted && !req->errnum)
		ret = evs_error_set(err, EAGAIN, "the disks keep changing: try again");
	else if (ret < 0 && !req->errnum)
		ret = evs_error_set(err, errno_of(ret), "netlink: %s", nl_geterror(ret));
	else if (req->errnum)
		ret = evs_error_set(err, req->errnum, "%s",
				    req->reason[0] ? req->reason : strerror(req->errnum));
	else
		return 0;
	free(req->disks);
	return ret;
}

static struct nl_msg *request_new(struct evs_nl *nl, int op, int flags, struct evs_error *err)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, op,
			       EVS_FAMILY_VERSION))
		return msg;
	nlmsg_free(msg);
	evs_error_set(err, ENOMEM, "out of memory");
	return NULL;
}

/* The answer to a request that is about one disk */
static int request_disk(struct evs_nl *nl, struct nl_msg *msg, struct evs_disk *disk,
			struct evs_error *err)
{
	struct request req;
	int ret;

	ret = request_run(nl, &req, msg, err);
	if (ret)
		return ret;
	if (req.count == 1)
		*disk = req.disks[0];
	else
		ret = evs_error_set(err, EPROTO, "netlink: %zu answers instead of one", req.count);
	free(req.disks);
	return ret;
}

/* A request that has no answer but yes or no */
static int request_plain(struct evs_nl *nl, struct nl_msg *msg, struct evs_error *err)
{
	struct request req;
	int ret;

	ret = request_run(nl, &req, msg, err);
	if (!ret)
		free(req.disks);
	return ret;
}

static int too_long(struct nl_msg *msg, struct evs_error *err)
{
	nlmsg_free(msg);
	return evs_error_set(err, EMSGSIZE, "netlink: the request is too long");
}

/* A request that is about one disk */
static struct nl_msg *request_on(struct evs_nl *nl, int op, uint32_t id, struct evs_error *err)
{
	struct nl_msg *msg = request_new(nl, op, 0, err);

	if (!msg || !nla_put_u32(msg, EVS_A_DEV_ID, id))
		return msg;
	too_long(msg, err);
	return NULL;
}

/* Has depmod(8) found the module for this kernel? If it cannot be told, yes. */
static bool module_installed(const char *release)
{
	char path[512], line[4096];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, ":\n")] = '\0';
		found = strstr(line, "/" EVS_FAMILY_NAME ".ko");
	}
	fclose(file);
	return found;
}

static int no_module(struct evs_error *err)
{
	struct utsname host;

	if (!uname(&host) && !module_installed(host.release))
		return evs_error_set(err, ENOPKG,
			"there is no kernel module evs for this kernel (%s); to build it, install linux-headers-%s and run make install in the sources of EVS",
			host.release, host.release);
	return evs_error_set(err, ENOPKG,
			     "the kernel module is not loaded and could not be loaded; to see why, run: modprobe evs");
}

static int connect_family(struct evs_nl *nl, struct evs_error *err)
{
	const int on = 1;
	int ret, fd;

	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = genl_connect(nl->sock);
	if (ret)
		return evs_error_set(err, errno_of(ret), "netlink: %s", nl_geterror(ret));
	fd = nl_socket_get_fd(nl->sock);
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)))
		return evs_error_set(err, errno, "netlink: cannot ask for reasons: %m");
	nl->family = genl_ctrl_resolve(nl->sock, EVS_FAMILY_NAME);
	if (nl->family == -NLE_OBJ_NOTFOUND)
		return no_module(err);
	if (nl->family < 0)
		return evs_error_set(err, errno_of(nl->family), "netlink: %s",
				     nl_geterror(nl->family));
	return 0;
}

int evs_nl_open(struct evs_nl **nl, struct evs_error *err)
{
	int ret;

	*nl = calloc(1, sizeof(**nl));
	if (!*nl)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = connect_family(*nl, err);
	if (ret) {
		evs_nl_close(*nl);
		*nl = NULL;
	}
	return ret;
}

void evs_nl_close(struct evs_nl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

int evs_nl_attach(struct evs_nl *nl, const struct evs_attach *what, struct evs_disk *disk,
		  struct evs_error *err)
{
	struct nl_msg *msg = request_new(nl, EVS_CMD_ATTACH, 0, err);

	if (!msg)
		return -err->errnum;
	if ((what->name && nla_put_string(msg, EVS_A_DEV_NAME, what->name)) ||
	    (what->uuid && nla_put_string(msg, EVS_A_DEV_UUID, what->uuid)) ||
	    nla_put_u32(msg, EVS_A_DEV_BACKING_DEV, (uint32_t)what->backing_dev) ||
	    put_uint(msg, EVS_A_DEV_OFFSET, what->offset) ||
	    (what->size && put_uint(msg, EVS_A_DEV_SIZE, what->size)) ||
	    nla_put_u32(msg, EVS_A_DEV_SECTOR_SIZE, what->sector_size) ||
	    nla_put_s32(msg, EVS_A_DEV_KEY_SERIAL, what->key_serial) ||
	    (what->read_only && nla_put_flag(msg, EVS_A_DEV_READ_ONLY)) ||
	    (what->cmk && nla_put_string(msg, EVS_A_DEV_CMK, what->cmk)) ||
	    (what->allow_discards && nla_put_flag(msg, EVS_A_DEV_ALLOW_DISCARDS)) ||
	    (what->no_partscan && nla_put_flag(msg, EVS_A_DEV_NO_PARTSCAN)))
		return too_long(msg, err);
	return request_disk(nl, msg, disk, err);
}

int evs_nl_detach(struct evs_nl *nl, uint32_t id, enum evs_detach how, struct evs_error *err)
{
	struct nl_msg *msg = request_on(nl, EVS_CMD_DETACH, id, err);

	if (!msg)
		return -err->errnum;
	if ((how == EVS_DETACH_FORCE && nla_put_flag(msg, EVS_A_DEV_FORCE)) ||
	    (how == EVS_DETACH_LAZY && nla_put_flag(msg, EVS_A_DEV_LAZY)))
		return too_long(msg, err);
	return request_plain(nl, msg, err);
}

int evs_nl_revoke(struct evs_nl *nl, uint32_t id, struct evs_error *err)
{
	struct nl_msg *msg = request_on(nl, EVS_CMD_REVOKE, id, err);

	return msg ? request_plain(nl, msg, err) : -err->errnum;
}

int evs_nl_suspend(struct evs_nl *nl, uint32_t id, unsigned int grace, struct evs_error *err)
{
	struct nl_msg *msg = request_on(nl, EVS_CMD_SUSPEND, id, err);

	if (!msg)
		return -err->errnum;
	if (grace && nla_put_u32(msg, EVS_A_DEV_GRACE, grace))
		return too_long(msg, err);
	return request_plain(nl, msg, err);
}

int evs_nl_resume_kept(struct evs_nl *nl, uint32_t id, struct evs_error *err)
{
	struct nl_msg *msg = request_on(nl, EVS_CMD_RESUME, id, err);

	return msg ? request_plain(nl, msg, err) : -err->errnum;
}

int evs_nl_resume(struct evs_nl *nl, uint32_t id, int32_t key_serial, struct evs_error *err)
{
	struct nl_msg *msg = request_on(nl, EVS_CMD_RESUME, id, err);

	if (!msg)
		return -err->errnum;
	if (nla_put_s32(msg, EVS_A_DEV_KEY_SERIAL, key_serial))
		return too_long(msg, err);
	return request_plain(nl, msg, err);
}

int evs_nl_resize(struct evs_nl *nl, uint32_t id, uint64_t size, struct evs_disk *disk,
		  struct evs_error *err)
{
	struct nl_msg *msg = request_on(nl, EVS_CMD_RESIZE, id, err);

	if (!msg)
		return -err->errnum;
	if (size && put_uint(msg, EVS_A_DEV_SIZE, size))
		return too_long(msg, err);
	return request_disk(nl, msg, disk, err);
}

int evs_nl_set_cmk(struct evs_nl *nl, uint32_t id, const char *cmk, struct evs_error *err)
{
	struct nl_msg *msg = request_on(nl, EVS_CMD_SET, id, err);

	if (!msg)
		return -err->errnum;
	if (nla_put_string(msg, EVS_A_DEV_CMK, cmk))
		return too_long(msg, err);
	return request_plain(nl, msg, err);
}

int evs_nl_dump(struct evs_nl *nl, struct evs_disk **disks, size_t *count, struct evs_error *err)
{
	struct request req;
	struct nl_msg *msg;
	int ret, tries = 0;

	do {
		msg = request_new(nl, EVS_CMD_GET, NLM_F_DUMP, err);
		if (!msg)
			return -err->errnum;
		ret = request_run(nl, &req, msg, err);
	} while (ret == -EAGAIN && ++tries < DUMP_TRIES);
	if (ret)
		return ret;
	*disks = req.disks;
	*count = req.count;
	return 0;
}

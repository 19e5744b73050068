// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether attached disks can be attached again: what their KMSs say of their CMKs. It
 * is said to a person who wanted something else, so nothing of it may fail or take
 * long. Devices and KMSs, PKCS#11 modules above all, can hang without a limit: hence
 * another process, with one of its own for each KMS, which are killed when time is up.
 *
 *   evs-setup ── fork ─► reads the headers, says so, and waits to be told to ask
 *                          └─ fork, for each KMS ─► asks for each CMK, and answers
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmk-state.h"
#include "config.h"
#include "date.h"
#include "disks.h"
#include "secret.h"
#include "text.h"
#include "volume/volume.h"

#define READY SIZE_MAX	/* as @disk: the headers have been read */

_Static_assert(sizeof(struct cmk_answer) <= 512, "written to a pipe in one piece (PIPE_BUF)");

static unsigned int kms_seconds(const struct cmk_states *states)
{
	return 2 * states->wait;
}

bool cmk_state_wanted(const struct cmk_states *states, size_t disk)
{
	return *states->disks[disk].uuid && states->disks[disk].state != EVS_DEV_STATE_DEAD;
}

/* ---- the process that reads the headers, and those that ask ---- */

struct items {
	struct cmk_answer *item;
	size_t count;
};

static void add_tokens(struct items *items, size_t disk, const struct evs_volume *vol)
{
	size_t i, count = evs_volume_token_count(vol);
	struct cmk_answer *grown;

	grown = reallocarray(items->item, items->count + count, sizeof(*grown));
	if (!grown)
		return;
	items->item = grown;
	for (i = 0; i < count; i++) {
		const struct evs_token *token = evs_volume_token_at(vol, i);
		struct cmk_answer *item = &items->item[items->count++];

		*item = (struct cmk_answer){
			.disk = disk, .token = (unsigned int)i, .tokens = (unsigned int)count,
		};
		strcpy(item->kms, token->kms);
		strcpy(item->cmk, token->cmk);
	}
}

static void read_headers(const struct cmk_states *states, struct items *items)
{
	struct evs_error ignored = {};
	struct evs_volume *vol;
	size_t i;

	for (i = 0; i < states->count; i++) {
		if (!cmk_state_wanted(states, i) ||
		    disks_read_header(&states->disks[i], &vol, &ignored))
			continue;
		add_tokens(items, i, vol);
		evs_volume_close(vol);
	}
}

static void answer(int out, const struct cmk_answer *item)
{
	if (write(out, item, sizeof(*item)) != (ssize_t)sizeof(*item))
		_exit(1);
}

/* Asks for one CMK, and answers for all tokens that are under it. */
static void ask_cmk(struct evs_kms *kms, const struct items *items, size_t first, int out)
{
	const struct cmk_answer *wanted = &items->item[first];
	struct evs_error err = {};
	struct evs_cmk cmk = {};
	size_t i;
	int ret;

	ret = evs_kms_describe_key(kms, wanted->cmk, &cmk, &err);
	if (ret && err.class != EVS_CLASS_CMK_DELETED)
		return;
	for (i = first; i < items->count; i++) {
		struct cmk_answer *item = &items->item[i];

		if (strcmp(item->kms, wanted->kms) || strcmp(item->cmk, wanted->cmk))
			continue;
		item->deleted = ret;
		item->state = ret ? EVS_CMK_STATE_UNKNOWN : cmk.state;
		item->deletion = cmk.deletion;
		snprintf(item->alias, sizeof(item->alias), "%s", cmk.alias);
		answer(out, item);
	}
}

/* Has one of the items before been about the same KMS, and, with @cmk, the same CMK? */
static bool seen(const struct items *items, size_t index, bool cmk)
{
	size_t i;

	for (i = 0; i < index; i++)
		if (!strcmp(items->item[i].kms, items->item[index].kms) &&
		    (!cmk || !strcmp(items->item[i].cmk, items->item[index].cmk)))
			return true;
	return false;
}

static void ask_kms(const struct cmk_states *states, const struct items *items, size_t first,
		    int out)
{
	const struct evs_config_kms *found;
	struct evs_config_kms endpoint;
	struct evs_error ignored = {};
	struct evs_config config;
	struct evs_kms *kms;
	size_t i;

	if (evs_process_harden(&ignored) || evs_config_load(&config, &ignored))
		return;
	found = evs_config_kms(&config, items->item[first].kms, &ignored);
	if (!found)
		return;
	endpoint = *found;
	if (endpoint.timeout > kms_seconds(states))
		endpoint.timeout = kms_seconds(states);
	if (evs_kms_open(&kms, &endpoint, &ignored))
		return;
	for (i = first; i < items->count; i++)
		if (!strcmp(items->item[i].kms, endpoint.name) && !seen(items, i, true))
			ask_cmk(kms, items, i, out);
	evs_kms_close(kms);
}

/* The others end with the one that has started them. */
static pid_t start_process(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		_exit(1);
	return pid;
}

/* What libraries print is about something that nobody has asked for. */
static void silence(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
	    dup2(fd, STDERR_FILENO) < 0)
		_exit(1);
}

static void run(const struct cmk_states *states, int go, int out) __attribute__((noreturn));
static void run(const struct cmk_states *states, int go, int out)
{
	const struct cmk_answer ready = { .disk = READY };
	struct items items = {};
	size_t i;
	char c;

	silence();
	read_headers(states, &items);
	answer(out, &ready);
	while (read(go, &c, 1) < 0 && errno == EINTR)
		;
	for (i = 0; i < items.count; i++) {
		if (seen(&items, i, false) || start_process())
			continue;
		ask_kms(states, &items, i, out);
		_exit(0);
	}
	close(out);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	_exit(0);
}

/* ---- the process that wants to know ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Takes one answer; false when there is none any more, or not in time. */
static bool take_answer(const struct cmk_states *states, int64_t deadline,
			struct cmk_answer *got)
{
	struct pollfd fd = { .fd = states->in, .events = POLLIN };
	int64_t left = deadline - now_ms();
	int ret;

	do
		ret = poll(&fd, 1, left > 0 ? (int)left : 0);
	while (ret < 0 && errno == EINTR && (left = deadline - now_ms()) > 0);
	return ret == 1 && read(states->in, got, sizeof(*got)) == (ssize_t)sizeof(*got);
}

/* One that hangs in the kernel goes when it can; nobody waits for it. */
static void end_process(struct cmk_states *states)
{
	if (!states->pid)
		return;
	kill(states->pid, SIGKILL);
	if (states->go >= 0)
		close(states->go);
	close(states->in);
	waitpid(states->pid, NULL, WNOHANG);
	states->pid = 0;
}

static bool any_wanted(const struct cmk_states *states)
{
	size_t i;

	for (i = 0; i < states->count; i++)
		if (cmk_state_wanted(states, i))
			return true;
	return false;
}

void cmk_state_start(struct cmk_states *states, const struct evs_disk *disks, size_t count,
		     unsigned int wait)
{
	int go[2] = { -1, -1 }, answers[2] = { -1, -1 };
	struct cmk_answer first;

	*states = (struct cmk_states){ .disks = disks, .count = count, .wait = wait };
	if (!any_wanted(states))
		return;
	if (!pipe2(go, O_CLOEXEC) && !pipe2(answers, O_CLOEXEC))
		states->pid = start_process();
	if (!states->pid && answers[1] >= 0) {
		close(go[1]);
		close(answers[0]);
		run(states, go[0], answers[1]);
	}
	close(go[0]);
	close(answers[1]);
	if (states->pid <= 0) {
		close(go[1]);
		close(answers[0]);
		states->pid = 0;
		return;
	}
	states->go = go[1];
	states->in = answers[0];
	if (!take_answer(states, now_ms() + states->wait * 1000, &first))
		end_process(states);
}

void cmk_state_ask(struct cmk_states *states)
{
	int64_t deadline = now_ms() + kms_seconds(states) * 1000;
	struct cmk_answer *grown, got;

	if (!states->pid)
		return;
	close(states->go);
	states->go = -1;
	while (take_answer(states, deadline, &got)) {
		grown = reallocarray(states->answers, states->answer_count + 1, sizeof(got));
		if (!grown || got.disk >= states->count)
			break;
		states->answers = grown;
		states->answers[states->answer_count++] = got;
	}
	end_process(states);
}

void cmk_state_free(struct cmk_states *states)
{
	end_process(states);
	free(states->answers);
}

/* ---- what is said ---- */

static bool is_usable(const struct cmk_answer *answer)
{
	/* One that a KMS of another kind has no word for may be used as well. */
	return !answer->deleted && (answer->state == EVS_CMK_STATE_ENABLED ||
				    answer->state == EVS_CMK_STATE_UNKNOWN);
}

const char *cmk_state_name(const struct cmk_states *states, size_t disk)
{
	const struct cmk_answer *answer = states->answers;
	size_t i;

	for (i = 0; i < states->answer_count; i++, answer++)
		if (answer->disk == disk && !answer->token)
			return answer->deleted ? "deleted" : evs_cmk_state_name(answer->state);
	return NULL;
}

static void print(const struct evs_disk *disk, const struct cmk_answer *answer)
{
	const char *cmk = *answer->alias ? answer->alias : answer->cmk, *command = "cmk enable";
	char option[8 + EVS_KMS_NAME_MAX] = "", date[8 + EVS_DATE_SIZE] = "", path[32];
	char day[EVS_DATE_SIZE];

	disks_path(disk, path, sizeof(path));
	if (strcmp(answer->kms, EVS_KMS_LOCAL))
		snprintf(option, sizeof(option), "--kms %s ", answer->kms);
	if (answer->deleted) {
		evs_text_line(stderr,
			      "evs-setup: CMK %s of KMS %s is deleted: disk %s (%s) will not attach again; what is not copied while it is attached is lost",
			      cmk, answer->kms, disk->name, path);
		return;
	}
	if (answer->state == EVS_CMK_STATE_PENDING_DELETION) {
		if (answer->deletion)
			snprintf(date, sizeof(date), " on %s",
				 evs_date_day(day, answer->deletion));
		evs_text_line(stderr,
			      "evs-setup: CMK %s is pending deletion%s: disk %s (%s) will not attach again unless you run: evs-setup cmk cancel-deletion %s%s, then: evs-setup cmk enable %s%s",
			      cmk, date, disk->name, path, option, cmk, option, cmk);
		return;
	}
	if (answer->state != EVS_CMK_STATE_DISABLED)
		command = "cmk import";
	evs_text_line(stderr,
		      "evs-setup: CMK %s is %s: disk %s (%s) will not attach again until you run: evs-setup %s %s%s",
		      cmk, evs_cmk_state_name(answer->state), disk->name, path, command, option,
		      cmk);
}

void cmk_state_tell(const struct cmk_states *states, size_t disk)
{
	const struct cmk_answer *answer = states->answers, *first = NULL;
	unsigned int refused = 0;
	size_t i;

	/* A disk with two tokens, after a rewrap that was cut short, needs one of them. */
	for (i = 0; i < states->answer_count; i++, answer++) {
		if (answer->disk != disk || is_usable(answer))
			continue;
		refused++;
		if (!first || answer->token < first->token)
			first = answer;
	}
	if (first && refused == first->tokens)
		print(&states->disks[disk], first);
}

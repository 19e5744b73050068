// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs as they are called: usage, versions, verbs that take no disk, with the
 * real daemon as the KMS. Needs root, as the daemon does.
 */
#include "kmsd_fixture.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define DAY (24 * 60 * 60L)
#define UUID "6a0496ef-62a6-4963-960c-9a9d20739a38"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define OPERATION " --operation describe-key"

static struct fixture f;

static int set_up(void **state)
{
	if (root_only(state))
		return -1;
	fixture_init(&f);
	fixture_client(&f, 20);
	daemon_start(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (daemon_stop(&f, SIGTERM))
		return -1;
	return remove_tree(f.dir);
}

/* A command, the exit status of the program, and what is in its output and messages. */
struct row {
	const char *command;
	int status;
	const char *part;
};

/* Runs it in the fixture's directory; the programs stand there under their names. */
static int run_shell(const char *command, char *out, size_t size)
{
	const char *build = getenv("BUILD");
	char *path = realpath(build ? build : "build", NULL), *line;
	size_t len;
	FILE *pipe;

	assert_non_null(path);
	assert_true(asprintf(&line, "exec 2>&1; cd %s; PATH=%s/evs-setup:%s/evs-kmsd:"
			     "%s/evs-request-key:%s/evs-generator:%s/peers/otc:$PATH; %s", f.dir,
			     path, path, path, path, path, command) > 0);
	pipe = popen(line, "re");
	assert_non_null(pipe);
	len = fread(out, 1, size - 1, pipe);
	out[len] = '\0';
	free(line);
	free(path);
	return WEXITSTATUS(pclose(pipe));
}

static void check_rows(const struct row *row, size_t count)
{
	char out[8192];
	int status;

	for (; count; count--, row++) {
		status = run_shell(row->command, out, sizeof(out));
		if (status != row->status || !strstr(out, row->part))
			fail_msg("%s: exit status %d, want %d and \"%s\":\n%s", row->command, status,
				 row->status, row->part, out);
	}
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_versions(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup --version", 0, "evs-setup " },
		{ "evs-kmsd --version", 0, "evs-kmsd " },
		{ "evs-setup -V", 0, "evs-setup " },
		{ "for p in evs-setup evs-kmsd evs-request-key evs-generator; do $p --version; done | "
		  "tee versions | cut -d' ' -f2 | sort -u | wc -l; wc -l <versions", 0, "1\n4\n" },
		{ "evs-setup version --json", 0, "{\"programs\":[{\"name\":\"evs-setup\",\"version\":\"" },
		{ "evs-setup --version >/dev/full", 3, "standard output: No space left" },
		{ "evs-setup --help >/dev/full", 3, "standard output: " },
	};

	(void)state;
	CHECK(rows);
}

/* The key server's libraries are the key server's alone. */
static void test_libraries(void **state)
{
	static const struct row rows[] = {
		{ "readelf -d $(command -v evs-kmsd)", 0, "libsqlite3" },
		{ "readelf -d $(command -v evs-setup) | grep -c 'sqlite\\|microhttpd\\|gnutls'", 1,
		  "0" },
	};

	(void)state;
	CHECK(rows);
}

/* The log is rotated while the daemon runs, which goes on in the new one. */
static void test_audit(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup cmk create before", 0, "before" },
		{ "evs-kmsd --config kmsd.conf audit rotate", 0, "/state/audit.log.2" },
		{ "evs-kmsd --config kmsd.conf audit rotate extra", 1, "extra: unexpected" },
		{ "evs-kmsd --config kmsd.conf audit rotate --help", 0, "Usage: evs-kmsd" },
		{ "evs-setup cmk create after", 0, "after" },
		{ "evs-kmsd --config kmsd.conf audit show", 0, "createKey cmk=" },
		{ "evs-kmsd --config kmsd.conf audit show | head -n 1", 0, "rotateAudit" },
		{ "evs-kmsd --config kmsd.conf audit show state/audit.log.2* state/audit.log |"
		  " grep -c createKey", 0, "2" },
		{ "evs-kmsd --config kmsd.conf audit verify", 0, "the chain is whole" },
		{ "evs-kmsd --config kmsd.conf audit verify state/audit.log*", 0, "records 1 to " },
		{ "evs-kmsd --config kmsd.conf audit show --since 2000-01-01 --json", 0,
		  "{\"seq\":" },
		{ "evs-kmsd --config kmsd.conf audit show --since 2100-01-01T00:00:00Z | wc -l", 0,
		  "0" },
		{ "evs-kmsd --config kmsd.conf audit show --since soon", 1,
		  "--since soon: not a time, as 2026-11-30" },
		{ "evs-kmsd --config kmsd.conf audit show --cmk x --volume y", 0, "" },
		{ "evs-kmsd --config kmsd.conf audit show none", 3, "none: No such file" },
		{ "evs-kmsd --config kmsd.conf audit verify none", 3, "none: No such file" },
	};

	(void)state;
	CHECK(rows);
}

static void test_usage(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup probe", 1, "is missing" },
		{ "evs-setup resize", 1, "disk is missing" },
		{ "evs-setup resume", 1, "disk is missing" },
		{ "evs-setup resume --key x data", 1, "--key" },
		{ "evs-setup suspend a b", 1, "b" },
		{ "evs-setup rewrap", 1, "is missing" },
		{ "evs-setup rewrap no-such-file", 4, "no-such-file: No such file" },
		{ "evs-setup create --no-such-option", 1, "unknown option" },
		{ "evs-setup status --no-such-option", 1, "unknown option" },
		{ "evs-setup doctor extra", 1, "extra" },
		{ "evs-setup header backup one", 1, "are needed" },
		{ "evs-setup header restore a b c", 1, "unexpected argument c" },
		{ "evs-setup header dump", 1, "is missing" },
		{ "evs-kmsd init --state-dir relative --module /m", 1, "not an absolute path" },
		{ "evs-kmsd init extra", 1, "extra: unexpected argument" },
		{ "evs-kmsd init --help", 0, "Usage: evs-kmsd [--config FILE] init" },
		{ "evs-kmsd --config $PWD/kmsd.conf init --module /m", 5, "initialised already" },
		{ "evs-kmsd init --state-dir", 1, "--state-dir: unknown option, or without" },
		{ "evs-kmsd root rewrap", 1, "--token or --new-key is missing" },
		{ "evs-kmsd root rewrap --new-key --token t", 1, "--new-key: not with other" },
		{ "evs-kmsd root rewrap --new-key extra", 1, "extra: unexpected argument" },
		{ "evs-kmsd root rewrap --no-such-option", 1, "Try: evs-kmsd root rewrap --help" },
		{ "evs-kmsd --config kmsd.conf root rewrap --new-key", 5, "stop evs-kmsd first: " },
		{ "evs-kmsd --config kmsd.conf root rewrap --token t --module /m --pin-file /p"
		  " --root-key k --softhsm2-conf /s", 5, "stop evs-kmsd first: " },
		{ "evs-kmsd backup", 1, "one FILE is needed" },
		{ "evs-kmsd backup --no-such-option x", 1, "Try: evs-kmsd backup --help" },
		{ "evs-kmsd backup --help", 0, "Usage: evs-kmsd" },
		{ "evs-kmsd restore", 1, "one FILE is needed" },
		{ "evs-kmsd restore --resurrect", 1, "Try: evs-kmsd restore --help" },
		{ "evs-kmsd --config kmsd.conf backup kms.backup && stat -c %a kms.backup", 0, "600" },
		{ "evs-kmsd --config kmsd.conf backup kms.backup", 3, "kms.backup: File exists" },
		{ "evs-kmsd --config kmsd.conf restore kms.backup", 5, "stop evs-kmsd first: " },
		{ "evs-kmsd --config kmsd.conf restore --resurrect all none", 3, "none: No such" },
		{ "evs-kmsd --config kmsd.conf restore kmsd.conf", 2, "not a backup of evs-kmsd" },
		{ "evs-kmsd frobnicate", 1, "frobnicate: unexpected argument" },
		{ "evs-kmsd --config none audit rotate extra", 1, "extra: unexpected argument" },
		{ "evs-kmsd audit", 1, "audit: unexpected argument" },
		{ "evs-kmsd audit show --no-such-option", 1, "Try: evs-kmsd audit show --help" },
		{ "evs-setup cmk list extra", 1, "extra" },
		{ "evs-setup cmk list --no-such-option", 1, "unknown option" },
		{ "evs-setup cmk schedule-deletion", 1, "CMK is missing" },
		{ "evs-setup cmk schedule-deletion k", 1, "--days is missing: 7 to 1096" },
		{ "evs-setup cmk rotation --no-such-option k", 1, "unknown option" },
		{ "evs-setup cmk rotation --on --off k", 1, "goes with neither" },
		{ "evs-setup cmk set k", 1, "give one of them" },
		{ "evs-setup cmk grant list --to x k", 1, "unknown option --to" },
		{ "evs-setup cmk grant add", 1, "CMK" },
		{ "evs-setup cmk grant add k", 1, "--to is missing" },
		{ "evs-setup cmk grant remove k", 1, "id of the grant is missing" },
		{ "evs-setup cmk grant add --to '' k", 1, "--to : empty" },
		{ "evs-setup cmk grant add --name " X64 X64 X64 X64 " k", 1, "--name" },
		{ "evs-setup cmk grant add --retiring " X64 X64 X64 " k", 1, "--retiring" },
		{ "evs-setup cmk grant add" OPERATION OPERATION OPERATION OPERATION OPERATION
		  OPERATION OPERATION OPERATION OPERATION OPERATION OPERATION OPERATION OPERATION
		  OPERATION OPERATION OPERATION OPERATION " k", 1, "--operation: more than" },
		{ "evs-setup agency create extra", 1, "extra" },
		{ "evs-setup agency create --account ''", 1, "--account : empty" },
		{ "evs-request-key --help", 0, "Usage: evs-request-key KEY UID DESCRIPTION" },
		{ "evs-request-key", 1, "Usage: evs-request-key" },
		{ "evs-request-key -x", 1, "Usage: evs-request-key" },
		{ "evs-request-key 0", 1, "" },
		{ "evs-request-key 12x 0 evs:" UUID, 1, "" },
		{ "evs-request-key 99999999999 0 evs:" UUID, 1, "" },
		{ "evs-request-key 2147483647 0", 2, "" },
		{ "evs-request-key 2147483647 0 evs:x", 2, "" },
		{ "evs-request-key -D x /dev/null", 1, "bad UUID" },
		{ "evs-generator", 1, "Usage: evs-generator" },
		{ "evs-generator a b", 1, "Usage: evs-generator" },
	};

	(void)state;
	CHECK(rows);
}

/* Help of the program, of a group and of a verb; what is no verb, and what was meant. */
static void test_help(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup 2>/dev/null", 1, "" },
		{ "evs-setup", 1, "no verb is given\n\nUsage: evs-setup VERB" },
		{ "evs-setup --help 2>/dev/null", 0, "  cmk create " },
		{ "evs-setup -h", 0, "  attach " },
		{ "evs-setup help", 0, "Usage: evs-setup VERB" },
		{ "evs-setup help attach", 0, "Usage: evs-setup attach " },
		{ "evs-setup attach -h", 0, "  -r, --read-only " },
		{ "evs-setup help cmk grant", 0, "  cmk grant remove " },
		{ "evs-setup cmk", 1, "  cmk create " },
		{ "evs-setup cmk grant", 1, "  cmk grant add " },
		{ "evs-setup cmk --help 2>/dev/null", 0, "  cmk grant add " },
		{ "evs-setup help frobnicate", 1, "frobnicate: no such verb; see: evs-setup help\n" },
		{ "evs-setup cmk frobnicate", 1, "cmk frobnicate: no such verb; see: evs-setup help cmk\n" },
		{ "evs-setup lsit", 1, "did you mean: evs-setup list\n" },
		{ "evs-setup cmk lst x", 1, "did you mean: evs-setup cmk list\n" },
		{ "evs-setup stat", 1, "did you mean: evs-setup status\n" },
		{ "evs-setup --no-such-option", 1, "unknown option --no-such-option" },
		{ "evs-setup cmk rename a b", 1, "cmk rename: no such verb" },
	};

	(void)state;
	CHECK(rows);
}

#define JSON(key, value) " --json 2>/dev/null | jq -er '" key " == " value "'"
#define ERROR(key, value) JSON(".error" key, value)

/* One object for whatever happens, and the sentence for people beside it */
static void test_json(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup frobnicate" ERROR(".class", "\"usage\""), 0, "true" },
		{ "evs-setup --no-such-option" ERROR("[\"exit-status\"]", "1"), 0, "true" },
		{ "evs-setup cmk list extra" ERROR(".class", "\"usage\""), 0, "true" },
		{ "evs-setup create --no-such-option" ERROR(".text", "\"unknown option --no-such-option\""),
		  0, "true" },
		{ "evs-setup probe none" ERROR(".class", "\"not-found\""), 0, "true" },
		{ "evs-setup probe none --json 2>&1 >/dev/null", 4, "evs-setup: probe: none: " },
		{ "evs-setup cmk create j" JSON(".cmks[0].alias", "\"j\""), 0, "true" },
		{ "truncate -s 20M jd; evs-setup create --cmk j jd" JSON(".disks[0].device", "\"jd\""), 0, "true" },
		{ "evs-setup probe jd" JSON("(.disks[0].size|type)", "\"number\""), 0, "true" },
		{ "evs-setup rewrap jd" JSON("(.disks[0].uuid|length)", "36"), 0, "true" },
		{ "evs-setup header label jd x" JSON(".", "{}"), 0, "true" },
		{ "evs-setup header dump jd" JSON(".tokens[0].label", "\"x\""), 0, "true" },
		{ "evs-setup cmk set j --description d" JSON(".cmks[0].description", "\"d\""), 0, "true" },
		{ "evs-setup cmk rotation j" JSON(".cmks[0].rotation", "false"), 0, "true" },
		{ "evs-setup cmk rotation --on j" JSON(".cmks[0][\"interval-days\"]", "365"), 0, "true" },
		{ "evs-setup cmk quotas" JSON(".quotas[1].type", "\"grants-per-CMK\""), 0, "true" },
		{ "evs-setup cmk grant add --to u j" JSON("(.grants[0].id|length)", "64"), 0, "true" },
		{ "evs-setup cmk grant list j" JSON(".grants[0].grantee", "\"u\""), 0, "true" },
		{ "evs-setup doctor" JSON("([.checks[]|select(.result == \"ok\" and .what == \"KMS local\")]|length)",
					  "1"), 0, "true" },
		{ "evs-setup cmk disable j" JSON(".cmks[0].state", "\"disabled\""), 0, "true" },
		{ "evs-setup create --force --cmk j jd" ERROR("|[.class, .code, .state, .\"exit-status\"]",
		  "[\"cmk-disabled\", \"KMS.0209\", \"disabled\", 2]"), 0, "true" },
		{ "evs-setup rewrap jd" ERROR(".advice", "\"enable it with: evs-setup cmk enable j\""),
		  0, "true" },
		{ "id=$(evs-setup cmk show j -o ID -n); evs-setup create --force --cmk j jd --json 2>/dev/null | "
		  "jq -er --arg id $id '.error.key == $id'", 0, "true" },
		{ "evs-setup cmk schedule-deletion --yes --days 7 j" JSON("(.cmks[0].deletion|length)", "20"),
		  0, "true" },
	};

	(void)state;
	CHECK(rows);
}

#define CALL "^evs-setup: [A-Z]+ unix:/[^ ]+: [0-9]+, [0-9]+ ms$"

/*
 * --verbose has a line for each call, and nothing else: no header and no body. A KMS that
 * does not answer is waited for, and that is said at a terminal.
 */
static void test_calls(void **state)
{
	static const struct row rows[] = {
		{ "head -c 32 /dev/urandom >m; chmod 600 m; truncate -s 20M vd; "
		  "evs-setup cmk create --external v", 0, "v pending import" },
		{ "{ evs-setup cmk import --file m v -v; evs-setup create --cmk v vd -v; evs-setup rewrap vd -v; "
		  "} 2>&1 >/dev/null | tee calls | grep -v ': waiting for ' | grep -vE '" CALL "'", 1, "" },
		{ "grep -c '/kms/create-datakey: 200, ' calls", 0, "1\n" },
		{ "evs-setup cmk show none --verbose", 2, "/kms/describe-key: 4" },
		{ "evs-setup cmk list 2>&1 >/dev/null", 0, "" },
		{ "printf '[kms x]\nurl = unix:/none\nproject = p\n' >x.conf; "
		  "EVS_CONF=$PWD/x.conf evs-setup cmk list --kms x -v", 6,
		  "evs-setup: POST unix:/none/v1.0/p/kms/list-keys: " },
	};

	(void)state;
	CHECK(rows);
}

static void test_slow(void **state)
{
	static const struct row rows[] = {
		{ "script -qfec 'evs-setup cmk list' said >/dev/null & p=$!; "
		  "until grep -q 'evs-setup: waiting for unix:' said || ! kill -0 $p; do sleep .1; done; "
		  "kill -CONT $DAEMON; wait $p && cat said", 0, "evs-setup: waiting for unix:" },
	};
	char pid[16];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)f.pid);
	assert_int_equal(setenv("DAEMON", pid, 1), 0);
	assert_int_equal(kill(f.pid, SIGSTOP), 0);
	CHECK(rows);
}

/* The table of verbs is sound: nothing stands twice in the options of a verb. */
static void test_verbs(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup help | sed -n 's/^  \\([a-z][a-z -]*[a-z]\\)  .*/\\1/p' >verbs; "
		  "test $(wc -l <verbs) -gt 30 && sort verbs | uniq -d | wc -l", 0, "0\n" },
		{ "while read -r v; do evs-setup complete -- $v -- | sort | uniq -d; evs-setup help $v | "
		  "grep -o '^  -[a-zA-Z]' | sort | uniq -d; done <verbs | wc -l", 0, "0\n" },
		{ "while read -r v; do evs-setup help $v | awk 'length > 90'; done <verbs | wc -l", 0, "0\n" },
	};

	(void)state;
	CHECK(rows);
}

#define COMPLETE(words) "bash comp.sh " words

/* What the shell is offered, by the script that is installed for it */
static void test_completion(void **state)
{
	static const struct row rows[] = {
		{ "cat >comp.sh <<'END'\n"
		  ". \"$(dirname \"$(command -v evs-setup)\")/../../integration/bash-completion/evs-setup\"\n"
		  "COMP_WORDS=(evs-setup \"$@\"); COMP_CWORD=$#; _evs_setup; echo \"<${COMPREPLY[*]}>\"\n"
		  "END\n" COMPLETE("at"), 0, "<attach>\n" },
		{ COMPLETE("cmk grant ''"), 0, "<add list remove>\n" },
		{ COMPLETE("complet"), 0, "<>\n" },
		{ COMPLETE("help head"), 0, "<header>\n" },
		{ COMPLETE("create --forc"), 0, "<--force>\n" },
		{ COMPLETE("attach --sector-size ''"), 0, "<512 4096>\n" },
		{ COMPLETE("list -o NAME,REA"), 0, "<NAME,READS>\n" },
		{ "touch comp.file; " COMPLETE("probe comp.f"), 0, "<comp.file>\n" },
		{ "evs-setup cmk create comp-key; " COMPLETE("cmk show comp-"), 0, "<comp-key>\n" },
		{ COMPLETE("create --cmk comp-"), 0, "<comp-key>\n" },
		{ COMPLETE("cmk list --kms loc"), 0, "<local>\n" },
		{ COMPLETE("cmk show --kms none comp-"), 0, "<>\n" },
		{ "printf 'comp-disk UUID=" UUID "\\n' >comp.tab; EVSTAB=$PWD/comp.tab "
		  COMPLETE("attach --tab comp"), 0, "<comp-disk>\n" },
	};

	(void)state;
	CHECK(rows);
}

/* evs.conf, what it names, and evstab, without a KMS: there is none at /none. */
static void test_config(void **state)
{
	static const struct row rows[] = {
		{ "printf '[kms n]\nurl = unix:/none\nproject = p\n' >n.conf; "
		  "printf 'a UUID=" UUID " kms=n\nb /dev/x\n' >n.tab; "
		  "EVS_CONF=$PWD/n.conf EVSTAB=$PWD/n.tab evs-setup config check", 0,
		  "ok    KMS n: its section is complete" },
		{ "echo 'c UUID=" UUID "' >>n.tab; echo 'd /dev/y kms=m' >>n.tab; echo e >>n.tab; "
		  "EVS_CONF=$PWD/n.conf EVSTAB=$PWD/n.tab evs-setup config check >found 2>&1", 2, "" },
		{ "cat found", 0, "n.tab:3: c has the device of a\n" },
		{ "cat found", 0, "n.tab:4: d: KMS \"m\" is not configured" },
		{ "cat found", 0, "n.tab:5: e has no device\n" },
		{ "cat found", 0, "config check: 3 of 7 checks found something to mend\n" },
		{ "printf 'auth = password\nuser = u\ndomain = d\npassword-file = /none\n' >>n.conf; "
		  "EVS_CONF=$PWD/n.conf evs-setup config check", 2, "BAD   KMS n: " },
		{ "echo nonsense >>n.conf; EVS_CONF=$PWD/n.conf evs-setup config check --json 2>/dev/null | "
		  "jq -r '.checks[0].result'", 0, "BAD\n" },
	};

	(void)state;
	CHECK(rows);
}

/* Tables as lsblk(8) has them */
static void test_columns(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup cmk create --description 'a b' c1", 0, "c1 enabled" },
		{ "evs-setup cmk list -n -o ALIAS,STATE | grep c1 | xargs", 0, "c1 enabled\n" },
		{ "evs-setup cmk list -o alias | head -n 1", 0, "ALIAS" },
		{ "evs-setup cmk list -r -o DESCRIPTION", 0, "a\\x20b\n" },
		{ "evs-setup cmk show -n -o STATE c1", 0, "enabled\n" },
		{ "evs-setup cmk show c1", 0, "DEFAULT     no\n" },
		{ "evs-setup cmk list -o NONE", 1, "unknown column NONE; the columns are ALIAS, ID, STATE" },
		{ "truncate -s 20M cd; evs-setup create cd && evs-setup probe -n -b -o SIZE,OFFSET cd | xargs",
		  0, "4194304 16777216\n" },
		{ "evs-setup probe -n -o OFFSET cd", 0, "16M\n" },
	};

	(void)state;
	CHECK(rows);
}

/*
 * Output that is lost is told, whatever was called, and gives a status of its own; a
 * descriptor that is closed is not one that the program's own files get.
 */
static void test_output(void **state)
{
	static const char *const commands[] = {
		"evs-setup --version", "evs-setup --help", "evs-setup attach --help",
		"evs-setup cmk --help", "evs-setup doctor",
		"evs-setup probe out",
		"evs-setup probe --export out", "evs-setup header dump out",
		"evs-setup header dump --json out", "evs-setup rewrap out",
		"evs-setup cmk create out-$n", "evs-setup cmk list", "evs-setup cmk list --json",
		"evs-setup cmk show o", "evs-setup cmk show --json o", "evs-setup cmk create d$n; evs-setup cmk disable d$n",
		"evs-setup cmk disable o; evs-setup cmk enable o",
		"evs-setup cmk set o --description text",
		"evs-setup cmk set d$n --alias e$n", "evs-setup cmk rotation o",
		"evs-setup cmk grant add --to u$n o", "evs-setup cmk grant list o",
		"evs-setup cmk grant list --json", "evs-setup cmk quotas", "evs-setup version",
		"evs-setup help create", "evs-setup header label out x --json",
		"evs-setup cmk schedule-deletion --days 7 e$n",
		"evs-setup cmk cancel-deletion e$n",
		"evs-setup agency create", "evs-setup agency show",
		"evs-kmsd --help", "evs-kmsd --version", "evs-kmsd --config kmsd.conf audit show",
		"evs-kmsd --config kmsd.conf audit verify", "evs-request-key --help",
	};
	static const struct row before[] = {
		{ "truncate -s 20M out; evs-setup cmk create o && evs-setup create out", 0, "out" },
	}, after[] = {
		{ "evs-request-key -D $(cryptsetup luksUUID out) out >/dev/full", 3, "No space" },
		{ "evs-setup create --force out >&-", 3, "create: done, but the output was lost" },
		{ "evs-setup probe out", 0, "out" },
		{ "evs-setup cmk show out-1 && evs-setup cmk show out-3", 0, "enabled" },
		{ "evs-setup agency delete <&- >&- 2>&-", 0, "" },
		{ "evs-setup header backup out out.header >/dev/full", 0, "" },
		{ "evs-setup header restore out out.header >&-", 0, "" },
		{ "evs-setup cmk create out-4 >/dev/full", 3,
		  "cmk create: done, but the output was lost: standard output: No space left" },
	};
	char text[8192], line[512];
	size_t i;

	(void)state;
	CHECK(before);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		/* All at once: a shell each takes its time. */
		snprintf(line, sizeof(line), "n=1; %s >/dev/full; s=$?; n=2; %s >&-; s=$s$?; n=3;"
			 " %s <&- >&- 2>&-; echo status $s$?", commands[i], commands[i],
			 commands[i]);
		run_shell(line, text, sizeof(text));
		if (!strstr(text, "status 333\n") || !strstr(text, "standard output: "))
			fail_msg("%s:\n%s", commands[i], text);
	}
	CHECK(after);
}

#define LABEL(label) "cryptsetup config --label \"$(printf '" label "')\" " \
	"--subsystem evs odd; "
#define UTF8 " | iconv -f utf-8 -t utf-8"

/*
 * What a disk, a KMS or a command line says is no text perhaps: it is refused where it
 * would be kept, and made harmless where it is there already.
 */
static void test_text(void **state)
{
	static const struct row rows[] = {
		{ "truncate -s 20M odd; evs-setup create --label \"$(printf 'caf\\351')\" odd", 1,
		  "a label is UTF-8" },
		{ "evs-setup create --label \"$(printf 'a\\302\\233b')\" odd", 1,
		  "--label a\\xc2\\x9bb: a label is UTF-8 without control characters" },
		{ "evs-setup attach --name \"$(printf '\\377\\376')\" odd", 1,
		  "--name \\xff\\xfe: a name is UTF-8" },
		{ "evs-setup attach --name \"$(printf 'a\\302\\233b')\" odd", 1, "a name is UTF-8" },
		{ "evs-setup cmk create --description \"$(printf 'caf\\351')\" k9", 1, "must be UTF-8" },
		{ "evs-setup cmk grant add --to u --name \"$(printf '\\351')\" k9", 1, "must be UTF-8" },
		{ "evs-setup \"$(printf 'a\\233b')\"", 1, "a\\x9bb: no such verb" },
		{ "evs-kmsd \"--$(printf 'a\\233b')\"", 1, "--a\\x9bb: unknown option" },
		{ "evs-setup create --label \"$(printf 'caf\\303\\251')\" odd", 0, "odd" },
		{ "LC_ALL=C.UTF-8 evs-setup probe odd", 0, "caf\xc3\xa9" },
		{ "LC_ALL=C evs-setup probe odd", 0, "caf\\xc3\\xa9" },
		{ "LC_ALL=C evs-setup header dump --json odd", 0, "\"caf\xc3\xa9\"" },
		{ LABEL("caf\\351") "evs-setup header dump --json odd" UTF8, 0, "\"caf\xef\xbf\xbd\"" },
		{ "evs-setup probe --export odd" UTF8, 0, "EVS_LABEL=" },
		{ LABEL("a\\302\\233b") "LC_ALL=C.UTF-8 evs-setup header dump --json odd" UTF8, 0,
		  "\"a\xef\xbf\xbd" "b\"" },
		{ "LC_ALL=C.UTF-8 evs-setup probe odd", 0, "a\xef\xbf\xbd" "b" },
		{ "evs-setup probe --export odd | grep -c \"$(printf '\\302\\233')\"", 1, "0" },
		{ "cp odd \"$(printf 'caf\\351')\"; LC_ALL=C.UTF-8 evs-setup probe caf*" UTF8, 0, "caf" },
		{ "mv caf* caf; cd caf || evs-setup probe \"$(printf 'no\\233')\"", 4,
		  "no\\x9b: No such file" },
	};

	(void)state;
	CHECK(rows);
}

#define NOBODY "cd user; PATH=$PWD/bin:$PATH; HOME=$PWD SOFTHSM2_CONF=$PWD/hsm.conf " \
	"EVS_CONF=$PWD/evs.conf setpriv --reuid 65534 --regid 65534 --clear-groups " \
	"--bounding-set=-all --inh-caps=-all "
#define HSM "/usr/lib/softhsm/libsofthsm2.so"

/* What takes no right on this host works without: files and KMSs say who may use them. */
static void test_user(void **state)
{
	static const struct row rows[] = {
		{ "chmod 755 .; mkdir -p user/bin user/tokens; "
		  "cp $(command -v evs-setup evs-kmsd) user/bin; cd user; "
		  "echo directories.tokendir = $PWD/tokens >hsm.conf; echo 1234 >pin; "
		  "chmod 600 pin; truncate -s 20M disk; printf '[kms h]\nbackend = pkcs11\n"
		  "module = " HSM "\ntoken = t ; u\npin-file = %s/pin\n' $PWD >evs.conf; "
		  "chown -R 65534:65534 .", 0, "" },
		{ NOBODY "softhsm2-util --init-token --free --label 't ; u' --pin 1234 --so-pin 5678", 0,
		  "has been initialized" },
		{ NOBODY "evs-setup --help", 0, "Usage" },
		{ NOBODY "evs-setup attach --help", 0, "Usage" },
		{ NOBODY "evs-setup --version", 0, "evs-setup" },
		{ NOBODY "evs-setup cmk create --kms h k", 0, "k enabled" },
		{ NOBODY "evs-setup cmk list --kms h", 0, "enabled" },
		{ NOBODY "evs-setup create --kms h --cmk k disk", 0, "disk" },
		{ NOBODY "evs-setup probe disk", 0, "UUID" },
		{ NOBODY "evs-setup header dump disk", 0, "WRAPPED" },
		{ NOBODY "evs-setup header backup disk header", 0, "" },
		{ NOBODY "evs-setup header restore disk header", 0, "" },
		{ NOBODY "evs-setup rewrap disk", 0, "disk" },
		{ NOBODY "evs-setup doctor", 2, "KMS h: answers, 1 CMK\n" },
		{ NOBODY "evs-setup list", 2, "must be run as root: the driver asks for CAP_SYS_ADMIN" },
		{ NOBODY "evs-setup attach disk", 2, "must be run as root" },
		{ NOBODY "evs-kmsd init", 3, "ermission denied" },
		{ "touch user/bin/other; chmod 600 user/bin/other; " NOBODY "evs-setup probe bin/other", 2,
		  "ermission denied" },
	};

	(void)state;
	CHECK(rows);
}

/* What is wrong with a line is said, and the other lines are heeded. */
static void test_generator(void **state)
{
	static const struct row rows[] = {
		{ "mkdir units; printf 'a b\\ndata UUID=" UUID "\\n' >tab; "
		  "EVSTAB=$PWD/tab evs-generator units", 1, "evs-generator: " },
		{ "EVSTAB=$PWD/tab evs-generator units", 1, "tab:1: " },
		{ "find units -name '*data*'", 0, "evs-attach@data.service" },
		{ "EVSTAB=$PWD/tab evs-generator tab", 1, "tab:2: " },
		{ "EVSTAB=$PWD/units evs-generator units", 1, "units: " },
	};

	(void)state;
	CHECK(rows);
}

/* A certificate that is valid from and until so many seconds from now */
static void put_certificate(const char *name, long from, long until)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f.dir, name);
	file = fopen(path, "we");
	assert_true(key && cert && file);
	assert_true(X509_set_pubkey(cert, key) && X509_gmtime_adj(X509_getm_notBefore(cert), from) &&
		    X509_gmtime_adj(X509_getm_notAfter(cert), until) &&
		    X509_sign(cert, key, EVP_sha256()) && PEM_write_X509(file, cert));
	assert_int_equal(fclose(file), 0);
	X509_free(cert);
	EVP_PKEY_free(key);
}

#define DOCTOR(cert) "printf '[kms c]\\nurl = https://127.0.0.1:1\\nclient-cert-file = %s\\n" \
	"client-key-file = /k\\ntimeout = 1\\n' \"$PWD/" cert "\" >doctor.conf; " \
	"EVS_CONF=$PWD/doctor.conf evs-setup doctor | grep -a " cert

static void test_certificates(void **state)
{
	static const struct row rows[] = {
		{ DOCTOR("good.pem"), 0, "good.pem: is valid" },
		{ DOCTOR("soon.pem"), 0, ", within 30 days; get a new one" },
		{ DOCTOR("late.pem"), 0, "late.pem: expired on 20" },
		{ DOCTOR("early.pem"), 0, "is not valid yet" },
		{ DOCTOR("none.pem"), 0, "none.pem: No such file" },
		{ DOCTOR("evs.conf"), 0, "holds no certificate" },
	};

	(void)state;
	put_certificate("good.pem", -DAY, 90 * DAY);
	put_certificate("soon.pem", -DAY, 29 * DAY);
	put_certificate("late.pem", -2 * DAY, -DAY);
	put_certificate("early.pem", DAY, 2 * DAY);
	CHECK(rows);
}

/* One that may not list CMKs can use disks all the same: here, a user of the cloud. */
static void test_no_list(void **state)
{
	static const struct row rows[] = {
		{ "evs-kmsd --config $PWD/cloud-kms.conf init --state-dir $PWD/cloud", 0, "" },
		{ "printf '[project default]\naccount = local\n[user u]\naccount = local\n"
		  "password = password\n' >cloud.conf; printf 'password\n' >pw; chmod 600 pw; "
		  "otc cloud-kms.conf cloud.conf 0 2>otc.log & trap \"kill $!\" EXIT; "
		  "until grep -q ready otc.log; do kill -0 $! || exit; sleep 0.1; done; "
		  "url=http://$(sed -n 's/.* on //p' otc.log); "
		  "printf '[kms c]\nbackend = otc\nurl = %s\nproject = default\nauth = password\n"
		  "user = u\ndomain = local\npassword-file = %s\n' $url $PWD/pw >c.conf; "
		  "EVS_CONF=$PWD/c.conf evs-setup doctor | grep 'KMS c'",
		  0, "attaching disks does not take the list" },
	};

	(void)state;
	CHECK(rows);
}

/* Two rewraps at once would not know of each other's tokens. */
static void test_rewrap_lock(void **state)
{
	static const struct row rows[] = {
		{ "truncate -s 1M file; exec 9<file; evs-setup rewrap file", 5, "is in use" },
		{ "mkdir -p /run/evs/lock; "
		  "flock /run/evs/lock/file-$(stat -c %Hd:%Ld-%i file) evs-setup rewrap file", 5,
		  "is in use by another evs-setup" },
	};

	(void)state;
	CHECK(rows);
}

static void test_cmks(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup cmk create --kms local --description text k", 0, "k" },
		{ "evs-setup cmk show --json k", 0, "\"text\"" },
		{ "evs-setup cmk set --kms local --alias l k", 0, " l enabled" },
		{ "evs-setup cmk rotation --kms local l", 0, " l rotation off" },
		{ "evs-setup cmk rotation l --on --every 30", 0, " l rotation on, every 30 days" },
		{ "evs-setup cmk rotation l --every 29", 1, "30 to 365" },
		{ "evs-setup cmk grant list --kms none l", 4, "is not configured" },
		{ "evs-setup cmk grant add --kms local --to u1 --retiring u2 l", 0, "" },
		{ "evs-setup cmk grant list l --json", 0, "\"u2\"" },
		{ "evs-setup cmk import --kms local --file /no/such/file l", 4, "/no/such/file" },
		{ "evs-setup cmk grant list none", 2, "no such CMK" },
		{ "EVS_CONF=/none evs-setup cmk list", 4, "/none" },
		{ "truncate -s 20M new; EVS_CONF=/none evs-setup create new", 4, "/none" },
		{ "evs-setup create --cmk l new", 0, "" },
		{ "EVS_CONF=/none evs-setup rewrap new", 4, "/none" },
		{ "evs-setup rewrap new", 0, "" },
		{ "evs-setup rewrap --cmk none new", 2, "no such CMK" },
		{ "evs-setup cmk disable l && evs-setup rewrap new", 2, "disabled" },
		{ "evs-setup cmk enable l", 0, "enabled" },
		{ "evs-setup cmk schedule-deletion --days 7 none", 2, "no such CMK" },
		{ "evs-setup cmk schedule-deletion --kms local --yes --days 7 l", 0,
		  " l pending deletion 20" },
	};

	(void)state;
	CHECK(rows);
}

/* The log is a pipe that has not ended; its other end is returned. */
static int start_reading(const char *verb, int out, pid_t *pid)
{
	const char *build = getenv("BUILD");
	char program[256], config[96], fifo[96], text[8192];
	int fd;

	snprintf(program, sizeof(program), "%s/evs-kmsd/evs-kmsd", build ? build : "build");
	snprintf(config, sizeof(config), "%s/pipe.conf", f.dir);
	snprintf(fifo, sizeof(fifo), "%s/pipe", f.dir);
	assert_int_equal(run_shell("test -e pipe || mkfifo pipe; { cat kmsd.conf; echo '[audit]';"
				   " echo \"file = $PWD/pipe\"; } >pipe.conf", text, sizeof(text)), 0);
	*pid = fork();
	if (!*pid) {
		/* Ignored, perhaps, by whoever has started the tests */
		signal(SIGINT, SIG_DFL);
		signal(SIGPIPE, SIG_DFL);
		dup2(out, STDOUT_FILENO);
		execl(program, program, "--config", config, "audit", verb, NULL);
		_exit(127);
	}
	fd = open(fifo, O_WRONLY | O_CLOEXEC);	/* waits until it is read */
	assert_true(fd >= 0);
	return fd;
}

/* Only the daemon waits for signals: who checks or prints a log is ended by them. */
static void test_interrupted(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };
	int status, ends[2], log;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		log = start_reading(i ? "verify" : "show", STDERR_FILENO, &pid);
		assert_int_equal(kill(pid, signals[i]), 0);
		close(log);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	log = start_reading("show", ends[1], &pid);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(write(log, "x\n", 2), 2);
	close(log);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGPIPE);
}

static void test_agency(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup agency show", 2, "has no agency EVSAccessKMS" },
		{ "evs-setup agency create --kms local --account local --service op_svc_evs "
		  "--role 'KMS Administrator'", 0,
		  " EVSAccessKMS for op_svc_evs, KMS Administrator granted" },
		{ "evs-setup agency create --role 'Tenant Guest'", 1, "leave out --account, --service and --role" },
		{ "evs-setup agency show", 0, "KMS Administrator granted" },
		{ "evs-setup agency show --json | jq '.agencies[0].granted'", 0, "true" },
		{ "evs-setup agency delete", 0, "" },
		{ "evs-setup agency delete", 4, "has no agency" },
	};

	(void)state;
	CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_libraries),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_generator),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_no_list),
		cmocka_unit_test(test_rewrap_lock),
		cmocka_unit_test(test_cmks),
		cmocka_unit_test(test_agency),
		cmocka_unit_test(test_interrupted),
	};

	return cmocka_run_group_tests_name("kmsd_programs", tests, set_up, tear_down);
}

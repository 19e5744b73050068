// SPDX-License-Identifier: GPL-2.0-or-later
/* The surface of the programs: versions, usage, help, tables and objects, completion. */
#include "kmsd_programs.h"

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
		{ "evs-kmsd --config kmsd.conf backup kms.backup", 5, "kms.backup: File exists" },
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
		{ "evs-setup -h cmk grant add", 0, "Usage: evs-setup cmk grant add " },
		{ "evs-setup -q --verbose probe none extra", 1, "probe: " },
		{ "evs-setup -x probe none", 1, "probe: unknown option -x" },
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
		{ "evs-setup -q --json probe jd | jq -er '.disks[0].device == \"jd\"'", 0, "true" },
		{ "evs-setup rewrap jd" JSON("(.disks[0].uuid|length)", "36"), 0, "true" },
		{ "evs-setup header label jd x" JSON(".", "{}"), 0, "true" },
		{ "evs-setup header dump jd" JSON(".tokens[0].label", "\"x\""), 0, "true" },
		{ "evs-setup cmk set j --description d" JSON(".cmks[0].description", "\"d\""), 0, "true" },
		{ "evs-setup cmk rotation j" JSON(".cmks[0].rotation", "false"), 0, "true" },
		{ "evs-setup cmk rotation --on j" JSON(".cmks[0][\"interval-days\"]", "365"), 0, "true" },
		{ "evs-setup cmk quotas" JSON(".quotas[1].type", "\"grants-per-CMK\""), 0, "true" },
		{ "evs-setup cmk grant add --to root j" JSON("(.grants[0].id|length)", "64"), 0, "true" },
		{ "evs-setup cmk grant list j" JSON(".grants[0].grantee", "\"root\""), 0, "true" },
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

/* A copy of a disk that something else has made */
static void test_new_uuid(void **state)
{
	static const struct row rows[] = {
		{ "evs-setup cmk create n; truncate -s 20M nd; evs-setup create --label l --cmk n nd && cp nd nc",
		  0, "nd " },
		{ "evs-setup header new-uuid nc" JSON("(.disks[0].uuid|length)", "36"), 0, "true" },
		{ "test $(evs-setup probe -n -o UUID nd) != $(evs-setup probe -n -o UUID nc)", 0, "" },
		{ "evs-setup header dump --json nc | jq -c '.tokens | map([.label, (.uuid as $u | .context | contains($u))])'",
		  0, "[[\"l\",true]]\n" },
		{ "evs-setup rewrap nc", 0, "nc " },
		/* Another CMK than that of the header, and not a copy of it */
		{ "md5sum nc >sum; evs-setup header new-uuid --cmk $(evs-setup cmk create n2 | cut -d' ' -f1) nc",
		  2, "not wrapped by key" },
		{ "md5sum -c sum", 0, "nc: OK" },
		{ "evs-setup header new-uuid --cmk " X64 X64 X64 X64 X64 " nc", 1, "is too long" },
		{ "(sleep 60) <>nc & evs-setup header new-uuid nc; s=$?; kill $!; exit $s", 5, "nc: " },
		/* Pools have verbs of their own for it */
		{ "printf '[pool np]\nengine = dir\ndir = /none\n' >np.conf; "
		  "EVS_CONF=$PWD/np.conf evs-setup header new-uuid np/d", 1,
		  "np/d: is a disk of a pool: its copies have UUIDs of their own" },
		{ "EVS_CONF=$PWD/np.conf evs-setup adopt np/d", 1,
		  "np/d: is a disk of a pool: give a device or file" },
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
		{ "printf '[repo comp]\nengine = dir\npath = /none\n' >comp.conf; EVS_CONF=$PWD/comp.conf "
		  COMPLETE("backup list co"), 0, "<comp>\n" },
		{ "EVS_CONF=$PWD/comp.conf " COMPLETE("backup delete co"), 0, "<comp::>\n" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_libraries),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_new_uuid),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests_name("kmsd_programs", tests, set_up, tear_down);
}

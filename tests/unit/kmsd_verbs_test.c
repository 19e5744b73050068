// SPDX-License-Identifier: GPL-2.0-or-later
/* Verbs that take no disk: what they do, and what becomes of their output. */
#include "kmsd_programs.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define DAY (24 * 60 * 60L)

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
		"evs-setup cmk grant add --to root o", "evs-setup cmk grant list o",
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
		{ "evs-setup cmk grant add --to root --name \"$(printf '\\351')\" k9", 1, "must be UTF-8" },
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
		{ "evs-setup cmk grant add --kms local --to root --retiring u2 l", 0, "" },
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

	return cmocka_run_group_tests_name("kmsd_verbs", tests, set_up, tear_down);
}

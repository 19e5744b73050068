// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may call, and what: sections [client NAME], their roles, and how they end. */
#include "kmsd_tls.h"

#include <poll.h>

#define FINGERPRINT "0011223344556677889900112233445566778899001122334455667788990011"
#define REST "[store]\ndatabase=/d\n[hsm]\nmodule=/m\npin-file=/p\n"
#define CA "[listen]\nclient-ca = /ca\n"
#define DATAKEY "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\"}"

/* What a section must have, and what no two may. */
static void test_sections(void **state)
{
	static const struct {
		const char *text;
		const char *why;	/* NULL: it is good */
	} row[] = {
		{ "[client a]\nuid = 7\nrole = user\n", NULL },
		{ "[client a.b-c_1]\nfingerprint = " FINGERPRINT "\nrole = auditor\nproject = p-1\n",
		  NULL },
		{ CA "[client a]\nsubject = CN=a\nrole = user\n[client b]\nsan = b\nrole = user\n",
		  NULL },
		{ "[client a]\nuid = 7\n", "[client a]: has no role" },
		{ "[client a]\nrole = user\n", "[client a]: needs one of uid, fingerprint, subject" },
		{ "[client a]\nrole = user\nuid = 7\nfingerprint = " FINGERPRINT "\n",
		  "[client a]: needs one of uid" },
		{ "[client a]\nuid = 7\nrole = user\n[client b]\nuid = 7\nrole = user\n",
		  "[client a] and [client b] are one caller" },
		{ "[client a]\nuid = 7\nuid = 8\n", "given twice: [client a] uid" },
		{ "[client a]\nuid = 0\n", "not a user id other than root's: [client a] uid" },
		{ "[client a]\nuid = 4294967295\n", "not a user id other than root's" },
		{ "[client a]\nrole = boss\n", "neither administrator, user nor auditor" },
		{ "[client a]\nrole = user\nrole = user\n", "given twice" },
		{ "[client a]\nproject = a/b\n", "not the id of a project" },
		{ "[client a]\nfingerprint = 00:11\n", "not the SHA-256 of a certificate" },
		{ "[client a]\nfingerprint = " FINGERPRINT "0\n", "not the SHA-256" },
		{ "[client a]\ncolour = red\n", "unknown setting: [client a] colour" },
		{ "[client root]\n", "root on the socket is an administrator" },
		{ "[client a/b]\n", "bad name of a client" },
		{ "[client a]\nsan = a\nrole = user\n",
		  "[client a]: subject and san need [listen] client-ca" },
		{ "[listen]\nclient-crl = /c\n", "client-crl needs [listen] client-ca" },
	};
	struct evs_error err = {};
	struct kmsd_conf conf;
	char text[1024];
	size_t i;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(text, sizeof(text), "%s" REST, row[i].text);
		err = (struct evs_error){};
		ret = kmsd_conf_parse(&conf, "x.conf", text, &err);
		if (ret != (row[i].why ? -EINVAL : 0))
			fail_msg("%s: %d %s", row[i].text, ret, err.text);
		if (row[i].why)
			assert_contains(err.text, row[i].why);
		else
			kmsd_conf_free(&conf);
	}
}

/* One call of an operation by TLS. */
static struct answer by_tls(const char *client, const char *project, const char *op,
			    const char *body)
{
	struct answer a = {};
	char path[160];
	CURL *curl;

	snprintf(path, sizeof(path), "/v1.0/%s/kms/%s", project, op);
	curl = https_open(path, tls13, client, &a);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
	a.json = a.text ? json_tokener_parse(a.text) : NULL;
	curl_easy_cleanup(curl);
	return a;
}

#define tls_ok(...) free(check_ok(by_tls(__VA_ARGS__), "key_id", __FILE__, __LINE__))
#define tls_refused(code, ...) check_refused(by_tls(__VA_ARGS__), 403, code, __FILE__, __LINE__)

/* The refusal tells who has to do what. */
static void tls_says(const char *client, const char *op, const char *body, const char *want)
{
	struct answer a = by_tls(client, "default", op, body);

	assert_int_equal(a.status, 403);
	assert_contains(member(&a, "error_msg"), want);
	answer_free(&a);
}

static void test_roles(void **state)
{
	(void)state;
	make_certificates();
	add_client("self", "user");
	add_client("admin", "administrator");
	add_client("client", "auditor");
	start_tls("");
	/* Nobody, and somebody who is none of them */
	tls_refused("KMS.0301", NULL, "default", "list-keys", "{}");
	tls_refused("KMS.0302", "stranger", "default", "list-keys", "{}");
	tls_says("stranger", "list-keys", "{}", "is no client of this KMS: it takes a section");
	tls_refused("KMS.0302", "stranger", "default", "create-datakey", DATAKEY);
	sh("grep -q '\"event\":\"createDataKey\".*\"claimed\":\"CN=stranger\"' state/audit.log");

	/* Without the agency, a user may nothing, and is told who has to do what */
	tls_says("self", "create-datakey", DATAKEY,
		 "an administrator of the project has to run, once: evs-setup agency create");
	tls_refused("KMS.0306", "self", "default", "create-agency", "{}");
	tls_refused("KMS.0306", "client", "default", "create-agency", "{}");
	tls_ok("admin", "default", "create-agency", "{}");
	tls_ok("self", "default", "create-datakey", DATAKEY);
	tls_refused("KMS.0306", "self", "default", "create-key", "{\"key_alias\":\"a\"}");
	tls_refused("KMS.0306", "self", "default", "delete-agency", "{}");
	/* An administrator needs no agency; an auditor reads */
	tls_ok("admin", "default", "create-key", "{\"key_alias\":\"a\"}");
	tls_ok("client", "default", "describe-key", "{\"key_id\":\"alias/a\"}");
	tls_refused("KMS.0306", "client", "default", "create-datakey", DATAKEY);
	assert_int_equal(https_status("/metrics", tls13, "client", "evs_kmsd_cmks"), 200);
	/* By its role: that nobody has made an agency for no project would be enough as well */
	assert_int_equal(https_status("/metrics", tls13, "self",
				      "has the role user; this takes administrator or auditor"), 403);
	/* Another project is another's, the agency's as well */
	tls_refused("KMS.0321", "admin", "other", "list-keys", "{}");
	tls_refused("KMS.0321", "admin", "other", "create-agency", "{}");
	/* Taken away, it is gone at once */
	tls_ok("admin", "default", "delete-agency", "{}");
	tls_refused("KMS.0306", "self", "default", "create-datakey", DATAKEY);
	/* Root on the socket needs none */
	call_done(&f, "create-datakey", DATAKEY);
}

/* A grant on one CMK, to one client: of another project, and without an agency. */
static void test_grant(void **state)
{
	char body[256], *key, *grant;

	(void)state;
	make_certificates();
	add_client("self", "user\nproject = other");
	start_tls("");
	key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}");
	snprintf(body, sizeof(body), "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key);
	check_refused(by_tls("self", "other", "create-datakey", body), 404, "KMS.0207", __FILE__,
		      __LINE__);
	grant = call_ok(&f, "grant_id", "create-grant", "{\"key_id\":\"%s\",\"grantee_principal\":"
			"\"self\",\"operations\":[\"create-datakey\"]}", key);
	tls_ok("self", "other", "create-datakey", body);
	call_done(&f, "revoke-grant", "{\"key_id\":\"%s\",\"grant_id\":\"%s\"}", key, grant);
	check_refused(by_tls("self", "other", "create-datakey", body), 404, "KMS.0207", __FILE__,
		      __LINE__);
	free(key);
	free(grant);
}

/* Has the daemon written this to its log? Waits for it. */
static void wait_log(const char *text)
{
	char *command;
	int tries = 3000;

	assert_true(asprintf(&command, "grep -q '%s' %s", text, f.log) > 0);
	while (system(command) && --tries)
		sleep_ms(20);
	if (!tries)
		fail_msg("the log lacks: %s", text);
	free(command);
}

static void reload(void)
{
	sh(": >log");
	assert_int_equal(kill(f.pid, SIGHUP), 0);
	wait_log("SIGHUP:");
}

/* A client with a connection that stays open. */
static CURL *stay(const char *client, struct answer *a)
{
	CURL *curl = https_open("/v1.0/default/kms/user-quotas", tls13, client, a);
	long status;

	assert_int_equal(curl_easy_perform(curl), CURLE_OK);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	assert_int_equal(status, 200);
	return curl;
}

static bool is_open(CURL *curl)
{
	struct pollfd p = { .events = POLLRDHUP };
	curl_socket_t fd = -1;

	curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
	p.fd = fd;
	return fd >= 0 && !poll(&p, 1, 0);
}

static void wait_closed(CURL *curl)
{
	int tries = 3000;

	while (is_open(curl) && --tries)
		sleep_ms(20);
	assert_true(tries);
}

/* A section that goes takes the client with it, and the connection that it has. */
static void test_revoked(void **state)
{
	struct answer a = {}, b = {};
	CURL *gone, *stays;

	(void)state;
	configure_tls("");
	/* None of them ends by itself */
	sh("sed -i 's/-seconds = .*/-seconds = 3600/' kmsd.conf");
	close(start_configured());
	add_client("self", "administrator");
	sh("cp kmsd.conf one.conf");
	add_client("admin", "administrator");
	/* What is in the file counts when the daemon is told to look */
	tls_refused("KMS.0302", "self", "default", "list-keys", "{}");
	reload();
	gone = stay("admin", &a);
	stays = stay("self", &b);
	sh("cp one.conf kmsd.conf");
	reload();
	wait_closed(gone);
	assert_true(is_open(stays));
	tls_refused("KMS.0302", "admin", "default", "list-keys", "{}");
	/* Another role is another client */
	sh("sed -i s/administrator/auditor/ kmsd.conf");
	reload();
	wait_closed(stays);
	tls_refused("KMS.0306", "self", "default", "create-key", "{\"key_alias\":\"a\"}");
	/* What cannot be read changes nothing */
	sh("echo '[client]' >>kmsd.conf");
	reload();
	wait_log("SIGHUP: nothing changed: .*unknown section");
	assert_int_equal(https_status("/v1.0/default/kms/user-quotas", tls13, "self", "CMK"), 200);
	curl_easy_cleanup(gone);
	curl_easy_cleanup(stays);
	answer_free(&a);
	answer_free(&b);
}

/* By names in a certificate, as far as our CA vouches for it and has not revoked it. */
static void test_ca(void **state)
{
	char ca[256];

	(void)state;
	make_certificates();
	sh("touch index; echo 01 >serial; printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\n"
	   "default_md=sha256\\ndefault_crl_days=2\\n' >ca.cnf; "
	   "openssl ca -config ca.cnf -gencrl -cert ca.pem -keyfile ca.key -out crl.pem");
	sh("{ echo '[client dns]'; echo san = HOST.example; echo role = auditor; "
	   "echo '[client dn]'; echo subject = CN=server; echo role = auditor; "
	   "echo '[client other]'; echo subject = CN=stranger; echo role = auditor; } >>kmsd.conf");
	snprintf(ca, sizeof(ca), "client-ca = %s/ca.pem\nclient-crl = %s/crl.pem\n", f.dir, f.dir);
	start_tls(ca);
	assert_int_equal(https_status("/metrics", tls13, "client", "evs_kmsd"), 200);
	assert_int_equal(https_status("/metrics", tls12, "client",
				      "evs_kmsd_certificate_expiry_seconds{client=\"dns\"} 1"), 200);
	assert_int_equal(https_status("/metrics", tls12, "client",
				      "evs_kmsd_certificate_expiry_seconds{client=\"\"} 1"), 200);
	wait_log("evs-kmsd: its certificate expires on 20");
	/* For servers; from another CA, with a name that is in a section */
	assert_int_equal(https_status("/metrics", tls12, "server", "KMS.0302"), 403);
	assert_int_equal(https_status("/metrics", tls12, "stranger", "KMS.0302"), 403);
	assert_int_equal(https_status("/metrics", tls12, NULL, "KMS.0301"), 403);
	wait_log("client dns: its certificate expires on 20");
	/* By its subject */
	sh("sed -i 's/^san = .*/subject = CN=client/' kmsd.conf");
	reload();
	assert_int_equal(https_status("/metrics", tls12, "client", "evs_kmsd"), 200);
	sh("openssl ca -config ca.cnf -revoke client.pem -cert ca.pem -keyfile ca.key && "
	   "openssl ca -config ca.cnf -gencrl -cert ca.pem -keyfile ca.key -out crl.pem");
	reload();
	assert_int_equal(https_status("/metrics", tls12, "client", "KMS.0302"), 403);
}

/* From nothing to a remote host that works, by what is printed and written. */
static void test_enrol(void **state)
{
	const char *build = getenv("BUILD");
	char *program = realpath(build ? build : "build", NULL);

	(void)state;
	assert_non_null(program);
	start_tls("");
	sh("%s/evs-kmsd/evs-kmsd --config $PWD/kmsd.conf client add host7 >said && "
	   "grep -q '^host7 is a client now, role user in project default' said && "
	   "grep -qx '  systemctl reload evs-kmsd' said && "
	   "grep -qx \"  scp -p $PWD/client-host7/{client.pem,kmsd.pem,evs.conf} root@host7:/etc/evs/\" said", program);
	sh("test \"$(stat -c %%a client-host7 client-host7/client.pem | tr '\\n' ' ')\" = '700 600 '");
	/* Twice, or what cannot be */
	sh("cp kmsd.conf before && "
	   "! %s/evs-kmsd/evs-kmsd --config $PWD/kmsd.conf client add host7 2>said && "
	   "grep -q 'there is a .client host7. already' said", program);
	sh("! %s/evs-kmsd/evs-kmsd --config $PWD/kmsd.conf client add --role boss host8 && "
	   "! test -e client-host8 && cmp kmsd.conf before", program);
	sh("sed 's:^certificate = .*:certificate = /none.pem:' kmsd.conf >bad.conf && "
	   "! %s/evs-kmsd/evs-kmsd --config $PWD/bad.conf client add host9 2>said && "
	   "grep -q none.pem said && ! test -e client-host9", program);
	/* A disk that fills up within the section: all of it is as it was */
	sh("{ cat kmsd.conf; head -c $((102360 - $(stat -c %%s kmsd.conf))) /dev/zero | "
	   "tr '\\0' '#'; } >whole.conf && cp whole.conf before && trap '' XFSZ && "
	   "! prlimit --fsize=102400 %s/evs-kmsd/evs-kmsd --config $PWD/whole.conf client add host8 "
	   "2>said && grep -q 'File too large' said && cmp whole.conf before && "
	   "! test -e whole.conf.new && ! test -e client-host8", program);
	sh("sed s:/etc/evs/:$PWD/client-host7/: client-host7/evs.conf >remote.conf");
	sh("! EVS_CONF=$PWD/remote.conf %s/evs-setup/evs-setup cmk list 2>said && "
	   "grep -q 'does not accept who asks.*the .client NAME. sections' said", program);
	reload();
	sh("! EVS_CONF=$PWD/remote.conf %s/evs-setup/evs-setup cmk list 2>said && "
	   "grep -q 'has to run, once: evs-setup agency create' said", program);
	sh("printf '[kms local]\\nurl = unix:%%s\\n' $PWD/sock >here.conf && "
	   "EVS_CONF=$PWD/here.conf %s/evs-setup/evs-setup agency create", program);
	sh("EVS_CONF=$PWD/remote.conf %s/evs-setup/evs-setup cmk list", program);
	free(program);
}

/* Becomes somebody else, and asks. */
static int ask_as(uid_t uid, const char *op, const char *body)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(uid) || setuid(uid))
			_exit(1);
		_exit((int)(call(&f, op, "%s", body).status / 10));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_uid(void **state)
{
	(void)state;
	fixture_configure(&f, "[client svc]\nuid = 65533\nrole = user\n");
	assert_int_equal(chmod(f.dir, 0755), 0);
	daemon_start(&f);
	assert_int_equal(ask_as(65533, "create-datakey", DATAKEY), 40);
	call_done(&f, "create-agency", "{}");
	assert_int_equal(ask_as(65533, "create-datakey", DATAKEY), 20);
	assert_int_equal(ask_as(65533, "create-key", "{\"key_alias\":\"a\"}"), 40);
	assert_int_equal(ask_as(65534, "create-datakey", DATAKEY), 40);
	assert_int_equal(ask_as(65534, "describe-key", "{\"key_id\":\"alias/evs/default\"}"), 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections),
		cmocka_unit_test_setup_teardown(test_roles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grant, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revoked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca, setup, teardown),
		cmocka_unit_test_setup_teardown(test_enrol, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uid, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_caller", tests, NULL, NULL);
}

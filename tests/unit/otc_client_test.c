// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end otc against the double of the cloud (tests/peers/otc), as a user and
 * through an agency, and its administrative calls.
 */
#include "kmsd_fixture.h"

#include "kms/kms.h"
#include "kms/backend.h"
#include "server.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define PASSWORD "p\"ass\\word 1"

static struct fixture f;
static char secret[96], url[64];
static pid_t cloud;
static struct evs_error err;

static int set_up(void **state)
{
	static const char conf[] =
		"[project default]\naccount = local\n"
		"[user adm]\naccount = local\npassword = " PASSWORD "\naccess-key = AKADM\n"
		"secret-key = sk/1+\nrole default = KMS Administrator\n"
		"[user boss]\naccount = local\npassword = " PASSWORD "\n"
		"access-key = AKBOSS\nsecret-key = sk/2+\nrole = Security Administrator\n"
		"[user guest]\naccount = local\npassword = " PASSWORD "\n"
		"[user evs]\naccount = op_svc_evs\npassword = " PASSWORD "\n"
		"access-key = AKEVS\nsecret-key = sk/3+\nrole = Agent Operator\n";
	const char *build = getenv("BUILD");
	unsigned int port = free_port();
	char program[256], number[16], *path;

	(void)state;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fixture_init(&f);
	snprintf(secret, sizeof(secret), "%s/secret", f.dir);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	snprintf(number, sizeof(number), "%u", port);
	snprintf(program, sizeof(program), "%s/peers/otc/otc", build ? build : "build");
	path = realpath(program, NULL);
	assert_non_null(path);
	put_file(f.dir, "cloud.conf", conf, 0);
	cloud = start_server(f.dir, (char *const[]){ path, f.config, (char *)"cloud.conf", number,
						     NULL }, port);
	free(path);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stop_server(cloud);
	remove_tree(f.dir);
	return 0;
}

static void write_secret(const char *text)
{
	put_file(f.dir, "secret", text, 0);
}

/* A client with these keys, names and values by turns */
static struct evs_kms *open_kms(const char *const *pairs)
{
	struct evs_config_kms cfg = { .name = "cloud", .ops = evs_kms_backend("otc"), .timeout = 60 };
	struct evs_kms *kms;

	assert_int_equal(evs_config_set(&cfg, "url", url), 0);
	assert_int_equal(evs_config_set(&cfg, "project", "default"), 0);
	for (; *pairs; pairs += 2)
		assert_int_equal(evs_config_set(&cfg, pairs[0], pairs[1]), 0);
	if (evs_otc_ops.check(&cfg, &err) || evs_kms_open(&kms, &cfg, &err))
		fail_msg("%s", err.text);
	return kms;
}

static struct evs_kms *open_as(const char *user)
{
	write_secret(PASSWORD "\n");
	return open_kms((const char *const[]){ "auth", "password", "user", user, "domain", "local",
					       "password-file", secret, NULL });
}

static void must(int ret)
{
	if (ret)
		fail_msg("%s", err.text);
}

static void assert_text(const char *part)
{
	if (!strstr(err.text, part))
		fail_msg("\"%s\" lacks \"%s\"", err.text, part);
}

static void test_password(void **state)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_token token;
	struct evs_kms *kms;
	struct evs_cmk cmk;

	(void)state;
	assert_non_null(dk);
	kms = open_as("adm");
	must(evs_kms_create_key(kms, "pw", NULL, &cmk, &err));
	must(evs_token_init(&token, "cloud", cmk.id, UUID, &err));
	must(evs_kms_create_datakey(kms, &token, dk, &err));
	must(evs_kms_encrypt_datakey(kms, &token, dk, &err));
	must(evs_kms_decrypt_datakey(kms, &token, dk, &err));
	evs_kms_close(kms);
	write_secret("another password");
	kms = open_kms((const char *const[]){ "auth", "password", "user", "adm", "domain", "local",
					      "password-file", secret, NULL });
	assert_int_equal(evs_kms_describe_key(kms, "pw", &cmk, &err), -EPERM);
	assert_int_equal(err.class, EVS_CLASS_BAD_CREDENTIALS);
	assert_text("KMS cloud: does not accept who asks");
	assert_text("user adm of local");
	evs_kms_close(kms);
	evs_secret_free(dk);
}

static void test_access_key(void **state)
{
	struct evs_kms *kms;
	struct evs_cmk cmk;

	(void)state;
	write_secret("sk/1+");
	kms = open_kms((const char *const[]){ "auth", "ak-sk", "access-key", "AKADM",
					      "secret-key-file", secret, NULL });
	must(evs_kms_create_key(kms, "aksk", "d", &cmk, &err));
	must(evs_kms_describe_key(kms, "aksk", &cmk, &err));
	evs_kms_close(kms);
	write_secret("sk/1-");
	kms = open_kms((const char *const[]){ "auth", "ak-sk", "access-key", "AKADM",
					      "secret-key-file", secret, NULL });
	assert_int_equal(evs_kms_describe_key(kms, "aksk", &cmk, &err), -EPERM);
	assert_text("APIGW.0301");
	evs_kms_close(kms);
}

static struct evs_kms *open_agency(void)
{
	write_secret(PASSWORD);
	return open_kms((const char *const[]){ "auth", "password", "user", "evs", "domain",
		"op_svc_evs", "password-file", secret, "agency", "EVSAccessKMS", "agency-domain",
		"local", NULL });
}

/* The grant of a first user, as a Security Administrator makes it, and what it takes. */
static void test_agency(void **state)
{
	struct evs_agency agency = { .name = "EVSAccessKMS", .account = "local",
				     .trusted = "op_svc_evs", .role = "KMS Administrator" };
	struct evs_kms *kms, *boss;
	struct evs_cmk cmk;

	(void)state;
	kms = open_agency();
	assert_int_equal(evs_kms_describe_key(kms, EVS_CMK_DEFAULT, &cmk, &err), -EPERM);
	assert_text("agency EVSAccessKMS of local");
	evs_kms_close(kms);

	boss = open_as("boss");
	assert_int_equal(evs_kms_find_agency(boss, &agency, &err), -ENOENT);
	assert_text("evs-setup agency create");
	must(evs_kms_create_agency(boss, &agency, &err));
	assert_true(agency.granted);
	/* Again: it is there, and stays as it is. */
	must(evs_kms_create_agency(boss, &agency, &err));
	memset(agency.trusted, 0, sizeof(agency.trusted));
	must(evs_kms_find_agency(boss, &agency, &err));
	assert_string_equal(agency.trusted, "op_svc_evs");
	assert_true(agency.granted);
	kms = open_agency();
	must(evs_kms_describe_key(kms, EVS_CMK_DEFAULT, &cmk, &err));
	assert_true(cmk.is_default);

	must(evs_kms_delete_agency(boss, &agency, &err));
	assert_int_not_equal(evs_kms_describe_key(kms, EVS_CMK_DEFAULT, &cmk, &err), 0);
	assert_int_equal(evs_kms_delete_agency(boss, &agency, &err), -ENOENT);
	strcpy(agency.role, "no such role");
	assert_int_equal(evs_kms_create_agency(boss, &agency, &err), -ENOENT);
	assert_text("there is no role no such role");
	evs_kms_close(kms);
	evs_kms_close(boss);
}

/* Who is no Security Administrator is told so. */
static void test_agency_denied(void **state)
{
	struct evs_agency agency = { .name = "EVSAccessKMS", .account = "local",
				     .trusted = "op_svc_evs", .role = "KMS Administrator" };
	struct evs_kms *kms;

	(void)state;
	kms = open_as("adm");
	assert_int_equal(evs_kms_create_agency(kms, &agency, &err), -EACCES);
	assert_text("the role Security Administrator");
	evs_kms_close(kms);
}

static void test_deletion(void **state)
{
	struct evs_kms *kms;
	struct evs_cmk cmk;

	(void)state;
	kms = open_as("adm");
	must(evs_kms_create_key(kms, "gone", NULL, &cmk, &err));
	must(evs_kms_schedule_deletion(kms, "gone", 7, &cmk, &err));
	assert_int_equal(cmk.state, EVS_CMK_STATE_PENDING_DELETION);
	assert_in_range(cmk.deletion, time(NULL) + 6 * 86400, time(NULL) + 8 * 86400);
	assert_int_equal(evs_kms_schedule_deletion(kms, "gone", 7, &cmk, &err), -EKEYEXPIRED);
	assert_text("cancel with: evs-setup cmk cancel-deletion --kms cloud gone, then enable it");
	assert_int_equal(evs_kms_enable_key(kms, "gone", &cmk, &err), -EKEYEXPIRED);
	must(evs_kms_cancel_deletion(kms, "gone", &cmk, &err));
	assert_int_equal(cmk.state, EVS_CMK_STATE_DISABLED);
	assert_int_equal(evs_kms_cancel_deletion(kms, "gone", &cmk, &err), -EINVAL);
	assert_text("is disabled, not scheduled for deletion");
	must(evs_kms_enable_key(kms, "gone", &cmk, &err));
	evs_kms_close(kms);
}

static void test_change(void **state)
{
	struct evs_rotation rotation;
	struct evs_kms *kms;
	struct evs_cmk cmk;

	(void)state;
	kms = open_as("adm");
	must(evs_kms_create_key(kms, "old", NULL, &cmk, &err));
	must(evs_kms_rename(kms, "old", "new", &cmk, &err));
	must(evs_kms_set_description(kms, "new", "what it \"is\" for", &cmk, &err));
	must(evs_kms_describe_key(kms, "new", &cmk, &err));
	assert_string_equal(cmk.description, "what it \"is\" for");
	assert_int_equal(evs_kms_describe_key(kms, "old", &cmk, &err), -ENOKEY);
	must(evs_kms_get_rotation(kms, "new", &cmk, &rotation, &err));
	assert_false(rotation.on);
	must(evs_kms_set_rotation(kms, "new", true, &cmk, &err));
	must(evs_kms_set_rotation_interval(kms, "new", 90, &cmk, &err));
	must(evs_kms_get_rotation(kms, "new", &cmk, &rotation, &err));
	assert_true(rotation.on);
	assert_int_equal(rotation.interval, 90);
	assert_int_equal(rotation.count, 0);
	must(evs_kms_set_rotation(kms, "new", false, &cmk, &err));
	must(evs_kms_describe_key(kms, EVS_CMK_DEFAULT, &cmk, &err));
	assert_int_equal(evs_kms_set_rotation(kms, EVS_CMK_DEFAULT, true, &cmk, &err), -EOPNOTSUPP);
	evs_kms_close(kms);
}

static void test_grants(void **state)
{
	struct evs_grant grant = { .name = "g1", .operation_count = 2,
				   .operations = { "describe-key", "decrypt-datakey" } };
	struct evs_grant *grants;
	struct evs_kms *kms, *other;
	struct evs_cmk cmk;
	size_t count;

	(void)state;
	strcpy(grant.grantee, "guest");
	kms = open_as("adm");
	other = open_as("guest");
	must(evs_kms_create_key(kms, "shared", NULL, &cmk, &err));
	assert_int_equal(evs_kms_describe_key(other, cmk.id, &cmk, &err), -EACCES);
	assert_text("a KMS administrator has to grant kms:cmk:get");
	must(evs_kms_describe_key(kms, "shared", &cmk, &err));
	must(evs_kms_create_grant(kms, cmk.id, &grant, &err));
	must(evs_kms_describe_key(other, cmk.id, &cmk, &err));
	must(evs_kms_list_grants(kms, "shared", &grants, &count, &err));
	assert_int_equal(count, 1);
	assert_string_equal(grants[0].id, grant.id);
	assert_string_equal(grants[0].grantee, "guest");
	assert_int_equal(grants[0].operation_count, 2);
	free(grants);
	must(evs_kms_revoke_grant(kms, "shared", grant.id, false, &err));
	assert_int_equal(evs_kms_describe_key(other, cmk.id, &cmk, &err), -EACCES);
	evs_kms_close(kms);
	evs_kms_close(other);
}

/* The cloud's own SDK gets from its double what it would get from the cloud. */
static void test_sdk(void **state)
{
	char *script = realpath("../tests/peers/sdk/run", NULL), command[320];

	(void)state;
	assert_non_null(script);
	snprintf(command, sizeof(command), "%s %s %s client.js", script, f.dir,
		 strrchr(url, ':') + 1);
	run(f.dir, command);
	free(script);
}

/* ---- no copy of a password stays behind ---- */

#define CHUNK (1 << 20)

/* Whether any writable memory of this process but @own holds @text, given inverted. */
static bool memory_holds(const unsigned char *text, size_t len, struct evs_secret *own)
{
	unsigned char *needle = own->data + CHUNK;
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end, at;
	char line[512], perms[5];
	bool found = false;
	ssize_t got;
	size_t i;

	assert_true(mem >= 0 && maps);
	for (i = 0; i < len; i++)
		needle[i] = (unsigned char)~text[i];
	while (!found && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) != 3 || perms[1] != 'w' ||
		    (start <= (unsigned long)own && (unsigned long)own < end))
			continue;
		for (at = start; at < end && !found; at += CHUNK - len) {
			got = pread(mem, own->data, CHUNK, (off_t)at);
			if (got <= 0)
				break;
			found = memmem(own->data, (size_t)got, needle, len);
		}
	}
	fclose(maps);
	close(mem);
	return found;
}

static void test_no_copies(void **state)
{
	unsigned char inverted[] = PASSWORD;
	struct evs_secret *own;
	size_t len = strlen(PASSWORD), i;
	struct evs_kms *kms;
	struct evs_cmk cmk;
	char *copy;
	int status;
	pid_t pid;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();		/* its shadow memory is too large to be searched */
#endif
	for (i = 0; i < len; i++)
		inverted[i] = (unsigned char)~inverted[i];
	/* A process of its own, in which nothing else has handled the password */
	pid = fork();
	if (!pid) {
		own = evs_secret_alloc(CHUNK + 64);
		copy = malloc(len);
		if (!own || !copy)
			_exit(4);
		kms = open_as("adm");
		memcpy(copy, PASSWORD, len);
		/* The search finds what is there. */
		if (!memory_holds(inverted, len, own))
			_exit(2);
		explicit_bzero(copy, len);
		free(copy);
		if (evs_kms_describe_key(kms, "pw", &cmk, &err))
			_exit(3);
		evs_kms_close(kms);
		_exit(memory_holds(inverted, len, own));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_no_copies),
		cmocka_unit_test(test_access_key),
		cmocka_unit_test(test_agency),
		cmocka_unit_test(test_agency_denied),
		cmocka_unit_test(test_deletion),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_sdk),
	};

	return cmocka_run_group_tests_name("otc_client", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The double of the cloud in this process, with accounts, and an operator and a spy. */
#ifndef OTC_RULES_TEST_H
#define OTC_RULES_TEST_H

#include "kmsd_fixture.h"

#include "cloud.h"
#include "kms/backend.h"
#include "kms/clock.h"
#include "kms/kms.h"

#define START INT64_C(1800000000)
#define TOKENS "/v3/auth/tokens?nocatalog=1"
#define KMS(project, op) "/v1.0/" project "/kms/" op

static const char conf[] =
	"[project default]\naccount = local\n"
	"[project theirs]\naccount = other\n"
	"[user adm]\naccount = local\npassword = password\nrole default = KMS Administrator\n"
	"[user boss]\naccount = local\npassword = password\nrole = Security Administrator\n"
	"[user part]\naccount = local\npassword = password\n"
	"role default = Security Administrator\nrole default = Agent Operator\n"
	"[user nil]\naccount = local\npassword = password\n"
	"[instance]\naccount = local\nagency = vm\n";
static const char operator[] =
	"[user op]\naccount = op_svc_evs\npassword = password\nrole = Agent Operator\n";
static const char spy[] =
	"[user spy]\naccount = other\npassword = password\nrole = Agent Operator\n"
	"role = Security Administrator\nrole theirs = KMS Administrator\n";

static struct fixture f;
static struct otc_cloud cloud;
static struct otc_server *server;
static unsigned int port;
static struct evs_error err;
static int64_t now_ms;
static char path[96];

static int64_t fake_wall(void)
{
	return now_ms / 1000;
}

/* Writes the file that says who there is, and has it read. */
static void let_there_be(const char *one, const char *two)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fprintf(file, "%s%s%s", conf, one, two) > 0);
	assert_int_equal(fclose(file), 0);
	if (cloud.kmsd && otc_reload(&cloud, path, &err))
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	(void)state;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fixture_init(&f);
	fixture_open(&f);
	now_ms = START * 1000;
	f.kmsd.clock = (struct kmsd_clock){ fake_now, &now_ms };
	evs_clock.wall = fake_wall;
	snprintf(path, sizeof(path), "%s/cloud.conf", f.dir);
	memset(&cloud, 0, sizeof(cloud));
	let_there_be(operator, spy);
	port = 0;
	if (otc_open(&cloud, &f.kmsd, path, &err) ||
	    otc_server_start(&server, &cloud, &port, &err))
		fail_msg("%s", err.text);
	call_done(&f, "create-key", "{\"key_alias\":\"k\"}");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	otc_server_stop(server);
	otc_close(&cloud);
	fixture_close(&f);
	return 0;
}

/* X-Subject-Token of the last answer of this thread */
static _Thread_local char subject[OTC_TOKEN_SIZE];

static size_t on_answer_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "X-Subject-Token: ";

	(void)arg;
	if (size * n > strlen(name) && !strncasecmp(data, name, strlen(name)))
		snprintf(subject, sizeof(subject), "%.*s", (int)(size * n - strlen(name) - 2),
			 data + strlen(name));
	return size * n;
}

static struct answer ask(const char *token, const char *method, const char *where,
			 const char *body)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *curl = curl_easy_init();
	struct answer a = {};
	char url[256], line[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, where);
	snprintf(line, sizeof(line), "X-Auth-Token: %s", token ? token : "");
	if (token)
		headers = curl_slist_append(headers, line);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_answer_header);
	subject[0] = '\0';
	if (curl_easy_perform(curl) == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
		a.json = a.text ? json_tokener_parse(a.text) : NULL;
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return a;
}

/* Asks, and wants this status; a part of the answer where one is given. */
#define want(status, part, ...) check_status(ask(__VA_ARGS__), status, part, __LINE__)
static void check_status(struct answer a, long status, const char *part, int line)
{
	if (a.status != status || (part && (!a.text || !strstr(a.text, part))))
		fail_msg("line %d: %ld %s, want %ld %s", line, a.status, a.text, status,
			 part ? part : "");
	answer_free(&a);
}

static struct answer login(const char *user, const char *account, const char *password,
			   const char *project)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		 "\"name\":\"%s\",\"password\":\"%s\",\"domain\":{\"name\":\"%s\"}}}},\"scope\":{"
		 "\"%s\":{\"%s\":\"%s\"}}}}", user, password, account, project ? "project" : "domain",
		 project ? "id" : "name", project ? project : account);
	return ask(NULL, "POST", TOKENS, body);
}

static void get_token(const char *user, const char *account, const char *project,
		      char token[OTC_TOKEN_SIZE])
{
	check_status(login(user, account, "password", project), 201, NULL, __LINE__);
	strcpy(token, subject);
}

/* Makes an agency with a role in the project; returns its id. */
static void make_agency(const char *token, const char *name, const char *trusted,
			char id[OTC_ID_SIZE])
{
	struct json_object *agency, *value;
	char body[256], where[200];
	struct answer a;

	snprintf(body, sizeof(body), "{\"agency\":{\"name\":\"%s\",\"domain_id\":\"local\","
		 "\"trust_domain_name\":\"%s\"}}", name, trusted);
	a = ask(token, "POST", "/v3.0/OS-AGENCY/agencies", body);
	assert_int_equal(a.status, 201);
	assert_true(json_object_object_get_ex(a.json, "agency", &agency));
	assert_true(json_object_object_get_ex(agency, "id", &value));
	snprintf(id, OTC_ID_SIZE, "%s", json_object_get_string(value));
	answer_free(&a);
	snprintf(where, sizeof(where), "/v3.0/OS-AGENCY/projects/default/agencies/%s/roles/kms_adm",
		 id);
	want(204, NULL, token, "PUT", where, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* OTC_RULES_TEST_H */

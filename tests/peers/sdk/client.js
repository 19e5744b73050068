// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cloud's SDK as a client of its double (tests/peers/otc): a token by password and one
 * of an agency, requests that the SDK signs, and a signature that is none.
 *
 * usage: node client.js PORT
 */
'use strict';
const assert = require('assert');
const { BasicCredentials, GlobalCredentials } = require('@huaweicloud/huaweicloud-sdk-core');
const iam = require('@huaweicloud/huaweicloud-sdk-iam/v3/public-api');

const endpoint = `http://127.0.0.1:${process.argv[2]}`;
const build = (credential) => iam.IamClient.newBuilder().withCredential(credential)
	.withEndpoint(endpoint).build();
const of = (user, sk, account) => build(new GlobalCredentials().withAk(`AK${user}`).withSk(sk)
	.withDomainId(account));

// A call of the KMS, by whatever shows who makes it
function listKeys(client, project, headers) {
	return client.hcClient.sendRequest({ method: 'POST', url: `/v1.0/${project}/kms/list-keys`,
		contentType: 'application/json', queryParams: {}, pathParams: {}, headers,
		data: { limit: '10' } });
}

async function refused(promise, status) {
	const error = await promise.then(() => null, (e) => e);
	assert(error, 'it was not refused');
	assert.strictEqual(error.httpStatusCode, status, JSON.stringify(error));
}

function password(user, account, scope) {
	const who = new iam.PwdPasswordUser().withName(user).withPassword('p"ass\\word 1')
		.withDomain(new iam.PwdPasswordUserDomain(account));
	const auth = new iam.PwdAuth().withScope(scope).withIdentity(new iam.PwdIdentity()
		.withMethods(['password']).withPassword(new iam.PwdPassword().withUser(who)));
	return new iam.KeystoneCreateUserTokenByPasswordRequest().withNocatalog('1')
		.withBody(new iam.KeystoneCreateUserTokenByPasswordRequestBody().withAuth(auth));
}

function assume(scope) {
	const role = new iam.AgencyTokenAssumerole().withAgencyName('sdk').withDomainName('local');
	const auth = new iam.AgencyAuth().withIdentity(new iam.AgencyAuthIdentity()
		.withMethods(['assume_role']).withAssumeRole(role));
	auth.scope = scope;
	return new iam.KeystoneCreateAgencyTokenRequest().withNocatalog('1')
		.withBody(new iam.KeystoneCreateAgencyTokenRequestBody().withAuth(auth));
}

async function main() {
	const scope = new iam.AuthScope().withProject(new iam.AuthScopeProject().withId('default'));
	const adm = build(new BasicCredentials().withAk('AKADM').withSk('sk/1+').withProjectId('default'));
	const wrong = build(new BasicCredentials().withAk('AKADM').withSk('sk/1-').withProjectId('default'));
	const boss = of('BOSS', 'sk/2+', 'local'), evs = of('EVS', 'sk/3+', 'op_svc_evs');

	// A request that the SDK signs, and one that is signed by another key
	assert(Array.isArray((await listKeys(adm, 'default', {})).keys));
	await refused(listKeys(wrong, 'default', {}), 401);
	await refused(listKeys(adm, 'other', {}), 403);

	// A token by password
	let answer = await adm.keystoneCreateUserTokenByPassword(password('adm', 'local', scope));
	const nobody = build(new BasicCredentials());
	nobody.hcClient.credential = undefined;	// signs nothing
	const token = answer['X-Subject-Token'] || answer.xSubjectToken;
	assert(token, JSON.stringify(answer));
	assert(Array.isArray((await listKeys(nobody, 'default', { 'X-Auth-Token': token })).keys));
	await refused(adm.keystoneCreateUserTokenByPassword(password('nobody', 'local', scope)), 401);

	// An agency, a role for it, and its token
	const agency = new iam.CreateAgencyOption('sdk', 'local').withTrustDomainName('op_svc_evs');
	await refused(evs.keystoneCreateAgencyToken(assume(scope)), 404);
	answer = await boss.createAgency(new iam.CreateAgencyRequest()
		.withBody(new iam.CreateAgencyRequestBody(agency)));
	const id = answer.agency.id;
	answer = await boss.listAgencies(new iam.ListAgenciesRequest('local').withName('sdk'));
	assert.strictEqual(answer.agencies[0].id, id);
	// Takes the project of its credential
	await build(new BasicCredentials().withAk('AKBOSS').withSk('sk/2+').withProjectId('default'))
		.associateAgencyWithProjectPermission(new iam.AssociateAgencyWithProjectPermissionRequest()
			.withAgencyId(id).withRoleId('kms_adm'));
	answer = await evs.keystoneCreateAgencyToken(assume(scope));
	const agencyToken = answer['X-Subject-Token'] || answer.xSubjectToken;
	assert(Array.isArray((await listKeys(nobody, 'default', { 'X-Auth-Token': agencyToken })).keys));
	await boss.deleteAgency(new iam.DeleteAgencyRequest(id));
	await refused(listKeys(nobody, 'default', { 'X-Auth-Token': agencyToken }), 403);
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cloud, as far as its own SDK can tell: a request that is signed is answered when the
 * SDK signs the same request in the same way, one for a token when it is the one that the
 * SDK sends for it. Whatever is not the SDK's is refused with what that would have been.
 *
 * usage: node oracle.js PORT
 */
'use strict';
const http = require('http');
const { isDeepStrictEqual } = require('util');
const { AKSKSigner } = require('@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner');
const { BasicCredentials } = require('@huaweicloud/huaweicloud-sdk-core');
const { ParamCreater } = require('@huaweicloud/huaweicloud-sdk-iam/v3/IamClient');
const iam = require('@huaweicloud/huaweicloud-sdk-iam/v3/public-api');

const CMK = '0d0466b0-e727-4d9c-b35d-f84bb474a37f';
const credentials = new BasicCredentials().withAk('AKORACLE').withSk('s3cr3t/key+').withProjectId('p1');
const tokens = { password: 'token-by-password', agency: 'token-by-agency' };

const scope = new iam.AuthScope().withProject(new iam.AuthScopeProject().withId('p1'));

// What the SDK sends for a token by password; of an account for one that is to take an agency
function passwordRequest(body) {
	const user = new iam.PwdPasswordUser().withName('disks').withPassword('p"w\\d \u00e4')
		.withDomain(new iam.PwdPasswordUserDomain('cloud-ops'));
	const whole = new iam.AuthScope().withDomain(new iam.AuthScopeDomain().withName('cloud-ops'));
	const auth = new iam.PwdAuth().withScope(body.auth.scope.domain ? whole : scope)
		.withIdentity(new iam.PwdIdentity().withMethods(['password'])
			.withPassword(new iam.PwdPassword().withUser(user)));
	const request = new iam.KeystoneCreateUserTokenByPasswordRequest().withNocatalog('1')
		.withBody(new iam.KeystoneCreateUserTokenByPasswordRequestBody().withAuth(auth));
	return ParamCreater().keystoneCreateUserTokenByPassword(request);
}

// By agency; the model has no scope for it, which is the same as with a password
function agencyRequest() {
	const role = new iam.AgencyTokenAssumerole().withAgencyName('evs').withDomainName('customer');
	const auth = new iam.AgencyAuth().withIdentity(new iam.AgencyAuthIdentity()
		.withMethods(['assume_role']).withAssumeRole(role));
	auth.scope = scope;
	const request = new iam.KeystoneCreateAgencyTokenRequest().withNocatalog('1')
		.withBody(new iam.KeystoneCreateAgencyTokenRequestBody().withAuth(auth));
	return ParamCreater().keystoneCreateAgencyToken(request);
}

function token(request, url, body) {
	const kind = body.auth.identity.methods[0] === 'password' ? 'password' : 'agency';
	const want = kind === 'password' ? passwordRequest(body) : agencyRequest();
	const data = JSON.parse(JSON.stringify(want.data));
	const query = Object.fromEntries(url.searchParams);
	if (kind === 'agency' && request.headers['x-auth-token'] !== tokens.password)
		return [401, { error: { message: 'whose agency?' } }];
	if (request.method !== want.method || url.pathname !== want.url ||
	    !isDeepStrictEqual(query, want.queryParams) || !isDeepStrictEqual(data, body))
		return [400, { error: { message: `the SDK sends ${JSON.stringify(want)}` } }];
	return [201, { token: { expires_at: '2099-11-25T12:00:00.000000Z' } }, tokens[kind]];
}

// The SDK hashes JSON as it would write it; what counts is what was sent
class Signer extends AKSKSigner {
	static buildPayloadHash(request) {
		return this.Hex(request.text);
	}
}

// The SDK signs all headers that it is given, so it is given those that were signed
function isSigned(request, url, text) {
	const got = request.headers.authorization;
	const names = got.match(/SignedHeaders=([^,]*)/)[1].split(';');
	const headers = {};
	for (const name of names)
		headers[name === 'x-sdk-date' ? 'X-Sdk-Date' : name] = request.headers[name];
	const want = Signer.sign({
		endpoint: `http://${request.headers.host}${url.pathname}`, method: request.method,
		queryParams: Object.fromEntries(url.searchParams), headers, text,
	}, credentials).Authorization;
	return want === got ? '' : `the SDK has ${want}, not ${got}`;
}

function answer(request, url, text) {
	const body = text === '' ? undefined : JSON.parse(text);
	if (url.pathname === '/v3/auth/tokens')
		return token(request, url, body);
	if (request.headers.authorization) {
		const why = isSigned(request, url, text);
		if (why)
			return [401, { error: { error_code: 'KMS.0303', error_msg: why } }];
	} else if (!Object.values(tokens).includes(request.headers['x-auth-token'])) {
		return [401, { error: { error_code: 'KMS.0302', error_msg: 'no token of ours' } }];
	}
	if (url.pathname === '/v1.0/p1/kms/describe-key')
		return [200, { key_info: { key_id: CMK, key_state: '2', key_alias: body.key_id } }];
	if (url.pathname === '/v1.0/p1/kms/list-keys')
		return [200, { keys: [CMK], key_details: [{ key_id: CMK, key_state: '2', key_alias: 'a' }],
			       next_marker: '', truncated: 'false' }];
	if (url.pathname === '/v3.0/OS-AGENCY/agencies')
		return [200, { agencies: [] }];
	return [404, { error: { error_code: 'KMS.0201', error_msg: url.pathname } }];
}

http.createServer((request, response) => {
	let text = '';
	request.on('data', (part) => { text += part; });
	request.on('end', () => {
		const url = new URL(request.url, 'http://127.0.0.1');
		const [status, body, subject] = answer(request, url, text);
		response.writeHead(status, { 'Content-Type': 'application/json',
					     ...(subject && { 'X-Subject-Token': subject }) });
		response.end(JSON.stringify(body));
		console.log(request.method, request.url, status, JSON.stringify(body));
	});
}).listen(Number(process.argv[2]), '127.0.0.1');

import net from 'node:net';
import type { ApiClient } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import { routesOf, type Route } from '../../support/routes.js';
import { fill, goodBody, isScoped, oneOfEach, PREFIXES } from './bad-input-fixtures.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let routes: Route[];
let own: Record<string, string>;
let untouched: Record<string, string>;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  routes = await routesOf(hub);
  own = await oneOfEach(api);
  untouched = await v1.checksum(hub);
});
afterEach(async () => {
  expect(await v1.checksum(hub)).toEqual(untouched);
});
afterAll(() => hub.stop());

const path = (route: Route): string =>
  fill(route.path, (noun) => own[noun] ?? `${PREFIXES[noun]}_01h455vb4pex5vsknk084sn02q`);
const body = (route: Route): { body?: v1.Json } => (route.body ? { body: goodBody(route, own) } : {});

interface Raw {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Bytes as they are, for what no HTTP client would send. */
function rawly(text: string, timeoutMs = 5_000): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(hub.url);
    const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(text, 'latin1'));
    let seen = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer in ${timeoutMs} ms, only: ${seen}`));
    }, timeoutMs);
    socket.on('data', (chunk) => (seen += chunk.toString('utf8')));
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      const [headers = '', ...rest] = seen.split('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1] ?? 0), headers, body: rest.join('\r\n\r\n') });
    });
  });
}
const request = (line: string, ...headers: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: x', 'Connection: close', `Authorization: Bearer ${api.key}`, ...headers, '', ''].join(
    '\r\n',
  );

test('who brings no key is told so before the body is read, whatever it is', async () => {
  const bodies = [
    ['application/json', '{bad'],
    ['application/json', `"${'x'.repeat(1_100_000)}"`],
    ['application/x-www-form-urlencoded', 'a=b'],
    ['application/json', '{"__proto__":1}'],
  ] as const;
  for (const route of routes.filter(({ scope, method }) => scope !== 'public' && method !== 'GET')) {
    for (const prefix of ['', '/api']) {
      for (const [type, text] of bodies) {
        const headers = { 'content-type': type, 'idempotency-key': 'nobody' };
        const answer = await fetch(`${hub.url}${prefix}${path(route)}`, { method: route.method, headers, body: text });
        const { error } = (await answer.json()) as { error: { code: string } };
        expect([route.path, answer.status, error.code]).toEqual([route.path, 401, 'AUTHENTICATION_REQUIRED']);
      }
    }
  }
});

test('every route asks for a key, and for a right one, before it looks at ids and fields', async () => {
  for (const route of routes.filter(({ scope }) => scope !== 'public')) {
    const none = await api.call(route.method, path(route), { ...body(route), headers: { authorization: '' } });
    v1.expectError(none, 401, 'AUTHENTICATION_REQUIRED');
    for (const authorization of ['Bearer', 'Basic YTpi', `Token ${api.key}`, api.key]) {
      const answer = await api.call(route.method, path(route), { ...body(route), headers: { authorization } });
      v1.expectError(answer, 401, 'AUTHENTICATION_REQUIRED');
    }
    for (const key of [
      `sk_${'x'.repeat(43)}`,
      `${api.key}x`,
      api.key.slice(0, -1),
      api.key.toLowerCase(),
      "' OR 1=1--",
      'x'.repeat(4_000),
    ]) {
      const answer = await api.call(route.method, path(route), {
        ...body(route),
        headers: { authorization: `Bearer ${key.replace(/\s/g, '_')}` },
      });
      v1.expectError(answer, 401, 'INVALID_API_KEY');
    }
  }
});

test('the key may come as X-API-Key, and Bearer in any case', async () => {
  const at = '/v1/conversations';
  expect((await api.get(at, { headers: { authorization: '', 'x-api-key': api.key } })).status).toBe(200);
  expect((await api.get(at, { headers: { authorization: `bearer ${api.key}` } })).status).toBe(200);
  v1.expectError(await api.get(at, { headers: { authorization: '', 'x-api-key': 'nope' } }), 401, 'INVALID_API_KEY');
  v1.expectError(
    await api.get(at, { headers: { authorization: '', 'x-api-key': '' } }),
    401,
    'AUTHENTICATION_REQUIRED',
  );
});

test('a revoked or expired key is no key', async () => {
  for (const column of ['revoked_at', 'expires_at']) {
    const key = await hub.withScopes('admin');
    expect((await key.get('/v1/conversations')).status).toBe(200);
    await hub.sql(`UPDATE api_key SET ${column} = now() - interval '1 second' WHERE prefix = $1`, [
      key.key.slice(0, 11),
    ]);
    v1.expectError(await key.get('/v1/conversations'), 401, 'INVALID_API_KEY');
  }
});

test('every route wants its own scope; no other will do, and read is not write', async () => {
  const all = [...new Set(routes.filter(isScoped).map(({ scope }) => scope))];
  expect(all).not.toContain('');
  for (const scope of all.filter((one) => one !== 'admin')) {
    const others = await hub.withScopes(...all.filter((one) => one !== scope && one !== 'admin'));
    for (const route of routes.filter((one) => one.scope === scope)) {
      v1.expectError(await others.call(route.method, path(route), body(route)), 403, 'INSUFFICIENT_PERMISSIONS');
    }
  }
  const everything = await hub.withScopes(...all.filter((one) => one !== 'admin'));
  for (const route of routes.filter((one) => one.scope === 'admin')) {
    v1.expectError(await everything.call(route.method, path(route), body(route)), 403, 'INSUFFICIENT_PERMISSIONS');
  }
  const nothing = await hub.withScopes();
  for (const route of routes.filter(isScoped)) {
    v1.expectError(await nothing.call(route.method, path(route), body(route)), 403, 'INSUFFICIENT_PERMISSIONS');
  }
});

test('a key with the scope gets in', async () => {
  for (const route of routes.filter(({ method, scope }) => method === 'GET' && scope.endsWith(':read'))) {
    const key = await hub.withScopes(route.scope);
    expect([route.path, [200, 404].includes((await key.get(path(route))).status)]).toEqual([route.path, true]);
  }
});

test('X-Request-ID: the caller’s comes back in header and body; a hostile or missing one is replaced', async () => {
  for (const id of ['abc', 'a-b_c.d:e', 'X'.repeat(128), '123e4567-e89b-12d3-a456-426614174000']) {
    for (const at of ['/v1/conversations', '/v1/conversations/conv_x', '/nowhere']) {
      const answer = await api.get(at, { headers: { 'x-request-id': id } });
      expect([answer.headers.get('x-request-id'), answer.meta['requestId']]).toEqual([id, id]);
    }
  }
  for (const id of ['', 'a b', 'X'.repeat(129), '<script>', 'a"b', '{"a":1}', 'ünï', '../../etc', 'a;b', "'"]) {
    const answer = await api.get('/v1/conversations', {
      headers: { 'x-request-id': encodeURI(id) === id ? id : Buffer.from(id).toString('latin1') },
    });
    expect(answer.status).toBe(200);
    expect(answer.meta['requestId']).toBe(answer.headers.get('x-request-id'));
    expect(answer.meta['requestId']).toMatch(/^[0-9a-f-]{36}$/);
  }
  const two = await rawly(request('GET /v1/conversations', 'X-Request-ID: one', 'X-Request-ID: two'));
  expect(two.status).toBe(200);
});

test('addresses that lead nowhere are a 404 in the envelope, for any method', async () => {
  for (const at of [
    '/',
    '/v1',
    '/v1/',
    '/v1/nothing',
    '/v2/conversations',
    '/api/v1',
    '/api/v3/conversations',
    '/v1/conversations/',
    '/V1/conversations',
    '//v1/conversations',
    '/v1/conversations/x/y/z',
    '/v1/../v1/nothing',
    '/.env',
    '/%2e%2e/etc/passwd',
  ]) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await api.call(method, at);
      expect([method, at, answer.status]).toEqual([method, at, 404]);
      expect(answer.error.code).toMatch(/_NOT_FOUND$/);
      expect(answer.meta['requestId']).toBe(answer.headers.get('x-request-id'));
    }
  }
});

test('an address that cannot be decoded is a 404 in the envelope, with its request id, on both bases', async () => {
  for (const base of v1.BASES) {
    for (const id of ['%', '%zz', '%E0%A4%A', '%ff', 'a%', '%u0041']) {
      const answer = await rawly(request(`GET ${base}/conversations/${id}`, 'X-Request-ID: mine'));
      expect([id, answer.status]).toEqual([id, 404]);
      expect(JSON.parse(answer.body)).toMatchObject({
        error: { code: expect.stringMatching(/_NOT_FOUND$/) as unknown },
        meta: { requestId: 'mine' },
      });
      expect(answer.headers.toLowerCase()).toContain('x-request-id: mine');
    }
  }
});

test('what is no HTTP is refused at once, without a 5xx', async () => {
  for (const text of [
    'nonsense\r\n\r\n',
    'GET\r\n\r\n',
    request('GET /v1/conversations', 'Bad Header: x'),
    request('GET /v1/conversations', 'X: a\u0000b'),
    request('GET /v1/conversations', 'If-Match: a\u0000b'),
    request('GET /v1/conver\u0000sations'),
    request(`GET /v1/conversations/${'x'.repeat(20_000)}`),
    request('GET /v1/conversations', `X-Long: ${'x'.repeat(20_000)}`),
    request('POST /v1/contacts', 'Content-Type: application/json', 'Content-Length: -1'),
    request('POST /v1/contacts', 'Content-Type: application/json', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
    `${request('POST /v1/contacts', 'Content-Type: application/json', 'Transfer-Encoding: chunked')}zz\r\n`,
    `${request('POST /v1/contacts', 'Content-Type: application/json', 'Content-Length: 2')}[]`,
    `${request('POST /v1/contacts', 'Content-Type: application/json', 'Content-Length: 99999999999')}{`,
    request('BREW /v1/conversations'),
  ]) {
    const answer = await rawly(text);
    expect([text.slice(0, 60), answer.status >= 400 && answer.status < 500]).toEqual([text.slice(0, 60), true]);
  }
});

test('headers that are too large are told in the envelope, too', async () => {
  const answer = await rawly(request(`GET /v1/conversations/${'x'.repeat(20_000)}`));
  expect(answer.status).toBe(431);
  expect(JSON.parse(answer.body)).toMatchObject({
    error: { code: expect.any(String) as unknown, message: expect.any(String) as unknown },
    meta: {},
  });
});

test('a HEAD is a GET without its body', async () => {
  const answer = await fetch(`${hub.url}/v1/conversations`, {
    method: 'HEAD',
    headers: { authorization: `Bearer ${api.key}` },
  });
  expect([answer.status, await answer.text()]).toEqual([200, '']);
});

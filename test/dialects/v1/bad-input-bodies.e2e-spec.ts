import type { Answer, ApiClient } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import { routesOf, type Route } from '../../support/routes.js';
import { expectRefusal, fill, goodBody, oneOfEach, PREFIXES } from './bad-input-fixtures.js';
import * as v1 from './v1-fixtures.js';

const MIB = 1_048_576;

let hub: Hub;
let api: ApiClient;
let routes: Route[];
let own: Record<string, string>;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  routes = (await routesOf(hub)).filter(({ method, scope }) => method !== 'GET' && scope !== 'staff');
  own = await oneOfEach(api);
});
afterAll(() => hub.stop());

const path = (route: Route): string =>
  fill(route.path, (noun) => own[noun] ?? `${PREFIXES[noun]}_01h455vb4pex5vsknk084sn02q`);
const send = (route: Route, raw: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
  api.call(route.method, path(route), { raw, headers });

/** Sends to every route that changes something, and holds that nothing was changed. */
async function refusedEverywhere(
  raw: string | Buffer,
  status: number,
  headers: Record<string, string> = {},
  among = routes,
): Promise<void> {
  const before = await v1.checksum(hub);
  for (const route of among) {
    const answer = await send(route, raw, headers);
    expectRefusal(answer, `${route.method} ${route.path}`);
    expect([route.path, answer.status]).toEqual([route.path, status]);
    expect(answer.error.details?.map(({ field }) => field)).toEqual([status === 415 ? 'Content-Type' : 'body']);
  }
  expect(await v1.checksum(hub)).toEqual(before);
}

test('the routes that change something are known', () => {
  expect(routes.length).toBeGreaterThan(20);
});

test.each([
  ['cut off', '{"name":"x"'],
  ['not JSON', 'name=x'],
  ['single quotes', "{'name':'x'}"],
  ['a trailing comma', '{"name":"x",}'],
  ['two documents', '{}{}'],
  ['NaN', '{"metadata":{"a":NaN}}'],
  ['a bare NUL', '\u0000'],
  ['a NUL inside', '{"name":"a\u0000b"}'],
  ['a byte-order mark and garbage', '\ufeff{'],
  ['an undefined', 'undefined'],
  ['a prototype key', '{"__proto__":{"admin":true}}'],
  ['a prototype key deep down', '{"metadata":{"a":[{"__proto__":{"admin":true}}]}}'],
  ['an escaped prototype key', '{"metadata":{"\\u005f_proto__":{"admin":true}}}'],
  ['a constructor’s prototype', '{"metadata":{"constructor":{"prototype":{"admin":true}}}}'],
])('broken JSON is a 400 on every route: %s', async (_, raw) => {
  await refusedEverywhere(raw, 400);
  expect(({} as v1.Json)['admin']).toBeUndefined();
});

test('more than 1 MiB is a 413 on every route', async () => {
  await refusedEverywhere(`{"name":"${'x'.repeat(MIB)}"}`, 413);
  await refusedEverywhere(' '.repeat(MIB - 1) + '{}', 413);
});

test('exactly 1 MiB is read', async () => {
  const body = JSON.stringify({ name: 'Big' });
  const answer = await api.post('/v1/contacts', undefined, { raw: body + ' '.repeat(MIB - body.length) });
  expect(answer.status).toBe(201);
  const over = await api.post('/v1/contacts', undefined, { raw: body + ' '.repeat(MIB - body.length + 1) });
  v1.expectError(over, 413, 'PAYLOAD_TOO_LARGE', 'body');
});

test.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/xml',
  'json',
  'text/json',
])('the content type %s is a 415 on every route', async (type) => {
  const among = routes.filter(({ path }) => !(path === '/v1/media/upload' && type.startsWith('multipart/')));
  await refusedEverywhere('{"name":"x"}', 415, { 'content-type': type }, among);
});

test('application/json with a charset is taken, whatever its case', async () => {
  for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
    const answer = await api.post('/v1/contacts', undefined, {
      raw: '{"name":"x"}',
      headers: { 'content-type': type },
    });
    expect([type, answer.status]).toEqual([type, 201]);
  }
});

test.each(['null', '[]', '[{}]', '"text"', '5', 'true', 'false', '""', '0'])(
  'a body that is %s and no object is a 400',
  async (raw) => {
    const before = await v1.checksum(hub);
    for (const route of routes.filter(({ body }) => body)) {
      const answer = await send(route, raw);
      v1.expectError(answer, 400, 'VALIDATION_ERROR', 'body');
    }
    expect(await v1.checksum(hub)).toEqual(before);
  },
);

test('an empty body counts as none: required fields are named', async () => {
  for (const [at, field] of [
    ['/v1/conversations', 'channelId'],
    ['/v1/contacts', 'name'],
    ['/v1/channels', 'type'],
    ['/v1/users', 'email'],
    ['/v1/bots', 'name'],
    [`/v1/conversations/${own['conversations']}/assign`, 'assigneeId'],
    [`/v1/conversations/${own['conversations']}/messages`, 'content'],
  ] as const) {
    v1.expectError(await api.post(at), 400, 'VALIDATION_ERROR', field);
    v1.expectError(await api.post(at, undefined, { raw: '' }), 400, 'VALIDATION_ERROR', field);
    v1.expectError(await api.post(at, {}), 400, 'VALIDATION_ERROR', field);
  }
});

test.each([
  ['objects', '{"a":', '}', '1'],
  ['lists', '[', ']', ''],
])(
  'nesting 100,000 deep (%s) is a 400 that names the field, on every route that takes a body',
  async (_, left, right, middle) => {
    const deep = left.repeat(100_000) + middle + right.repeat(100_000);
    const before = await v1.checksum(hub);
    for (const route of routes.filter(({ body }) => body)) {
      const good = goodBody(route, own);
      const free =
        Object.keys(route.body?.properties ?? {}).find((name) => /metadata|content|headers|config/.test(name)) ??
        'unknown';
      const answer = await send(route, `${JSON.stringify({ ...good, [free]: 0 }).slice(0, -2)}${deep}}`);
      v1.expectError(answer, 400, 'VALIDATION_ERROR', free);
    }
    expect(await v1.checksum(hub)).toEqual(before);
  },
);

test('names of object machinery are plain keys', async () => {
  const names = ['constructor', 'prototype', 'hasOwnProperty', 'then', 'toString', 'valueOf', 'toJSON', 'length', ''];
  const metadata = Object.fromEntries(names.map((key) => [key, `its ${key}`]));
  const raw = JSON.stringify({ name: 'Keys', metadata });
  const made = await api.post('/v1/contacts', undefined, { raw });
  expect([made.status, v1.attributes(made)['metadata']]).toEqual([201, metadata]);
  expect(v1.attributes(await api.get(`/v1/contacts/${made.data.id}`))['metadata']).toEqual(metadata);
  const patched = await api.patch(`/v1/contacts/${made.data.id}`, undefined, {
    raw: '{"metadata":{"then":null,"toString":"x"}}',
  });
  const { then: _, ...rest } = metadata;
  expect(v1.attributes(patched)['metadata']).toEqual({ ...rest, toString: 'x' });
  for (const route of routes.filter(({ body }) => body)) {
    for (const key of ['constructor', 'prototype', 'hasOwnProperty', 'then', 'toString', 'valueOf', 'toJSON']) {
      const answer = await send(route, JSON.stringify({ [key]: 'x' }));
      expect([route.path, key, answer.status < 500]).toEqual([route.path, key, true]);
    }
  }
});

test('numbers: what a double cannot hold is refused or rounded, never stored as nothing', async () => {
  const put = (number: string): Promise<Answer> =>
    api.post('/v1/contacts', undefined, { raw: `{"name":"n","metadata":{"n":${number}}}` });
  for (const number of ['1e400', '-1e400', `1${'0'.repeat(400)}`]) {
    v1.expectError(await put(number), 400, 'VALIDATION_ERROR', 'metadata.n');
  }
  for (const [number, read] of [
    ['-0', 0],
    ['1e-400', 0],
    ['9007199254740993', 9_007_199_254_740_992],
    ['1.7976931348623157e308', 1.7976931348623157e308],
  ] as const) {
    const answer = await put(number);
    expect([number, answer.status, v1.at(answer.data, 'attributes.metadata.n')]).toEqual([number, 201, read]);
    expect(v1.at((await api.get(`/v1/contacts/${answer.data.id}`)).data, 'attributes.metadata.n')).toBe(read);
  }
  const { id } = await v1.conversation(api);
  const location = (latitude: string): Promise<Answer> =>
    api.post(`/v1/conversations/${id}/messages`, undefined, {
      raw: `{"content":{"type":"location","latitude":${latitude},"longitude":0}}`,
    });
  expect((await location('1e400')).status).toBe(400);
  const minusZero = v1.ok(await location('-0'));
  expect(v1.at(minusZero, 'attributes.content.latitude')).toBe(0);
});

test('texts that attack SQL, headers, logs and pages come back as they went in', async () => {
  for (const name of [
    "'; DROP TABLE conversation; --",
    '" OR ""="',
    '$1 $2 %s %d {0} ${7*7} #{7*7}',
    '<script>alert(1)</script>',
    'a\r\nX-Evil: 1',
    '\u0001\u001b[31m\u007f\u0085\u2028\u202e',
    '\ud83d\udc69\u200d\ud83d\udc67 e\u0301 \ufeff \uffff',
    '\\u0000 \\x00 %00',
    'x'.repeat(255),
  ]) {
    const made = v1.ok(
      await api.post('/v1/contacts', { name, metadata: { [name]: name }, tags: [name.slice(0, 100)] }),
    );
    expect(made.attributes).toMatchObject({ name, metadata: { [name]: name }, tags: [name.slice(0, 100)] });
    expect((await api.get(`/v1/contacts/${made.id}`)).data).toEqual(made);
    const found = await api.get<v1.Json[]>(`/v1/contacts?search=${encodeURIComponent(name)}`);
    expect(found.data.map(({ id }) => id)).toContain(made.id);
  }
});

test('a text of a million characters in any field is refused, and soon', async () => {
  const before = await v1.checksum(hub);
  const long = [
    '2'.repeat(1e6),
    `a@${'a.'.repeat(5e5)}@`,
    ' '.repeat(1e6),
    `2026-01-01T00:00:00.${'0'.repeat(1e6)}Z`,
    `+${'1'.repeat(1e6)}`,
  ];
  for (const route of routes.filter(({ body }) => body)) {
    const texts = Object.entries(route.body?.properties ?? {}).filter(([, { type }]) =>
      [type].flat().includes('string'),
    );
    for (const [name] of texts) {
      for (const text of long) {
        const answer = await send(route, JSON.stringify({ ...goodBody(route, own), [name]: text }));
        v1.expectError(
          answer,
          400,
          name === 'type' || name === 'provider' ? answer.error.code : 'VALIDATION_ERROR',
          name,
        );
      }
    }
  }
  expect(await v1.checksum(hub)).toEqual(before);
}, 240_000);

test('invalid UTF-8 in a body is refused or replaced, never a 500', async () => {
  for (const bytes of [[0xff, 0xfe], [0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    const raw = Buffer.concat([Buffer.from('{"name":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const answer = await api.post('/v1/contacts', undefined, { raw });
    expect([bytes, [201, 400].includes(answer.status)]).toEqual([bytes, true]);
  }
});

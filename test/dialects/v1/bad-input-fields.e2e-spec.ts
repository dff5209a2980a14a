import type { ApiClient } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import { routesOf, type Route, type Schema } from '../../support/routes.js';
import { expectRefusal, fill, goodBody, hasId, oneOfEach, PREFIXES } from './bad-input-fixtures.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let routes: Route[];
let own: Record<string, string>;
let foreign: Record<string, string>;
let untouched: Record<string, string>;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  routes = (await routesOf(hub)).filter(({ scope }) => scope !== 'staff'); // keys are let in nowhere there
  own = await oneOfEach(api);
  foreign = await oneOfEach(await hub.newOrganization('Stranger'));
  untouched = await v1.checksum(hub);
});
afterEach(async () => {
  expect(await v1.checksum(hub)).toEqual(untouched); // nothing that is refused writes anything, nor an event
});
afterAll(() => hub.stop());

const UNKNOWN = '01h455vb4pex5vsknk084sn02q';
const ownPath = (route: Route): string => fill(route.path, (noun) => own[noun] ?? `${PREFIXES[noun]}_${UNKNOWN}`);
/** Routes whose every id we have one of. */
const reachable = (route: Route): boolean =>
  [...route.path.matchAll(/([^/]+)\/\{/g)].every(([, noun]) => own[noun ?? ''] !== undefined);

/** What a field of this schema must not be. */
function wrongValues({ type, enum: values, format, minimum, maximum, maxLength, items }: Schema): unknown[] {
  const kinds = new Set([type].flat());
  const wrong: unknown[] = [];
  if (!kinds.has('string')) wrong.push('text', '');
  if (!kinds.has('integer') && !kinds.has('number')) wrong.push(7, -1.5);
  if (!kinds.has('boolean')) wrong.push(true, false);
  if (!kinds.has('array')) wrong.push([], ['x'], [null]);
  if (!kinds.has('object')) wrong.push({}, { $ne: 1 }, { length: 3 });
  if (values)
    wrong.push('no such value', String(values[0]).toUpperCase(), `${String(values[0])} `, 'constructor', '__proto__');
  if (format === 'date-time') {
    wrong.push(
      '',
      'yesterday',
      '2026-02-30',
      '2026-02-30T00:00:00Z',
      '99999-01-01',
      '+010000-01-01T00:00:00Z',
      '2026-13-01',
    );
    wrong.push('2026-01-01T25:00:00Z', '2026-01-01 00:00:00', '2026-01-01T00:00:00+99:00', '1700000000', '2026-W01-1');
  }
  if (kinds.has('integer')) wrong.push(1.5, 2 ** 53 + 2, -(2 ** 53), 1e300);
  if (minimum !== undefined) wrong.push(minimum - 1);
  if (maximum !== undefined && maximum < 2 ** 53 - 1) wrong.push(maximum + 1);
  if (maxLength !== undefined) wrong.push('x'.repeat(maxLength + 1));
  if (items?.type === 'string') wrong.push([1], [null], [{}], [['x']], ['']);
  return wrong;
}

test('every field of every body: a wrong type or value is a 400 that names it', async () => {
  let tried = 0;
  for (const route of routes.filter((one) => one.body && reachable(one))) {
    const good = goodBody(route, own);
    const fields = Object.entries(route.body?.properties ?? {});
    for (const [name, schema] of fields) {
      for (const value of wrongValues(schema)) {
        const what = `${route.method} ${route.path} ${name} ${JSON.stringify(value).slice(0, 60)}`;
        const answer = await api.call(route.method, ownPath(route), { body: { ...good, [name]: value } });
        expectRefusal(answer, what);
        const named = answer.error.details?.some(({ field }) => field === name || field.startsWith(`${name}.`));
        expect({ what, status: answer.status, named }).toEqual({ what, status: 400, named: true });
        tried++;
      }
    }
  }
  expect(tried).toBeGreaterThan(600);
});

test('every query parameter: a wrong type or value is a 400 that names it; twice the same, too', async () => {
  let tried = 0;
  for (const route of routes.filter((one) => one.query.length > 0 && reachable(one))) {
    for (const { name, schema } of route.query) {
      const kinds = new Set([schema.type].flat());
      const wrong: string[] = [];
      if (kinds.has('integer')) {
        wrong.push(
          '0',
          '-1',
          '1.5',
          'x',
          '',
          '1e2',
          '0x10',
          '9007199254740993',
          '99999999999999999999',
          ' 1',
          'NaN',
          '１',
        );
        wrong.push('Infinity', `${(schema.maximum ?? 0) + 1}`, '%00', "1'--");
      }
      if (kinds.has('boolean')) wrong.push('', 'yes', 'TRUE', '2', 'null');
      if (schema.enum)
        wrong.push('', 'no-such-value', String(schema.enum[0]).toUpperCase(), 'constructor', '__proto__', '%00');
      if (schema.format === 'date-time') wrong.push('', 'yesterday', '2026-02-30', '99999-01-01', '1700000000', '%00');
      if (schema.maxLength) wrong.push('x'.repeat(schema.maxLength + 1));
      for (const value of wrong) {
        const what = `${route.method} ${route.path}?${name}=${value.slice(0, 40)}`;
        const answer = await api.call(route.method, `${ownPath(route)}?${name}=${value}`);
        expectRefusal(answer, what);
        const named = answer.error.details?.some(({ field }) => field === name);
        expect({ what, status: answer.status, named }).toEqual({ what, status: 400, named: true });
        tried++;
      }
      if (kinds.has('array')) continue;
      const twice = await api.call(route.method, `${ownPath(route)}?${name}=1&${name}=2`);
      v1.expectError(twice, 400, 'VALIDATION_ERROR', name);
    }
  }
  expect(tried).toBeGreaterThan(150);
});

test('query parameters in brackets, unknown ones and prototype names change nothing and break nothing', async () => {
  const odd = [
    'page[a]=1',
    'page[]=1',
    '__proto__=1',
    'constructor=1',
    'toString=1',
    'hasOwnProperty=1',
    'then=1',
    '=',
    '&&&',
    '%',
    '%zz=%zz',
  ];
  for (const route of routes.filter((one) => one.method === 'GET' && reachable(one))) {
    for (const query of [...odd, 'x'.repeat(4_000), 'a=1&'.repeat(500), `__proto__[x]=1`]) {
      const answer = await api.get(`${ownPath(route)}?${query}`);
      expect([route.path, query.slice(0, 20), answer.status < 500]).toEqual([route.path, query.slice(0, 20), true]);
    }
  }
});

test('texts that PostgreSQL cannot store are a 400, in every text, list, object and key', async () => {
  const BAD = ['a\u0000b', '\ud800', 'x\udc00', '\udc00\ud800'];
  for (const route of routes.filter((one) => one.body && reachable(one))) {
    const good = goodBody(route, own);
    for (const text of BAD) {
      const bodies: [string, unknown][] = [[text, 'an unknown field']];
      for (const [name, schema] of Object.entries(route.body?.properties ?? {})) {
        const kinds = new Set([schema.type].flat());
        if (kinds.has('string')) bodies.push([name, text]);
        if (kinds.has('array')) bodies.push([name, [text]]);
        if (kinds.has('object'))
          bodies.push([name, { key: text }], [name, { [text]: 'value' }], [name, { a: [{ b: [text] }] }]);
      }
      for (const [name, value] of bodies) {
        const answer = await api.call(route.method, ownPath(route), { body: { ...good, [name]: value } });
        expect([route.path, name, answer.status, answer.error?.code]).toEqual([
          route.path,
          name,
          400,
          'VALIDATION_ERROR',
        ]);
        expect(answer.error.details).not.toHaveLength(0);
      }
    }
  }
  for (const route of routes.filter((one) => one.query.length > 0 && reachable(one))) {
    for (const { name, schema } of route.query.filter((one) => [one.schema.type].flat().includes('string'))) {
      void schema;
      const answer = await api.call(route.method, `${ownPath(route)}?${name}=a%00b`);
      v1.expectError(answer, 400, 'VALIDATION_ERROR', name);
    }
  }
});

test('a malformed, unknown or foreign id is the 404 of its kind on every route, whatever the body', async () => {
  const MALFORMED = [
    'x',
    '0',
    '-1',
    'null',
    'undefined',
    '%00',
    'a%00b',
    '%ff',
    '%E0%A4%A',
    '%',
    '..%2f..%2fetc',
    '%F0%9F%9A%80',
    '%20',
    '9'.repeat(26),
    'x'.repeat(100),
    'x'.repeat(101),
    'x'.repeat(5_000),
    "' OR 1=1--",
    '%0d%0aX-Evil:1',
    '__proto__',
    'constructor',
  ];
  for (const route of routes.filter((one) => hasId(one))) {
    const nouns = [...route.path.matchAll(/([^/]+)\/\{/g)].map(([, noun]) => noun ?? '');
    expect([route.path, nouns.filter((noun) => !PREFIXES[noun])]).toEqual([route.path, []]);
    const ids: ((noun: string) => string)[] = [
      ...MALFORMED.map((text) => () => encodeURI(text).replace(/%25/g, '%')),
      (noun) => `${PREFIXES[noun]}_`,
      (noun) => `${PREFIXES[noun]}_${'8'.repeat(26)}`,
      (noun) => `${PREFIXES[noun]}_${UNKNOWN}`,
      (noun) => `${PREFIXES[noun]}_${UNKNOWN.toUpperCase()}`,
      (noun) => `wizard_${(own[noun] ?? UNKNOWN).slice(-26)}`,
      (noun) => `${own[noun] ?? UNKNOWN}%00`,
      (noun) => `${own[noun] ?? UNKNOWN}0`,
      (noun) => foreign[noun] ?? `${PREFIXES[noun]}_${UNKNOWN}`,
    ];
    for (const id of ids) {
      const path = fill(route.path, id);
      const answer = await api.call(route.method, path, { ...(route.body && { body: goodBody(route, own) }) });
      const seen = [route.method, path.slice(0, 80), answer.status, answer.error?.code.endsWith('_NOT_FOUND')];
      expect(seen).toEqual([route.method, path.slice(0, 80), 404, true]);
      expect(answer.meta['requestId']).toBe(answer.headers.get('x-request-id'));
    }
  }
});

test('another organization’s ids are a 404 in a body, and an empty list in a filter', async () => {
  const contact = { phone: '+5511999990001' };
  const path = `/v1/conversations/${own['conversations']}`;
  const attempts: [string, string, v1.Json, string][] = [
    ['POST', '/v1/conversations', { channelId: foreign['channels'], contact }, 'CHANNEL_NOT_FOUND'],
    ['POST', '/v1/conversations', { channelId: own['channels'], contactId: foreign['contacts'] }, 'CONTACT_NOT_FOUND'],
    ['POST', '/v1/conversations', { channelId: own['channels'], contact, botId: foreign['bots'] }, 'BOT_NOT_FOUND'],
    [
      'POST',
      '/v1/conversations',
      { channelId: own['channels'], contact, assigneeId: foreign['users'] },
      'USER_NOT_FOUND',
    ],
    [
      'POST',
      '/v1/conversations',
      { channelId: own['channels'], contact, assigneeId: foreign['bots'] },
      'BOT_NOT_FOUND',
    ],
    ['POST', `${path}/assign`, { assigneeId: foreign['users'] }, 'USER_NOT_FOUND'],
    ['POST', `${path}/transfer`, { toAssigneeId: foreign['bots'] }, 'BOT_NOT_FOUND'],
    ['POST', '/v1/channels', { name: 'x', type: 'api', defaultBotId: foreign['bots'] }, 'BOT_NOT_FOUND'],
    ['PATCH', `/v1/channels/${own['channels']}`, { defaultBotId: foreign['bots'] }, 'BOT_NOT_FOUND'],
    ['POST', '/v1/bots', { name: 'x', channelIds: [foreign['channels']] }, 'CHANNEL_NOT_FOUND'],
    ['PATCH', `/v1/bots/${own['bots']}`, { channelIds: [own['channels'], foreign['channels']] }, 'CHANNEL_NOT_FOUND'],
  ];
  for (const [method, at, body, code] of attempts) {
    const answer = await api.call(method, at, { body });
    v1.expectError(answer, 404, code);
    expect(answer.error.details?.[0]?.field).toMatch(/Ids?$/);
  }
  for (const [name, noun] of [
    ['channelId', 'channels'],
    ['contactId', 'contacts'],
    ['assigneeId', 'users'],
    ['botId', 'bots'],
  ]) {
    const answer = await api.get<unknown[]>(`/v1/conversations?${name}=${foreign[noun ?? '']}`);
    expect([name, answer.status, answer.data]).toEqual([name, 200, []]);
  }
});

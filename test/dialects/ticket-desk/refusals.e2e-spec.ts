import type { Answer, ApiClient } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';
import * as td from './ticket-desk-fixtures.js';

let hub: Hub;
let almira: td.Person;
let ally: td.Person;
let desk: td.Desk;
let strange: td.Desk;
beforeAll(async () => {
  hub = await startHub();
  almira = await td.staff(hub, 'almira');
  ally = await td.customer(hub, 'Ally CUSTOMER');
  desk = await td.desk(hub, ally, almira);
  strange = await td.desk(hub, await td.customer(hub, 'Stranger'), almira);
});
afterAll(() => hub.stop());

type Call = (api: ApiClient, number: number | string) => Promise<Answer<unknown>>;
const OF_CONVERSATION: Readonly<Record<string, Call>> = {
  'GET /conversation/{conversationId}': (api, number) => api.get(`/conversation/${number}`),
  'POST /conversation/{conversationId}/message': (api, number) =>
    api.post(`/conversation/${number}/message`, { content: 'x' }),
  'PATCH /conversation/{conversationId}': (api, number) => api.patch(`/conversation/${number}`),
};
const OF_TICKET: Readonly<Record<string, Call>> = {
  'GET /conversation/ticket/{id}/history': (api, number) => api.get(`/conversation/ticket/${number}/history`),
  'POST /conversation/ticket/{id}': (api, number) => api.post(`/conversation/ticket/${number}`),
};
const ALL = { ...OF_CONVERSATION, ...OF_TICKET };
const STAFF_ONLY = new Set(['PATCH /conversation/{conversationId}', 'POST /conversation/ticket/{id}']);
const numberIn = (name: string, of: td.Desk): number => (name in OF_TICKET ? of.ticketNumber : of.number);

describe.each(Object.entries(ALL))('%s', (name, call) => {
  it('S0-10: refuses a user whose it is not with 403, and anybody where there is none with 404', async () => {
    const before = await v1.checksum(hub);
    td.expectRefusal(await call(ally.api, numberIn(name, strange)), 403, /not authorized/);
    td.expectRefusal(await call(almira.api, 987_654_321), 404);
    if (!STAFF_ONLY.has(name)) td.expectRefusal(await call(ally.api, 987_654_321), 404);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it('takes an id of another organization for none', async () => {
    const elsewhere = await hub.newOrganization('Elsewhere');
    const agent = await td.staff(hub, 'foreign', 'admin', elsewhere);
    const user = await td.customer(hub, 'foreign', elsewhere);
    const before = await v1.checksum(hub);
    const none = await call(agent.api, 987_654_321);
    const foreign = await call(agent.api, numberIn(name, desk));
    expect([foreign.status, foreign.text]).toEqual([404, none.text]);
    td.expectRefusal(await call(user.api, numberIn(name, desk)), STAFF_ONLY.has(name) ? 403 : 404);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it.each(['0', '-1', '01', '1.0', '1e3', 'abc', '9007199254740992', '99999999999999999999', '%20', 'conv_1', '%00'])(
    'knows nothing by the id %s',
    async (id) => td.expectRefusal(await call(almira.api, id), 404),
  );

  it('refuses whoever brings no token, a wrong one or an API key with 401', async () => {
    const number = numberIn(name, desk);
    td.expectRefusal(await call(hub.as(''), number), 401, /Send a token/);
    for (const key of ['nonsense', 'eyJ.a.b', `${almira.api.key}x`]) {
      td.expectRefusal(await call(hub.as(key), number), 401, /not one of ours/);
    }
    for (const key of [hub.admin.key, `sk_${'x'.repeat(43)}`]) {
      td.expectRefusal(await call(hub.as(key), number), 401, /An API key is not taken here/);
    }
  });

  it('is for any staff of the organization, not for users of the role customer', async () => {
    const outsider = await td.staff(hub, 'no staff', 'customer');
    td.expectRefusal(await call(outsider.api, numberIn(name, desk)), 403);
    for (const role of ['agent', 'supervisor', 'admin']) {
      const colleague = await td.staff(hub, role, role);
      const own = await td.desk(hub, ally, almira);
      expect((await call(colleague.api, numberIn(name, own))).status).toBe(200);
    }
  });

  it(STAFF_ONLY.has(name) ? 'is not for users, own or not' : 'is for the user whose it is', async () => {
    const before = await v1.checksum(hub);
    const answer = await call(ally.api, numberIn(name, desk));
    expect(answer.status).toBe(STAFF_ONLY.has(name) ? 403 : 200);
    if (answer.status === 403) expect(await v1.checksum(hub)).toEqual(before);
  });
});

describe('a message that cannot be one', () => {
  it.each<[string, unknown, number, RegExp]>([
    ['no content', {}, 400, /content is required/],
    ['null', { content: null }, 400, /content is required/],
    ['empty content', { content: '' }, 400, /content/],
    ['a number', { content: 5 }, 400, /content must be a string/],
    ['an object', { content: { text: 'x' } }, 400, /content must be a string/],
    ['a list', { content: ['x'] }, 400, /content must be a string/],
    ['too long', { content: 'x'.repeat(65_537) }, 400, /65536/],
    ['NUL', { content: 'a\u0000b' }, 400, /./],
    ['no object', ['x'], 400, /JSON object/],
    ['more than 1 MiB', { content: 'x'.repeat(1_048_576) }, 413, /1 MiB/],
  ])('%s', async (_, body, status, message) => {
    const before = await v1.checksum(hub);
    for (const { api } of [ally, almira]) {
      td.expectRefusal(await api.post(`/conversation/${desk.number}/message`, body), status, message);
    }
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it('broken JSON, another type of body, none at all', async () => {
    const path = `/conversation/${desk.number}/message`;
    td.expectRefusal(await ally.api.call('POST', path, { raw: '{"content":' }), 400, /JSON/);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    td.expectRefusal(await ally.api.call('POST', path, { raw: 'content=x', headers: form }), 415, /application\/json/);
    td.expectRefusal(await ally.api.call('POST', path), 400, /content is required/);
  });

  it('the longest that is one, and any characters', async () => {
    const text = `${'x'.repeat(65_520)} \u{1f600}é漢\n"\\`;
    expect((await td.say(ally, desk.number, text)).status).toBe(200);
    expect((await td.read(almira, desk.number)).at(-2)?.['content']).toBe(text);
  });

  it('an address that is none of these is a 404 in the same words', async () => {
    for (const path of ['/conversation', '/conversation/ticket', '/conversation/1/2/3', '/conversation/ticket/1/2']) {
      td.expectRefusal(await almira.api.get(path), 404);
    }
  });
});

it('shows a user whose ticket hangs on another’s conversation nothing of it', async () => {
  const ticket = await v1.ticket(hub.admin, { contactId: ally.id });
  await v1.conversation(hub.admin, { ticketId: ticket.id });
  const path = `/conversation/ticket/${td.numberOf(ticket)}/history`;
  td.expectRefusal(await ally.api.get(path), 403);
  expect((await almira.api.get(path)).status).toBe(200);
});

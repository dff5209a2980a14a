import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
});
afterAll(() => hub.stop());

const path = (id: string, tail = ''): string => `/v1/conversations/${id}${tail}`;
const patch = (id: string, fields: v1.Json): Promise<Answer> => api.patch(path(id), fields);
const list = async (query: string, as = api): Promise<string[]> =>
  (await as.get<Resource[]>(`/v1/conversations?${query}`)).data.map(({ id }) => id);

describe('what a conversation hangs on', () => {
  it('is a ticket and a record of another system: given at the start, changed, cleared, filtered by', async () => {
    const [one, two] = [await v1.ticket(api), await v1.ticket(api)];
    const entity = { type: 'work_order', id: `wo-${v1.next()}` };
    const { id } = await v1.conversation(api, { ticketId: one.id, entity });
    expect(v1.attributes(await api.get(path(id)))).toMatchObject({ ticketId: one.id, entity });
    expect(await list(`ticketId=${one.id}`)).toEqual([id]);
    expect(await list(`entityType=work_order&entityId=${entity.id}`)).toEqual([id]);
    expect(await list('entityType=invoice')).toEqual([]);
    const { answer, events } = await v1.told(hub, () => patch(id, { ticketId: two.id, entity: null }));
    expect(v1.attributes(answer)).toMatchObject({ ticketId: two.id, entity: null });
    expect(events.map(({ type }) => type)).toEqual(['conversation.updated']);
    expect(v1.at(events[0]?.body, 'meta.changes')).toEqual({
      ticketId: { before: one.id, after: two.id },
      entity: { before: entity, after: null },
    });
    expect((await v1.told(hub, () => patch(id, { ticketId: two.id, entity: null }))).events).toEqual([]);
    expect(v1.attributes(await patch(id, { ticketId: null }))['ticketId']).toBeNull();
    const unknown = 'ticket_01h455vb4pex5vsknk084sn02q';
    v1.expectError(await patch(id, { ticketId: unknown, subject: 'x' }), 404, 'TICKET_NOT_FOUND', 'ticketId');
    v1.expectError(await patch(id, { entity: { type: 'x' } }), 400, 'VALIDATION_ERROR', 'entity.id');
    v1.expectError(await api.get('/v1/conversations?entityId=1'), 400, 'VALIDATION_ERROR', 'entityType');
    expect(v1.attributes(await api.get(path(id)))['subject']).toBeNull();
  });

  it('is put away and taken out: archived closes, reopening takes out', async () => {
    const tag = `t${v1.next()}`;
    const [a, b] = [await v1.conversation(api, { tags: [tag] }), await v1.conversation(api, { tags: [tag] })];
    const { answer, events } = await v1.told(hub, () => patch(a.id, { archived: true }));
    expect(v1.attributes(answer)).toMatchObject({ status: 'closed', archivedAt: expect.any(String) as unknown });
    expect(events.map(({ type }) => type)).toEqual(['conversation.closed', 'conversation.updated']);
    expect(await list(`tags=${tag}&archived=true`)).toEqual([a.id]);
    expect(await list(`tags=${tag}&archived=false`)).toEqual([b.id]);
    expect((await list(`tags=${tag}`)).length).toBe(2);
    expect(v1.attributes(await patch(a.id, { archived: false }))).toMatchObject({ status: 'closed', archivedAt: null });
    await patch(a.id, { archived: true });
    expect(v1.attributes(v1.ok(await api.post(path(a.id, '/reopen'))))).toMatchObject({
      status: 'open',
      archivedAt: null,
    });
    v1.expectError(await patch(a.id, { archived: true, status: 'open' }), 400, 'VALIDATION_ERROR', 'archived');
  });

  it('has tags that come and go, at most 50', async () => {
    const { id } = await v1.conversation(api, { tags: ['a', 'b'] });
    const added = await api.post(path(id, '/tags'), { tags: ['b', 'c', 'c'] });
    expect(v1.attributes(added)['tags']).toEqual(['a', 'b', 'c']);
    expect((await v1.told(hub, () => api.post(path(id, '/tags'), { tags: ['a'] }))).events).toEqual([]);
    expect((await api.delete(path(id, '/tags'), { body: { tags: ['a', 'z'] } })).status).toBe(204);
    expect(v1.attributes(await api.get(path(id)))['tags']).toEqual(['b', 'c']);
    const many = Array.from({ length: 49 }, (_, i) => `n${i}`);
    v1.expectError(await api.post(path(id, '/tags'), { tags: many }), 400, 'VALIDATION_ERROR', 'tags');
    v1.expectError(await api.delete(path(id, '/tags')), 400, 'VALIDATION_ERROR', 'tags');
    const rare = `rare-${v1.next()}`;
    await api.post(path(id, '/tags'), { tags: [rare] });
    expect(await list(`tags=b,${rare}`)).toEqual([id]);
    expect(await list(`tags=${rare},nowhere`)).toEqual([]);
  });
});

describe('onExisting', () => {
  const open = (channelId: string, contactId: string, onExisting: string): Promise<Answer> =>
    api.post('/v1/conversations', { channelId, contactId, onExisting });

  it('refuses, gives back, reopens or opens, as it says', async () => {
    const [channel, contact] = [await v1.channel(api), await v1.contact(api)];
    const first = await open(channel.id, contact.id, 'return');
    expect(first.status).toBe(201);
    v1.expectError(await open(channel.id, contact.id, 'conflict'), 409, 'CONVERSATION_EXISTS');
    v1.expectError(await open(channel.id, contact.id, 'create'), 400, 'VALIDATION_ERROR', 'onExisting');
    for (const way of ['return', 'reopen']) {
      const { answer, events } = await v1.told(hub, () => open(channel.id, contact.id, way));
      expect([answer.status, answer.data.id, events]).toEqual([200, first.data.id, []]);
    }
    await api.post(path(first.data.id, '/close'));
    const { answer, events } = await v1.told(hub, () => open(channel.id, contact.id, 'reopen'));
    expect([answer.status, answer.data.id]).toEqual([200, first.data.id]);
    expect(events.map(({ type }) => type)).toEqual(['conversation.reopened']);
    await api.post(path(first.data.id, '/close'));
    const second = await open(channel.id, contact.id, 'return');
    expect([second.status, second.data.id === first.data.id]).toEqual([201, false]);
  });

  it.each(['return', 'reopen'])('20 with %s at once, by phone: one is opened, the others find it', async (way) => {
    const channel = await v1.channel(api);
    const phone = v1.newPhone();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        api.post(
          '/v1/conversations',
          { channelId: channel.id, contact: { phone }, onExisting: way },
          i % 2 ? { headers: { 'idempotency-key': `${phone} ${i}` } } : {},
        ),
      ),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      ...Array.from({ length: 19 }, () => 200),
      201,
    ]);
    expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1);
  });
});

describe('counts and history', () => {
  it('counts by status, mine and nobody’s', async () => {
    const other = await hub.newOrganization('Counting');
    const channel = await v1.channel(other);
    const person = await v1.user(other, { password: 'correct horse battery' });
    const in_ = { channelId: channel.id };
    await v1.conversation(other, { ...in_, assigneeId: person.id });
    const closed = await v1.conversation(other, { ...in_, assigneeId: person.id });
    await other.post(path(closed.id, '/close'));
    const pending = await v1.conversation(other, in_);
    await other.patch(path(pending.id), { status: 'pending' });
    const byStatus = { open: 1, pending: 1, snoozed: 0, closed: 1 };
    const counts = await other.get<v1.Json>('/v1/conversations/counts');
    expect(counts.data).toEqual({ byStatus, mine: 0, unassigned: 1 });
    const email = v1.attributes(person)['email'];
    const login = await hub.as('').post('/v1/auth/login', { email, password: 'correct horse battery' });
    const token = (login.meta as unknown as { accessToken: string }).accessToken;
    expect((await hub.as(token).get<v1.Json>('/v1/conversations/counts')).data).toEqual({
      byStatus,
      mine: 1,
      unassigned: 1,
    });
  });

  it('tells the timeline as it was told to subscribers, newest first, by cursor', async () => {
    const user = await v1.user(api);
    const { id } = await v1.conversation(api, { assigneeId: user.id });
    v1.ok(await v1.say(api, id, 'Hello'));
    await api.post(path(id, '/close'), { reason: 'done' });
    const told = (await v1.events(hub, id)).reverse();
    const all = await api.get<Resource[]>(path(id, '/events'));
    expect(all.data.map(({ attributes: { type, sequence, actor } }) => ({ type, sequence, actor }))).toEqual(
      told.map(({ type, sequence, body }) => ({ type, sequence, actor: v1.at(body, 'meta.actor') })),
    );
    expect(all.data[0]?.attributes['changes']).toEqual(v1.at(told[0]?.body, 'meta.changes'));
    expect(all.data[1]?.attributes['subject']).toEqual({ type: 'message', id: v1.at(told[1]?.body, 'data.id') });
    const first = await api.get<Resource[]>(path(id, '/events?limit=3'));
    const { next, hasMore } = first.meta['cursor'] as unknown as { next: string; hasMore: boolean };
    expect(hasMore).toBe(true);
    const rest = await api.get<Resource[]>(path(id, `/events?limit=3&cursor=${next}`));
    expect([...first.data, ...rest.data].map((one) => one.id)).toEqual(all.data.map((one) => one.id));
    expect(rest.meta['cursor']).toEqual({ next: null, hasMore: false });
    v1.expectError(await api.get(path(id, '/events?limit=101')), 400, 'VALIDATION_ERROR', 'limit');
    v1.expectError(await api.get(path(id, '/events?cursor=x')), 400, 'VALIDATION_ERROR', 'cursor');
  });

  it('tells through which hands it went', async () => {
    const [one, bot] = [await v1.user(api, { name: 'One' }), await v1.bot(api, { name: 'Bot' })];
    const { id } = await v1.conversation(api, { assigneeId: one.id });
    await api.post(path(id, '/transfer'), { toAssigneeId: bot.id, reason: 'night', summary: 'so far' });
    await api.post(path(id, '/unassign'));
    const answer = await api.get<Resource[]>(path(id, '/assignments'));
    const [oneHand, botHand] = [
      { type: 'user', id: one.id, name: 'One' },
      { type: 'bot', id: bot.id, name: 'Bot' },
    ];
    expect(answer.data.map(({ attributes }) => attributes)).toMatchObject([
      { kind: 'unassign', from: botHand, to: null, endedAt: null },
      { kind: 'transfer', from: oneHand, to: botHand, reason: 'night', summary: 'so far' },
      { kind: 'manual', from: null, to: oneHand, actor: { type: 'api_key' } },
    ]);
    const page = await api.get<Resource[]>(path(id, '/assignments?limit=2'));
    const { next } = page.meta['cursor'] as unknown as { next: string };
    const rest = await api.get<Resource[]>(path(id, `/assignments?limit=2&cursor=${next}`));
    expect(rest.data.map((each) => each.id)).toEqual([answer.data[2]?.id]);
    const bad = Buffer.from('["x"]').toString('base64url');
    v1.expectError(await api.get(path(id, `/assignments?cursor=${bad}`)), 400, 'VALIDATION_ERROR', 'cursor');
  });
});

import type { Answer, ApiClient, Resource } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let channelId: string;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  channelId = (await v1.channel(api)).id;
});
afterAll(() => hub.stop());

const together = <T>(times: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, i) => work(i)));
const tally = (answers: readonly Answer<unknown>[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, error } of answers) {
    const name = error ? `${status} ${error.code}` : String(status);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const count = async (sql: string, values: unknown[]): Promise<number> =>
  (await hub.sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`, values))[0]?.n ?? -1;

/** Every number once, in the order of the log. */
async function expectGapFree(id: string): Promise<v1.StoredEvent[]> {
  const events = await v1.events(hub, id);
  const sequences = events.map(({ sequence }) => sequence).sort((a, b) => a - b);
  expect(sequences).toEqual(upTo(events.length));
  for (const { sequence, body } of events) expect(v1.at(body, 'meta.sequence')).toBe(sequence);
  return [...events].sort((a, b) => a.sequence - b.sequence);
}

describe('opening', () => {
  test.each([2, 20])('%i creates of the same new contact and channel at once: one 201, the others 409', async (n) => {
    const contact = { phone: v1.newPhone(), name: 'Jane' };
    const answers = await together(n, () => api.post('/v1/conversations', { channelId, contact }));
    expect(tally(answers)).toEqual({ 201: 1, '409 CONVERSATION_EXISTS': n - 1 });
    expect(await count('contact WHERE phone = $1', [contact.phone])).toBe(1);
    const winner = answers.find(({ status }) => status === 201)?.data.id ?? '';
    await expectGapFree(winner);
    for (const { status, error } of answers) if (status === 409) expect(error.details?.[0]?.message).toBe(winner);
  });

  test.each([2, 20])('%i creates of the same known contact and channel at once: one 201, the others 409', async (n) => {
    const { id } = await v1.contact(api);
    const answers = await together(n, () => api.post('/v1/conversations', { channelId, contactId: id }));
    expect(tally(answers)).toEqual({ 201: 1, '409 CONVERSATION_EXISTS': n - 1 });
    expect(await count('conversation WHERE contact_id = $1', [v1.uuid(id)])).toBe(1);
  });

  test('creates and closes at once: never two live ones, never anything but 200, 201 and 409', async () => {
    const { id: contactId } = await v1.contact(api);
    const answers = await together(20, async () => {
      const made = await api.post('/v1/conversations', { channelId, contactId });
      return made.status === 201 ? [made, await api.post(`/v1/conversations/${made.data.id}/close`)] : [made];
    });
    const seen = Object.keys(tally(answers.flat())).sort();
    expect(seen.filter((status) => !['200', '201', '409 CONVERSATION_EXISTS'].includes(status))).toEqual([]);
    expect(await count(`conversation WHERE contact_id = $1 AND status <> 'closed'`, [v1.uuid(contactId)])).toBe(0);
  });

  test('reopenings of several closed ones of one contact at once: one gets through', async () => {
    const { id: contactId } = await v1.contact(api);
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) {
      const made = await v1.conversation(api, { channelId, contactId });
      v1.ok(await api.post(`/v1/conversations/${made.id}/close`));
      ids.push(made.id);
    }
    const answers = await Promise.all(ids.map((id) => api.post(`/v1/conversations/${id}/reopen`)));
    expect(tally(answers)).toEqual({ 200: 1, '409 CONVERSATION_EXISTS': 5 });
    expect(await count(`conversation WHERE contact_id = $1 AND status <> 'closed'`, [v1.uuid(contactId)])).toBe(1);
  });
});

describe('contacts', () => {
  test.each(['email', 'phone', 'externalId'])(
    '20 creates with the same %s at once: one 201, the others 409',
    async (field) => {
      const value = { email: v1.newEmail(), phone: v1.newPhone(), externalId: `crm-${v1.next()}` }[field];
      const answers = await together(20, (i) => api.post('/v1/contacts', { name: `n${i}`, [field]: value }));
      expect(tally(answers)).toEqual({ 201: 1, '409 RESOURCE_ALREADY_EXISTS': 19 });
    },
  );

  test('phone and email crosswise at once: no deadlock reaches a caller', async () => {
    const [one, two] = [v1.newPhone(), v1.newPhone()];
    const [a, b] = [v1.newEmail(), v1.newEmail()];
    const pairs = [
      { phone: one, email: a },
      { phone: two, email: b },
      { phone: one, email: b },
      { phone: two, email: a },
    ];
    const answers = await together(24, (i) => {
      const contact = pairs[i % 4];
      return i % 2
        ? api.post('/v1/conversations', { channelId, contact })
        : v1.inbound(api, channelId, { contact: { ...contact, externalId: `cross-${i % 4}` } });
    });
    const seen = Object.keys(tally(answers));
    expect(seen.filter((status) => !['200', '201', '409 CONVERSATION_EXISTS'].includes(status))).toEqual([]);
    expect(await count('contact WHERE phone IN ($1, $2)', [one, two])).toBe(2);
  });

  test('20 users with the same email at once: one 201, the others 409', async () => {
    const email = v1.newEmail();
    const answers = await together(20, () => api.post('/v1/users', { name: 'Ann', email }));
    expect(tally(answers)).toEqual({ 201: 1, '409 EMAIL_ALREADY_EXISTS': 19 });
  });
});

describe('receiving', () => {
  test('20 deliveries of one message at once: one contact, one conversation, one message, one 201', async () => {
    const contact = { externalId: `person-${v1.next()}`, phone: v1.newPhone(), email: v1.newEmail(), name: 'Ann' };
    const externalId = `ext-${v1.next()}`;
    const answers = await together(20, () => v1.inbound(api, channelId, { contact, externalId }));
    expect(tally(answers)).toEqual({ 200: 19, 201: 1 });
    expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1);
    const conversation = String(v1.at(answers[0]?.data, 'attributes.conversationId'));
    expect(await count('contact WHERE phone = $1', [contact.phone])).toBe(1);
    expect(await count('message WHERE external_id = $1', [externalId])).toBe(1);
    const events = await expectGapFree(conversation);
    expect(events.map(({ type }) => type)).toEqual(['conversation.created', 'message.received']);
    const { unreadCount, messageCount } = v1.attributes(await api.get(`/v1/conversations/${conversation}`));
    expect([unreadCount, messageCount]).toEqual([1, 1]);
  });

  test('50 messages of one new contact at once: one contact, one conversation, places 1 to 50', async () => {
    const contact = { externalId: `person-${v1.next()}`, email: v1.newEmail() };
    const answers = await together(50, (i) => v1.inbound(api, channelId, { contact, content: { text: `m${i}` } }));
    expect(tally(answers)).toEqual({ 201: 50 });
    const ids = new Set(answers.map(({ data }) => String(v1.at(data, 'attributes.conversationId'))));
    expect(ids.size).toBe(1);
    const [conversation = ''] = ids;
    expect(await count('contact WHERE email = $1', [contact.email])).toBe(1);
    const rows = await hub.sql<{ seq: number }>(
      'SELECT seq::int AS seq FROM message WHERE conversation_id = $1 ORDER BY seq',
      [v1.uuid(conversation)],
    );
    expect(rows.map(({ seq }) => seq)).toEqual(upTo(50));
    const events = await expectGapFree(conversation);
    expect(events).toHaveLength(51);
    expect(events[0]?.type).toBe('conversation.created');
    const { unreadCount, messageCount } = v1.attributes(await api.get(`/v1/conversations/${conversation}`));
    expect([unreadCount, messageCount]).toEqual([50, 50]);
  });

  test('messages against a closing and reopening hand: one live conversation, nothing lost', async () => {
    const contact = { externalId: `person-${v1.next()}`, phone: v1.newPhone() };
    const first = await v1.inbound(api, channelId, { contact });
    const id = String(v1.attributes(first)['conversationId']);
    const answers = await together(30, (i) =>
      i % 3 === 0 ? api.post(`/v1/conversations/${id}/close`) : v1.inbound(api, channelId, { contact }),
    );
    expect(tally(answers)).toEqual({ 200: 10, 201: 20 });
    const conversations = await hub.sql<{ live: number; all: number }>(
      `SELECT count(*) FILTER (WHERE status <> 'closed')::int AS live, sum(message_count)::int AS all FROM conversation
       WHERE contact_id = (SELECT id FROM contact WHERE phone = $1)`,
      [contact.phone],
    );
    expect(conversations[0]?.all).toBe(21);
    expect(conversations[0]?.live).toBeLessThanOrEqual(1);
    await expectGapFree(id);
  });
});

describe('one conversation', () => {
  test('assign, transfer, unassign, close, reopen, patch and messages at once leave one consistent story', async () => {
    const people = await Promise.all([v1.user(api), v1.user(api), v1.bot(api), v1.bot(api)]);
    const { id } = await v1.conversation(api, { channelId });
    const path = `/v1/conversations/${id}`;
    const pick = (i: number): string => people[i % 4]?.id ?? '';
    const moves: ((i: number) => Promise<Answer>)[] = [
      (i) => api.post(`${path}/assign`, { assigneeId: pick(i), note: `n${i}` }),
      (i) => api.post(`${path}/transfer`, { toAssigneeId: pick(i + 1), summary: 's', notifyContact: i % 2 === 0 }),
      () => api.post(`${path}/unassign`),
      () => api.post(`${path}/close`),
      () => api.post(`${path}/reopen`),
      (i) => api.patch(path, { tags: [`t${i}`], metadata: { [`k${i}`]: i } }),
      (i) => v1.say(api, id, `m${i}`),
      (i) => v1.say(api, id, `n${i}`, { private: true }),
      (i) => api.post(`${path}/assign`, { assigneeId: pick(i) }),
      () => api.post(`${path}/read`),
    ];
    const answers = await together(100, (i) => (moves[i % 10] as (n: number) => Promise<Answer>)(i));
    const seen = Object.keys(tally(answers));
    expect(seen.filter((status) => !['200', '201', '409 CONVERSATION_CLOSED'].includes(status))).toEqual([]);

    const events = await expectGapFree(id);
    const versions = events
      .filter(({ type }) => type.startsWith('conversation.'))
      .map(({ body }) => Number(v1.at(body, 'data.attributes.version')));
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));

    const after = v1.attributes(await api.get(path));
    const sent = answers.filter(
      ({ status, data }) => status === 201 && data.attributes['private'] === (false as never),
    );
    const notices = events.filter(({ type }) => type === 'message.sent').length;
    expect(Number(after['messageCount'])).toBe(notices);
    expect(notices).toBeGreaterThanOrEqual(sent.length);
    expect(after['version']).toBe(versions.at(-1));

    const rows = await hub.sql<{ from: string | null; to: string | null; running: boolean }>(
      `SELECT from_id AS from, to_id AS to, ended_at IS NULL AS running FROM assignment WHERE conversation_id = $1
       ORDER BY created_at, id`,
      [v1.uuid(id)],
    );
    expect(rows.filter(({ running }) => running)).toHaveLength(rows.length > 0 ? 1 : 0);
    const assignee = v1.at(after, 'assignee.id') as string | undefined;
    expect(rows.find(({ running }) => running)?.to ?? null).toBe(assignee ? v1.uuid(assignee) : null);
    const handed = events.filter(({ type }) => /assigned|transferred/.test(type));
    expect(rows).toHaveLength(handed.length);
    // each hand-over starts where the one before it ended
    const chain = handed.map(({ body }) =>
      ['before', 'after'].map((side) => v1.at(body, `meta.changes.assignee.${side}.id`)),
    );
    chain.forEach(([before], i) => expect(before).toBe(i === 0 ? undefined : chain[i - 1]?.[1]));
    const participants = await api.get<Resource[]>(`${path}/participants`);
    const users = participants.data.filter(({ type }) => type === 'user').map((one) => one.id);
    expect(users).toEqual(assignee?.startsWith('user_') ? [assignee] : []);
  });

  test('20 posts with the same clientMessageId at once: one message', async () => {
    const { id } = await v1.conversation(api, { channelId });
    for (const isPrivate of [false, true]) {
      const clientMessageId = `c-${isPrivate}`;
      const answers = await together(20, (i) => v1.say(api, id, `m${i}`, { clientMessageId, private: isPrivate }));
      expect(tally(answers)).toEqual({ 201: 20 });
      expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1);
    }
    const { messageCount } = v1.attributes(await api.get(`/v1/conversations/${id}`));
    expect(messageCount).toBe(1);
    expect((await expectGapFree(id)).map(({ type }) => type)).toEqual([
      'conversation.created',
      'message.sent',
      'conversation.updated',
    ]);
  });

  test.each([
    ['patch', (path: string, i: number) => api.patch(path, { subject: `s${i}`, expectedVersion: 1 })],
    ['close', (path: string) => api.post(`${path}/close`, { expectedVersion: 1 })],
    ['snooze', (path: string) => api.post(`${path}/snooze`, { until: '2999-01-01T00:00:00Z', expectedVersion: 1 })],
  ] as const)('20 changes (%s) that expect the same version at once: one 200, the others 412', async (_, change) => {
    const { id } = await v1.conversation(api, { channelId });
    const answers = await together(20, (i) => change(`/v1/conversations/${id}`, i));
    expect(tally(answers)).toEqual({ 200: 1, '412 VERSION_MISMATCH': 19 });
    expect(await expectGapFree(id)).toHaveLength(2);
  });

  test('20 closes at once: all 200, one event, one close', async () => {
    const { id } = await v1.conversation(api, { channelId });
    const answers = await together(20, (i) => api.post(`/v1/conversations/${id}/close`, { reason: `r${i}` }));
    expect(tally(answers)).toEqual({ 200: 20 });
    expect(new Set(answers.map(({ data }) => data.attributes['closureReason'])).size).toBe(1);
    expect((await expectGapFree(id)).map(({ type }) => type)).toEqual(['conversation.created', 'conversation.closed']);
  });

  test('50 merges of metadata at once lose none', async () => {
    const { id } = await v1.conversation(api, { channelId });
    const answers = await together(50, (i) => api.patch(`/v1/conversations/${id}`, { metadata: { [`k${i}`]: i } }));
    expect(tally(answers)).toEqual({ 200: 50 });
    const { metadata, version } = v1.attributes(await api.get(`/v1/conversations/${id}`));
    expect(Object.keys(metadata as object)).toHaveLength(50);
    expect(version).toBe(51);
  });
});

describe('records going away', () => {
  test('deleting a channel against opening on it: no live conversation on a removed channel', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await v1.channel(api);
      const answers = await together(10, (i) =>
        i === 5
          ? api.delete(`/v1/channels/${id}?force=true`)
          : api.post('/v1/conversations', { channelId: id, contact: { phone: v1.newPhone() } }),
      );
      const seen = Object.keys(tally(answers));
      expect(seen.filter((status) => !['201', '204', '404 CHANNEL_NOT_FOUND'].includes(status))).toEqual([]);
      expect(await count(`conversation WHERE channel_id = $1 AND status <> 'closed'`, [v1.uuid(id)])).toBe(0);
    }
  });

  test('deleting a user against assigning to them: no live conversation of somebody who is gone', async () => {
    for (let round = 0; round < 5; round++) {
      const gone = await v1.user(api);
      const conversations = await together(6, () => v1.conversation(api, { channelId }));
      const answers = await Promise.all([
        ...conversations.map(({ id }) => api.post(`/v1/conversations/${id}/assign`, { assigneeId: gone.id })),
        api.delete(`/v1/users/${gone.id}`),
      ]);
      const allowed = new Set(['200', '204', '400 ACTIVE_CONVERSATIONS_EXIST', '404 USER_NOT_FOUND']);
      expect(Object.keys(tally(answers)).filter((status) => !allowed.has(status))).toEqual([]);
      const removed = await count('users WHERE id = $1 AND deleted_at IS NOT NULL', [v1.uuid(gone.id)]);
      const held = await count('conversation WHERE assignee_id = $1', [v1.uuid(gone.id)]);
      expect(removed === 1 && held > 0).toBe(false);
    }
  });

  test('deleting a contact against opening with them: no live conversation of a forgotten contact', async () => {
    for (let round = 0; round < 5; round++) {
      const phone = v1.newPhone();
      const gone = await v1.contact(api, { phone });
      const answers = await Promise.all([
        api.post('/v1/conversations', { channelId, contactId: gone.id }),
        api.delete(`/v1/contacts/${gone.id}`),
        v1.inbound(api, channelId, { contact: { externalId: `gone-${round}`, phone } }),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => status >= 500)).toEqual([]);
      const held = await count(
        `conversation c JOIN contact k ON k.id = c.contact_id WHERE k.id = $1 AND k.deleted_at IS NOT NULL AND c.status <> 'closed'`,
        [v1.uuid(gone.id)],
      );
      expect(held).toBe(0);
    }
  });
});

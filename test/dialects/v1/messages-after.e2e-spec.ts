import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import { colleague, register } from '../../e2e/auth-fixtures.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let channelId: string;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  channelId = (await v1.channel(api)).id;
});
afterAll(() => hub.stop());

const open = async (fields: v1.Json = {}): Promise<string> => (await v1.conversation(api, { channelId, ...fields })).id;
const row = async (id: string): Promise<v1.Json> => v1.attributes(await api.get(`/v1/conversations/${id}`));
const message = async (id: string): Promise<v1.Json> => v1.attributes(await api.get(`/v1/messages/${id}`));
const types = (events: readonly v1.StoredEvent[]): string[] => events.map(({ type }) => type);
const steps = async (id: string): Promise<string[]> =>
  ((await message(id))['statusHistory'] as { status: string }[]).map(({ status }) => status);

describe('a receipt', () => {
  const receipt = (id: string, status: string, more: v1.Json = {}, channel = channelId): Promise<Answer> =>
    api.post(`/v1/channels/${channel}/messages/${id}/status`, { status, ...more });
  const sent = async (): Promise<string> => v1.ok(await v1.say(api, await open(), 'x')).id;

  test('moves a message on, each step told once; the late and the repeated change nothing', async () => {
    const id = await sent();
    const { events } = await v1.told(hub, async () => {
      for (const status of ['delivered', 'delivered', 'sent', 'read', 'delivered', 'failed', 'read']) {
        expect((await receipt(id, status)).status).toBe(200);
      }
    });
    expect(types(events)).toEqual(['message.delivered', 'message.read']);
    expect(await message(id)).toMatchObject({ status: 'read', failedReason: null });
    expect(await steps(id)).toEqual(['pending', 'sent', 'delivered', 'read']);
  });

  test('says why it failed, and that is the end', async () => {
    const id = await sent();
    const { answer, events } = await v1.told(hub, () => receipt(id, 'failed', { error: 'Unknown number' }));
    expect(answer.data.attributes).toMatchObject({ status: 'failed', failedReason: 'Unknown number' });
    expect(types(events)).toEqual(['message.failed']);
    expect((await v1.told(hub, () => receipt(id, 'read'))).events).toEqual([]);
    expect(await steps(id)).toEqual(['pending', 'sent', 'failed']);
  });

  test('keeps the time it was given, never before the message was sent', async () => {
    const id = await sent();
    const { sentAt } = await message(id);
    v1.ok(await receipt(id, 'delivered', { timestamp: '2020-01-01T00:00:00Z' }));
    expect((await message(id))['deliveredAt']).toBe(sentAt);
    const timestamp = new Date(Date.now() + 60_000).toISOString();
    v1.ok(await receipt(id, 'read', { timestamp }));
    expect((await message(id))['readAt']).toBe(timestamp);
    const ahead = await receipt(id, 'read', { timestamp: '2999-01-01T00:00:00Z' });
    v1.expectError(ahead, 400, 'VALIDATION_ERROR', 'timestamp');
    v1.expectError(await receipt(id, 'lost'), 400, 'VALIDATION_ERROR', 'status');
  });

  test('20 at once leave the furthest, told in order and once', async () => {
    const id = await sent();
    const { events } = await v1.told(hub, () =>
      Promise.all(Array.from({ length: 20 }, (_, i) => receipt(id, i % 2 ? 'delivered' : 'read'))),
    );
    expect(await message(id)).toMatchObject({ status: 'read' });
    const told = types(events);
    expect(told.filter((type) => type === 'message.read')).toHaveLength(1);
    expect(told.at(-1)).toBe('message.read');
    expect(told.length).toBeLessThanOrEqual(2);
  });

  test('is for what this api channel has sent, and for nothing that still waits', async () => {
    const id = await sent();
    const other = await v1.channel(api);
    v1.expectError(await receipt(id, 'read', {}, other.id), 404, 'MESSAGE_NOT_FOUND');
    v1.expectError(await receipt('unknown', 'read'), 404, 'MESSAGE_NOT_FOUND');
    const inbound = await v1.inbound(api, channelId, { externalId: 'came-in' });
    v1.expectError(await receipt('came-in', 'read'), 404, 'MESSAGE_NOT_FOUND');
    v1.expectError(await receipt(inbound.data.id, 'read'), 404, 'MESSAGE_NOT_FOUND');
    const webchat = await v1.channel(api, { type: 'webchat' });
    v1.expectError(await receipt(id, 'read', {}, webchat.id), 400, 'INVALID_CHANNEL_TYPE', 'channelId');
    const conversation = await open();
    const draft = v1.ok(await v1.say(api, conversation, 'x', { draft: true }));
    const later = v1.ok(
      await v1.say(api, conversation, 'x', { scheduledAt: new Date(Date.now() + 60_000).toISOString() }),
    );
    for (const waiting of [draft, later]) {
      expect((await receipt(waiting.id, 'read')).data.attributes).toMatchObject({ status: 'pending' });
    }
  });

  test('finds a message by the id that the other side has given it', async () => {
    const id = await sent();
    await hub.sql(`UPDATE message SET external_id = 'their own/id' WHERE id = $1`, [v1.uuid(id)]);
    const answer = await receipt(encodeURIComponent('their own/id'), 'delivered');
    expect([answer.status, answer.data.id]).toEqual([200, id]);
  });
});

describe('deleting', () => {
  const remove = (id: string, query = ''): Promise<Answer<v1.Json>> =>
    api.call<v1.Json>('DELETE', `/v1/messages/${id}${query}`);

  test('takes away what it said: from lists, last message, search and files; told once', async () => {
    const id = await open();
    const file = await v1.upload(hub);
    const { id: messageId } = v1.ok(await v1.say(api, id, 'a secret word', { attachments: [file] }));
    const { answer, events } = await v1.told(hub, () => remove(messageId, '?forEveryone=true'));
    expect(answer.status).toBe(200);
    expect(answer.data).toEqual({ id: messageId, deleted: true, deletedAt: expect.any(String) as unknown });
    expect(types(events)).toEqual(['message.deleted']);
    expect(events[0]?.body).toMatchObject({
      data: { attributes: { content: { type: 'deleted' }, attachments: [] } },
      meta: { changes: { forEveryone: { before: false, after: true } } },
    });
    const { answer: again, events: none } = await v1.told(hub, () => remove(messageId));
    expect([again.data, none]).toEqual([answer.data, []]);
    for (const path of [
      `/v1/messages/${messageId}`,
      `/v1/conversations/${id}?includeMessages=true`,
      `/v1/conversations/${id}/messages`,
      `/v1/conversations`,
    ]) {
      const shown = await api.get(path);
      expect([path, shown.status, shown.text.includes('secret')]).toEqual([path, 200, false]);
    }
    expect(v1.ok(await api.get<Resource[]>('/v1/messages?search=secret'))).toEqual([]);
    expect(v1.ok(await api.get<Resource[]>('/v1/conversations?search=secret'))).toEqual([]);
    expect(await row(id)).toMatchObject({ messageCount: 1, lastMessage: { content: { type: 'deleted' } } });
    const [left] = await hub.sql<{ message: string | null; old: boolean }>(
      `SELECT message_id AS message, created_at < now() - interval '1 day' AS old FROM attachment WHERE id = $1`,
      [v1.uuid(file)],
    );
    expect(left).toEqual({ message: null, old: true });
    v1.expectError(await v1.say(api, id, 'x', { attachments: [file] }), 404, 'RESOURCE_NOT_FOUND');
  });

  test('takes away what came in, with its source', async () => {
    const url = 'https://example.com/a.png';
    const answer = await v1.inbound(api, channelId, {
      raw: { a: 1 },
      attachments: [{ url, name: 'a.png', contentType: 'image/png' }],
    });
    expect((await remove(answer.data.id)).status).toBe(200);
    const left = await hub.sql(
      `SELECT 1 FROM message_raw WHERE message_id = $1 UNION ALL SELECT 1 FROM attachment WHERE original_url = $2`,
      [v1.uuid(answer.data.id), url],
    );
    expect(left).toEqual([]);
  });

  test('is refused where the channel cannot, and from everyone after 48 hours', async () => {
    const { id } = v1.ok(await v1.say(api, await open(), 'x'));
    await hub.sql(`UPDATE message SET occurred_at = now() - interval '49 hours' WHERE id = $1`, [v1.uuid(id)]);
    const before = await v1.checksum(hub);
    v1.expectError(await remove(id, '?forEveryone=true'), 400, 'DELETE_WINDOW_EXPIRED');
    v1.expectError(await remove(id, '?forEveryone=maybe'), 400, 'VALIDATION_ERROR', 'forEveryone');
    expect(await v1.checksum(hub)).toEqual(before);
    expect((await remove(id)).status).toBe(200);
    const other = v1.ok(await v1.say(api, await open(), 'x'));
    await hub.sql(`UPDATE channel SET type = 'sms' WHERE id = (SELECT channel_id FROM message WHERE id = $1)`, [
      v1.uuid(other.id),
    ]);
    try {
      v1.expectError(await remove(other.id), 400, 'DELETE_NOT_SUPPORTED');
    } finally {
      await hub.sql(`UPDATE channel SET type = 'api' WHERE id = $1`, [v1.uuid(channelId)]);
    }
  });
});

describe('reading', () => {
  async function unread(n: number): Promise<{ id: string; messages: string[] }> {
    const contact = { externalId: `reader-${v1.next()}` };
    const messages: string[] = [];
    let id = '';
    for (let i = 0; i < n; i++) {
      const answer = await v1.inbound(api, channelId, { contact });
      messages.push(answer.data.id);
      id = String(v1.attributes(answer)['conversationId']);
    }
    return { id, messages };
  }
  const read = (id: string | undefined, client = api): Promise<Answer<v1.Json>> =>
    client.post<v1.Json>(`/v1/messages/${id}/read`);

  test('up to a message: the staff’s mark moves ahead only, and is told when the count changes', async () => {
    const { id, messages } = await unread(4);
    const { answer, events } = await v1.told(hub, () => read(messages[1]));
    expect(answer.data).toEqual({ markedCount: 2, conversationId: id });
    expect(types(events)).toEqual(['conversation.updated']);
    expect(v1.at(events[0]?.body, 'meta.changes.unreadCount')).toEqual({ before: 4, after: 2 });
    const back = await v1.told(hub, () => read(messages[0]));
    expect([back.answer.data['markedCount'], back.events]).toEqual([0, []]);
    expect((await row(id))['unreadCount']).toBe(2);
    v1.ok(await api.post(`/v1/conversations/${id}/read`));
    expect((await row(id))['unreadCount']).toBe(0);
  });

  test('in bulk: by ids of one conversation, or before a time', async () => {
    const { id, messages } = await unread(3);
    const bulk = (body: v1.Json): Promise<Answer<v1.Json>> => api.post<v1.Json>('/v1/messages/bulk-read', body);
    expect((await bulk({ messageIds: [messages[1], messages[0], messages[0]] })).data).toEqual({
      markedCount: 2,
      conversationId: id,
    });
    const other = await unread(1);
    const mixed = await bulk({ messageIds: [messages[2], other.messages[0]] });
    v1.expectError(mixed, 400, 'VALIDATION_ERROR', 'messageIds');
    v1.expectError(
      await bulk({ conversationId: id, messageIds: other.messages }),
      404,
      'MESSAGE_NOT_FOUND',
      'messageIds',
    );
    v1.expectError(await bulk({ messageIds: ['msg_x'] }), 404, 'MESSAGE_NOT_FOUND', 'messageIds');
    v1.expectError(await bulk({}), 400, 'VALIDATION_ERROR', 'messageIds');
    v1.expectError(await bulk({ conversationId: 'conv_x' }), 404, 'CONVERSATION_NOT_FOUND', 'conversationId');
    const early = await bulk({ conversationId: id, beforeTimestamp: '2020-01-01T00:00:00Z' });
    expect(early.data['markedCount']).toBe(0);
    const late = await bulk({ conversationId: id, beforeTimestamp: new Date().toISOString() });
    expect(late.data['markedCount']).toBe(1);
    expect((await row(id))['unreadCount']).toBe(0);
  });

  test('a user has a mark of their own, which a key does not move; an answer moves both', async () => {
    const owner = await register(hub);
    const agent = await colleague(hub, owner, 'agent');
    const channel = await v1.channel(owner.api);
    const contact = { externalId: 'reader' };
    const first = await v1.inbound(owner.api, channel.id, { contact });
    const second = await v1.inbound(owner.api, channel.id, { contact });
    const id = String(v1.attributes(first)['conversationId']);
    const marks = (): Promise<{ id: string; seq: number }[]> =>
      hub.sql(`SELECT user_id AS id, seq::int AS seq FROM read_mark WHERE conversation_id = $1 ORDER BY seq`, [
        v1.uuid(id),
      ]);
    expect((await read(second.data.id, owner.api)).data['markedCount']).toBe(2);
    expect(await marks()).toEqual([{ id: v1.uuid(owner.userId), seq: 2 }]);
    expect((await read(first.data.id, agent.api)).data['markedCount']).toBe(1); // new to the agent, not to the staff
    expect((await read(second.data.id, agent.api)).data['markedCount']).toBe(1);
    await v1.inbound(owner.api, channel.id, { contact });
    v1.ok(await v1.say(agent.api, id, 'answer'));
    expect(await marks()).toEqual([
      { id: v1.uuid(owner.userId), seq: 2 },
      { id: v1.uuid(agent.userId), seq: 4 },
    ]);
    v1.ok(await owner.api.post(`/v1/conversations/${id}/read`));
    expect((await marks()).map(({ seq }) => seq)).toEqual([4, 4]);
    v1.expectError(await agent.api.post(`/v1/messages/${first.data.id}/approve`), 403, 'INSUFFICIENT_PERMISSIONS');
  });

  test('an answer marks as read; what the contact writes meanwhile stays unread', async () => {
    const { id } = await unread(2);
    v1.ok(await v1.say(api, id, 'answer'));
    expect((await row(id))['unreadCount']).toBe(0);
    const [mark] = await hub.sql<{ same: boolean }>(
      'SELECT read_seq = message_seq AS same FROM conversation WHERE id = $1',
      [v1.uuid(id)],
    );
    expect(mark?.same).toBe(true);
  });

  test('messages and marks at once: the count is what comes after the mark', async () => {
    const { id, messages } = await unread(2);
    await Promise.all([
      ...messages.map((one) => read(one)),
      ...Array.from({ length: 8 }, (_, i) =>
        i % 2 ? api.post(`/v1/conversations/${id}/read`) : v1.say(api, id, `m${i}`),
      ),
    ]);
    const [counted] = await hub.sql<{ counted: number; real: number }>(
      `SELECT c.unread_count AS counted, (SELECT count(*)::int FROM message m WHERE m.conversation_id = c.id
         AND m.direction = 'inbound' AND m.seq > c.read_seq) AS real FROM conversation c WHERE c.id = $1`,
      [v1.uuid(id)],
    );
    expect(counted?.counted).toBe(counted?.real);
  });
});

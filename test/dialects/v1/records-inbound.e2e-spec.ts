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

const conversationOf = (answer: Answer): string => String(v1.at(v1.ok(answer), 'attributes.conversationId'));

describe.each(v1.BASES)('POST %s/channels/:id/messages', (base) => {
  let channelId: string;
  let person: v1.Json;

  beforeAll(async () => {
    channelId = (await v1.channel(api)).id;
  });
  beforeEach(() => {
    person = { externalId: `person-${v1.next()}`, name: 'Ann' };
  });

  const hear = (fields: v1.Json = {}): Promise<Answer> =>
    api.post(`${base}/channels/${channelId}/messages`, {
      externalId: `ext-${v1.next()}`,
      contact: person,
      content: { type: 'text', text: 'Hello' },
      ...fields,
    });
  const get = async (id: string): Promise<v1.Json> => v1.attributes(await api.get(`${base}/conversations/${id}`));
  const act = (id: string, action: string, body?: unknown): Promise<Answer> =>
    api.post(`${base}/conversations/${id}/${action}`, body);
  const types = async (id: string): Promise<string[]> => (await v1.events(hub, id)).map(({ type }) => type);

  test('the first message makes contact, identity and conversation, counted and unread', async () => {
    const occurredAt = '2024-01-15T10:00:00.123Z';
    const answer = await hear({ externalId: `m-${base}`, occurredAt, metadata: { a: 1 } });
    expect(answer.status).toBe(201);
    const id = conversationOf(answer);
    expect(answer.data).toEqual({
      id: expect.stringMatching(/^msg_/) as unknown,
      type: 'message',
      attributes: {
        number: expect.any(Number) as unknown,
        conversationId: id,
        channelId,
        direction: 'inbound',
        private: false,
        content: { type: 'text', text: 'Hello' },
        status: 'delivered',
        sender: { type: 'contact', id: expect.stringMatching(/^contact_/) as unknown, name: 'Ann' },
        externalId: `m-${base}`,
        clientMessageId: null,
        metadata: { a: 1 },
        recipients: null,
        draft: null,
        attachments: [],
        scheduledAt: null,
        sentAt: null,
        deliveredAt: null,
        readAt: null,
        failedReason: null,
        outcome: null,
        deletedAt: null,
        timestamp: occurredAt,
        createdAt: expect.any(String) as unknown,
      },
    });
    expect(await get(id)).toMatchObject({
      status: 'open',
      unreadCount: 1,
      messageCount: 1,
      firstMessageAt: occurredAt,
      lastMessageAt: occurredAt,
      lastMessage: { id: answer.data.id, direction: 'inbound', timestamp: occurredAt },
      contact: { id: v1.at(answer.data, 'attributes.sender.id'), name: 'Ann' },
    });
    const contact = await api.get(`${base}/contacts/${String(v1.at(answer.data, 'attributes.sender.id'))}`);
    expect(contact.data.attributes).toMatchObject({
      identifiers: [{ channelType: 'api', channelId, identifier: person['externalId'], displayName: 'Ann' }],
      lastSeenAt: expect.any(String) as unknown,
    });
  });

  test('the same externalId again answers 200 with the first message and writes nothing', async () => {
    const body = { externalId: `twice-${base}` };
    const first = await hear(body);
    const before = await v1.checksum(hub);
    for (const again of [
      await hear(body),
      await hear({ ...body, content: { text: 'other' }, contact: { externalId: 'other' } }),
    ]) {
      expect(again.status).toBe(200);
      expect(again.data).toEqual(first.data);
    }
    expect(await v1.checksum(hub)).toEqual(before);
    const elsewhere = await v1.inbound(api, (await v1.channel(api)).id, body);
    expect(elsewhere.status).toBe(201);
    expect(elsewhere.data.id).not.toBe(first.data.id);
  });

  test('continues the live conversation; an answer makes it read', async () => {
    const id = conversationOf(await hear());
    expect(conversationOf(await hear())).toBe(id);
    expect(await get(id)).toMatchObject({ unreadCount: 2, messageCount: 2 });
    v1.ok(await v1.say(api, id, 'psst', { private: true }));
    expect(await get(id)).toMatchObject({ unreadCount: 2, messageCount: 2 });
    v1.ok(await v1.say(api, id, 'Hi'));
    expect(await get(id)).toMatchObject({ unreadCount: 0, messageCount: 3 });
    expect(conversationOf(await hear())).toBe(id);
    expect(await get(id)).toMatchObject({ unreadCount: 1, messageCount: 4, status: 'open' });
    expect(await types(id)).toEqual([
      'conversation.created',
      'message.received',
      'message.received',
      'conversation.updated',
      'message.sent',
      'message.received',
    ]);
  });

  test('continues one that was opened over the API for the same phone', async () => {
    const phone = v1.newPhone();
    const opened = await v1.conversation(api, { channelId, contact: { phone } });
    person = { ...person, phone };
    expect(conversationOf(await hear())).toBe(opened.id);
    expect((await get(opened.id))['contact']).toMatchObject({ phone, name: 'Ann' });
  });

  test('reopens a closed one within the window, opens a new one after it', async () => {
    const id = conversationOf(await hear());
    const closedFor = async (interval: string): Promise<void> => {
      v1.ok(await act(id, 'close'));
      await hub.sql(`UPDATE conversation SET closed_at = now() - $2::interval WHERE id = $1`, [v1.uuid(id), interval]);
    };
    await closedFor('23 hours 59 minutes');
    expect(conversationOf(await hear())).toBe(id);
    expect(await get(id)).toMatchObject({
      status: 'open',
      messageCount: 2,
      reopenedBy: { type: 'contact', name: 'Ann' },
    });
    expect((await types(id)).slice(-2)).toEqual(['conversation.reopened', 'message.received']);
    await closedFor('24 hours 1 minute');
    const fresh = conversationOf(await hear());
    expect(fresh).not.toBe(id);
    expect(await get(id)).toMatchObject({ status: 'closed', messageCount: 2 });
    expect(await get(fresh)).toMatchObject({ status: 'open', messageCount: 1, unreadCount: 1 });
    expect(v1.at(await get(fresh), 'contact.id')).toBe(v1.at(await get(id), 'contact.id'));
    expect(conversationOf(await hear())).toBe(fresh);
  });

  test.each([
    [3_600, '59 minutes', true],
    [3_600, '61 minutes', false],
    [0, '0 seconds', false],
  ])('keeps to the channel’s own window of %i s: closed for %s', async (reopenWindowSeconds, interval, reopens) => {
    channelId = (await v1.channel(api, { reopenWindowSeconds })).id;
    const id = conversationOf(await hear());
    v1.ok(await act(id, 'close'));
    await hub.sql(`UPDATE conversation SET closed_at = now() - $2::interval WHERE id = $1`, [v1.uuid(id), interval]);
    expect(conversationOf(await hear()) === id).toBe(reopens);
  });

  test('reopens a snoozed one at once, and turns a pending one open', async () => {
    const id = conversationOf(await hear());
    v1.ok(await act(id, 'snooze', { until: '2999-01-01T00:00:00Z' }));
    expect(conversationOf(await hear())).toBe(id);
    expect(await get(id)).toMatchObject({ status: 'open', snoozedUntil: null });
    v1.ok(await api.patch(`${base}/conversations/${id}`, { status: 'pending' }));
    expect(conversationOf(await hear())).toBe(id);
    expect(await get(id)).toMatchObject({ status: 'open' });
    expect((await types(id)).slice(-5)).toEqual([
      'conversation.reopened',
      'message.received',
      'conversation.updated',
      'conversation.updated',
      'message.received',
    ]);
  });

  test('a new conversation gets the channel’s default bot', async () => {
    const greeter = await v1.bot(api);
    channelId = (await v1.channel(api, { defaultBotId: greeter.id })).id;
    expect((await get(conversationOf(await hear())))['bot']).toMatchObject({ id: greeter.id });
  });

  test('one person by phone, email or identity; unknown facts are filled in, known ones kept', async () => {
    const phone = v1.newPhone();
    const email = v1.newEmail();
    const known = await v1.contact(api, { name: 'Ann Known', phone });
    person = { externalId: `x-${v1.next()}`, name: 'Ann Other', phone, email };
    const id = conversationOf(await hear());
    expect((await get(id))['contact']).toMatchObject({ id: known.id, name: 'Ann Known', phone, email });
    person = { externalId: person['externalId'], phone: v1.newPhone() };
    expect(conversationOf(await hear())).toBe(id);
    expect((await get(id))['contact']).toMatchObject({ id: known.id, phone });
    person = { externalId: `y-${v1.next()}`, email: email.toUpperCase() };
    expect(conversationOf(await hear())).toBe(id);
    const { identifiers } = v1.attributes(await api.get(`${base}/contacts/${known.id}`));
    expect(identifiers).toHaveLength(2);
  });

  test('a message that arrives late is in the list where it arrived, and first and last times stay true', async () => {
    const id = conversationOf(await hear({ occurredAt: '2024-05-02T10:00:00Z' }));
    v1.ok(await hear({ occurredAt: '2024-05-03T10:00:00Z' }));
    v1.ok(await hear({ occurredAt: '2024-05-01T10:00:00Z' }));
    expect(await get(id)).toMatchObject({
      messageCount: 3,
      firstMessageAt: '2024-05-01T10:00:00.000Z',
      lastMessageAt: '2024-05-03T10:00:00.000Z',
    });
    const { data } = await api.get<Resource[]>(`${base}/conversations/${id}/messages`);
    expect(data.map((one) => v1.at(one, 'attributes.timestamp'))).toEqual([
      '2024-05-02T10:00:00.000Z',
      '2024-05-03T10:00:00.000Z',
      '2024-05-01T10:00:00.000Z',
    ]);
  });

  test.each<[v1.Json, string]>([
    [{ externalId: undefined }, 'externalId'],
    [{ externalId: '' }, 'externalId'],
    [{ externalId: 5 }, 'externalId'],
    [{ externalId: 'x'.repeat(256) }, 'externalId'],
    [{ contact: undefined }, 'contact'],
    [{ contact: 'Ann' }, 'contact'],
    [{ contact: [] }, 'contact'],
    [{ contact: {} }, 'contact.externalId'],
    [{ contact: { externalId: 1 } }, 'contact.externalId'],
    [{ contact: { externalId: 'a', phone: '123' } }, 'contact.phone'],
    [{ contact: { externalId: 'a', email: 'x' } }, 'contact.email'],
    [{ contact: { externalId: 'a', name: {} } }, 'contact.name'],
    [{ content: undefined }, 'content'],
    [{ content: { type: 'poem' } }, 'content.type'],
    [{ content: { text: 5 } }, 'content.text'],
    [{ occurredAt: 'yesterday' }, 'occurredAt'],
    [{ occurredAt: '2026-02-30T00:00:00Z' }, 'occurredAt'],
    [{ occurredAt: 1_700_000_000 }, 'occurredAt'],
    [{ occurredAt: '' }, 'occurredAt'],
    [{ occurredAt: '2099-01-01T00:00:00Z' }, 'occurredAt'],
    [{ metadata: 'x' }, 'metadata'],
  ])('refuses %j and names %s', async (fields, field) => {
    const before = await v1.checksum(hub);
    v1.expectError(await hear(fields), 400, 'VALIDATION_ERROR', field);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('only an api channel takes messages here', async () => {
    channelId = (await v1.channel(api, { type: 'webchat' })).id;
    const before = await v1.checksum(hub);
    v1.expectError(await hear(), 400, 'INVALID_CHANNEL_TYPE', 'channelId');
    expect(await v1.checksum(hub)).toEqual(before);
  });
});

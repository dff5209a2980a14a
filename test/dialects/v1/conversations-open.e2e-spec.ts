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

describe.each(v1.BASES)('%s/conversations/:id', (base) => {
  const get = (id: string, query = ''): Promise<Answer> => api.get(`${base}/conversations/${id}${query}`);
  const texts = (answer: Answer): unknown[] =>
    (v1.at(answer.data, 'relationships.messages') as v1.Json[]).map((message) => v1.at(message, 'content.text'));

  test('S3-2 answers the conversation without messages unless they are asked for', async () => {
    const { id } = await v1.conversation(api);
    for (const query of ['', '?includeMessages=false', '?messageLimit=5', '?includeMessages=0']) {
      const answer = await get(id, query);
      expect([answer.status, answer.data.id, answer.data.relationships]).toEqual([200, id, undefined]);
    }
  });

  test('S3-2 gives the latest messages, oldest first, 20 unless messageLimit says so, and never a note', async () => {
    const { id } = await v1.conversation(api);
    expect((await get(id, '?includeMessages=true')).data.relationships).toEqual({ messages: [] });
    for (let i = 1; i <= 22; i++) await v1.say(api, id, `m${i}`);
    await v1.say(api, id, 'between us', { private: true });
    const numbered = (from: number): string[] => Array.from({ length: 23 - from }, (_, i) => `m${from + i}`);
    expect(texts(await get(id, '?includeMessages=true'))).toEqual(numbered(3));
    expect(texts(await get(id, '?includeMessages=1&messageLimit=2'))).toEqual(['m21', 'm22']);
    expect(texts(await get(id, '?includeMessages=true&messageLimit=1'))).toEqual(['m22']);
    expect(texts(await get(id, '?includeMessages=true&messageLimit=100'))).toEqual(numbered(1));
  });

  test.each([
    ['includeMessages=yes', 'includeMessages'],
    ['includeMessages=', 'includeMessages'],
    ['messageLimit=0', 'messageLimit'],
    ['messageLimit=101', 'messageLimit'],
    ['messageLimit=-1', 'messageLimit'],
    ['messageLimit=many', 'messageLimit'],
    ['messageLimit=2.5', 'messageLimit'],
  ])('S3-2 refuses ?%s and names the field', async (query, field) => {
    const { id } = await v1.conversation(api);
    v1.expectError(await get(id, `?${query}`), 400, 'VALIDATION_ERROR', field);
  });

  test('S3-11 is the seed’s example, field by field, with its messages directly under relationships', async () => {
    const example = {
      id: 'conv_abc123',
      type: 'conversation',
      attributes: {
        status: 'open',
        channel: { id: 'ch_xyz789', type: 'whatsapp', name: 'WhatsApp Business' },
        contact: {
          id: 'contact_123',
          name: 'John Doe',
          phone: v1.newPhone(),
          email: v1.newEmail(),
          avatar: 'https://cdn.linktor.io/avatars/contact_123.jpg',
          metadata: { customerId: 'cust_789', tier: 'premium' },
        },
        assignee: { id: 'user_456', type: 'user', name: 'Support Agent' },
        bot: { id: 'bot_abc', name: 'Support Bot', active: true },
        unreadCount: 2,
        messageCount: 15,
        firstMessageAt: '2024-01-15T10:00:00Z',
        lastMessageAt: '2024-01-15T10:35:00Z',
        metadata: { source: 'website', campaign: 'winter_sale', intent: 'order_status' },
        tags: ['vip', 'order-issue'],
        createdAt: '2024-01-15T10:00:00Z',
        updatedAt: '2024-01-15T10:35:00Z',
      },
      relationships: {
        messages: [
          {
            id: 'msg_001',
            direction: 'inbound',
            content: { type: 'text', text: 'Hi, I need help with my order' },
            timestamp: '2024-01-15T10:00:00Z',
          },
          {
            id: 'msg_002',
            direction: 'outbound',
            content: { type: 'text', text: "Hello! I'd be happy to help. What's your order number?" },
            timestamp: '2024-01-15T10:01:00Z',
          },
        ],
      },
    };
    const { name, phone, email, avatar, metadata } = example.attributes.contact;
    const desk = await v1.channel(api, { name: 'WhatsApp Business' });
    const john = await v1.contact(api, { name, phone, email, avatar, metadata });
    const agent = await v1.user(api);
    const helper = await v1.bot(api);
    const { id } = await v1.conversation(api, {
      channelId: desk.id,
      contactId: john.id,
      assigneeId: agent.id,
      botId: helper.id,
      metadata: example.attributes.metadata,
      tags: example.attributes.tags,
    });
    const hear = (text: string): Promise<Answer> =>
      v1.inbound(api, desk.id, { contact: { externalId: 'john', phone }, content: { type: 'text', text } });
    const early = [await hear('Hi, I need help with my order')];
    early.push(await v1.say(api, id, "Hello! I'd be happy to help. What's your order number?"));
    const two = await get(id, '?includeMessages=true&messageLimit=10');
    expect(v1.golden(two.data.relationships)).toEqual(v1.golden(example.relationships));
    expect(v1.at(two.data.relationships, 'messages.0.id')).toBe(early[0]?.data.id);
    for (let i = 0; i < 11; i++) await v1.say(api, id, 'more');
    await hear('one');
    await hear('two');
    await hub.sql(`UPDATE channel SET type = 'whatsapp' WHERE id = $1`, [v1.uuid(desk.id)]);
    const answer = await get(id);
    expect(v1.golden(answer.data.attributes)).toMatchObject(v1.golden(example.attributes) as object);
    expect(answer.data).toMatchObject({
      id,
      attributes: { contact: { id: john.id }, assignee: { id: agent.id }, bot: { id: helper.id } },
    });
  });

  test('S3-12 is the seed’s example of a creation, field by field, and answers 201', async () => {
    const phone = v1.newPhone();
    const desk = await v1.channel(
      api,
      {
        name: 'WhatsApp Business',
        type: 'whatsapp',
        config: { phoneNumberId: v1.newPhone().slice(1), accessToken: 'x' },
      },
      false,
    );
    const helper = await v1.bot(api);
    const answer = await api.post(`${base}/conversations`, {
      channelId: desk.id,
      contact: { phone, name: 'Jane Smith' },
      botId: helper.id,
      metadata: { source: 'api', orderId: 'order_12345' },
      tags: ['api-created', 'order-inquiry'],
    });
    expect(answer.status).toBe(201);
    expect(v1.golden(answer.data)).toMatchObject(
      v1.golden({
        id: 'conv_new123',
        type: 'conversation',
        attributes: {
          status: 'open',
          channel: { id: 'ch_xyz789', type: 'whatsapp', name: 'WhatsApp Business' },
          contact: { id: 'contact_new456', name: 'Jane Smith', phone },
          bot: { id: 'bot_abc', name: 'Support Bot', active: true },
          unreadCount: 0,
          messageCount: 0,
          metadata: { source: 'api', orderId: 'order_12345' },
          tags: ['api-created', 'order-inquiry'],
          createdAt: '2024-01-15T11:00:00Z',
          updatedAt: '2024-01-15T11:00:00Z',
        },
      }) as object,
    );
    const { createdAt, updatedAt } = v1.attributes(answer);
    expect(createdAt).toBe(updatedAt);
    expect((await get(answer.data.id)).data).toEqual(answer.data);
  });

  test('S3-21 wears the documented prefixes and ISO-8601 UTC times, and both bases know the same ids', async () => {
    const agent = await v1.user(api);
    const helper = await v1.bot(api);
    const made = await v1.conversation(api, { assigneeId: agent.id, botId: helper.id });
    const message = await v1.say(api, made.id, 'Hello');
    const { channel, contact, assignee, bot, assignedBy } = v1.attributes(await get(made.id)) as Record<
      string,
      v1.Json
    >;
    const ids = [
      made.id,
      channel?.['id'],
      contact?.['id'],
      assignee?.['id'],
      bot?.['id'],
      message.data.id,
      assignedBy?.['id'],
    ];
    const prefixes = ['conv', 'ch', 'contact', 'user', 'bot', 'msg', 'key'];
    ids.forEach((id, i) => expect(id).toMatch(new RegExp(`^${prefixes[i]}_[0-7][0-9a-hjkmnp-tv-z]{25}$`)));
    for (const other of v1.BASES) {
      const answer = await api.get(`${other}/conversations/${made.id}`);
      expect(v1.attributes(answer)['createdAt']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(answer.data.id).toBe(made.id);
    }
  });

  test('S3-22 keeps the channel of each message with the message', async () => {
    const desk = await v1.channel(api);
    const first = await v1.inbound(api, desk.id);
    const { conversationId, channelId } = v1.attributes(first);
    expect(channelId).toBe(desk.id);
    const answer = await get(String(conversationId));
    expect(v1.at(answer.data, 'attributes.channel.id')).toBe(desk.id);
    const columns = await hub.sql<{ channel_id: string }>('SELECT channel_id FROM message WHERE id = $1', [
      v1.uuid(first.data.id),
    ]);
    expect(columns).toEqual([{ channel_id: v1.uuid(desk.id) }]);
  });
});

describe.each(v1.BASES)('POST %s/conversations', (base) => {
  let channelId: string;
  const open = (body: unknown): Promise<Answer> => api.post(`${base}/conversations`, body);
  const opened = async (fields: v1.Json): Promise<Resource> => v1.ok(await open({ channelId, ...fields }));

  beforeAll(async () => {
    channelId = (await v1.channel(api)).id;
  });

  test('S3-3 opens with a known contact', async () => {
    const john = await v1.contact(api, { email: v1.newEmail() });
    const { attributes } = await opened({ contactId: john.id });
    const { name, phone, email } = v1.attributes(john);
    expect(attributes['contact']).toMatchObject({ id: john.id, name, phone, email, avatar: null, metadata: {} });
  });

  test('S3-3 contactId counts, not contact, where both are sent', async () => {
    const john = await v1.contact(api);
    const { attributes } = await opened({ contactId: john.id, contact: { phone: v1.newPhone(), name: 'Other' } });
    expect(attributes['contact']).toMatchObject({ id: john.id, name: 'John Doe' });
  });

  test.each([
    ['phone', () => ({ phone: v1.newPhone() })],
    ['email', () => ({ email: v1.newEmail() })],
    ['phone, email and name', () => ({ phone: v1.newPhone(), email: v1.newEmail(), name: 'Jane' })],
  ])('S3-3 makes a contact from %s, and finds it again', async (_, details) => {
    const contact = details();
    const first = await opened({ contact });
    expect(first.attributes['contact']).toMatchObject(contact);
    const elsewhere = (await v1.channel(api)).id;
    const again = await opened({ channelId: elsewhere, contact });
    expect(v1.at(again, 'attributes.contact.id')).toBe(v1.at(first, 'attributes.contact.id'));
  });

  test('S3-3 finds a contact by email whatever its case, and by phone however it is spaced', async () => {
    const email = v1.newEmail();
    const phone = v1.newPhone();
    const john = await v1.contact(api, { email, phone });
    const byEmail = await opened({ contact: { email: email.toUpperCase() } });
    const spaced = `${phone.slice(0, 3)} ${phone.slice(3, 5)} ${phone.slice(5)}`;
    const byPhone = await opened({ channelId: (await v1.channel(api)).id, contact: { phone: spaced } });
    expect([byEmail, byPhone].map((one) => v1.at(one, 'attributes.contact.id'))).toEqual([john.id, john.id]);
    expect(v1.at(byPhone, 'attributes.contact.phone')).toBe(phone);
  });

  test('S3-3 fills in what was unknown of a found contact and keeps what was known', async () => {
    const phone = v1.newPhone();
    const john = await v1.contact(api, { phone, name: 'John' });
    const email = v1.newEmail();
    const { attributes } = await opened({ contact: { phone, name: 'Johnny', email } });
    expect(attributes['contact']).toMatchObject({ id: john.id, name: 'John', email, phone });
  });

  test('S3-3 assigns to a user or a bot from the start', async () => {
    const agent = await v1.user(api);
    const helper = await v1.bot(api);
    const toUser = await opened({ contact: { phone: v1.newPhone() }, assigneeId: agent.id });
    expect(toUser.attributes).toMatchObject({
      assignee: { id: agent.id, type: 'user', name: 'Support Agent' },
      assignedBy: { type: 'api_key', name: 'Admin key' },
      bot: null,
    });
    const toBot = await opened({ contact: { phone: v1.newPhone() }, assigneeId: helper.id });
    expect(toBot.attributes).toMatchObject({
      assignee: { id: helper.id, type: 'bot', name: 'Support Bot' },
      bot: { id: helper.id, name: 'Support Bot', active: true },
    });
  });

  test('S3-3 attaches the channel’s default bot unless one is named, and metadata and tags are empty unless given', async () => {
    const greeter = await v1.bot(api, { name: 'Greeter' });
    const named = await v1.bot(api, { name: 'Named' });
    const own = (await v1.channel(api, { defaultBotId: greeter.id })).id;
    const byDefault = await opened({ channelId: own, contact: { phone: v1.newPhone() } });
    expect(byDefault.attributes).toMatchObject({
      bot: { id: greeter.id },
      assignee: null,
      metadata: {},
      tags: [],
      priority: 'normal',
      subject: null,
      version: 1,
    });
    const byName = await opened({ channelId: own, contact: { phone: v1.newPhone() }, botId: named.id });
    expect(byName.attributes['bot']).toMatchObject({ id: named.id });
  });

  test('S3-3 keeps subject, priority, nested metadata and each tag once, in order', async () => {
    const metadata = { a: { b: [1, 'two', null, true] }, empty: {}, 'odd key ☃': 'ü' };
    const { attributes } = await opened({
      contact: { phone: v1.newPhone() },
      subject: 'Order 7',
      priority: 'urgent',
      metadata,
      tags: ['b', 'a', 'b'],
    });
    expect(attributes).toMatchObject({ subject: 'Order 7', priority: 'urgent', metadata, tags: ['b', 'a'] });
  });

  test('S3-3 opens on a channel that is not active', async () => {
    const sleeping = await v1.channel(api, {}, false);
    expect((await open({ channelId: sleeping.id, contact: { phone: v1.newPhone() } })).status).toBe(201);
  });

  test('S3-3 null counts as absent', async () => {
    const { attributes } = await opened({
      contactId: null,
      contact: { phone: v1.newPhone(), email: null, name: null },
      assigneeId: null,
      botId: null,
      metadata: null,
      tags: null,
    });
    expect(attributes).toMatchObject({ assignee: null, bot: null, metadata: {}, tags: [] });
  });

  test('S3-3 a second one for the same contact and channel is refused until the first is closed', async () => {
    const contact = { phone: v1.newPhone() };
    const first = await opened({ contact });
    const second = await open({ channelId, contact });
    v1.expectError(second, 409, 'CONVERSATION_EXISTS', 'conversationId');
    expect(second.error.details?.[0]?.message).toBe(first.id);
    for (const status of ['pending', 'snoozed']) {
      v1.ok(
        await api.patch(`${base}/conversations/${first.id}`, {
          status,
          ...(status === 'snoozed' && { snoozedUntil: '2999-01-01T00:00:00Z' }),
        }),
      );
      v1.expectError(await open({ channelId, contact }), 409, 'CONVERSATION_EXISTS');
    }
    v1.ok(await api.post(`${base}/conversations/${first.id}/close`));
    const third = await opened({ contact });
    expect(third.id).not.toBe(first.id);
    expect((await opened({ channelId: (await v1.channel(api)).id, contact })).id).not.toBe(third.id);
  });
});

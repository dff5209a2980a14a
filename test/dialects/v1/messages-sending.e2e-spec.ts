import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
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

const times = (n: number, status: number): number[] => Array.from({ length: n }, () => status);
const text = (words: string): v1.Json => ({ content: { type: 'text', text: words } });
const send = (body: v1.Json): Promise<Answer> => api.post('/v1/messages', { ...text('Hi'), channelId, ...body });
const conversationOf = (answer: Answer): string => String(v1.attributes(answer)['conversationId']);
const count = async (sql: string, values: unknown[]): Promise<number> =>
  (await hub.sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`, values))[0]?.n ?? -1;

describe('POST /v1/messages', () => {
  test('finds or makes the contact, opens a conversation, and goes on with it', async () => {
    const phone = v1.newPhone();
    const { answer, events } = await v1.told(hub, () => send({ to: { phone, name: 'Ann' } }));
    expect(answer.status).toBe(201);
    expect(answer.data.attributes).toMatchObject({ status: 'sent', channelId, content: { text: 'Hi' } });
    expect(events.map(({ type }) => type)).toEqual(['contact.created', 'conversation.created', 'message.sent']);
    const again = await v1.told(hub, () => send({ to: { phone } }));
    expect(conversationOf(again.answer)).toBe(conversationOf(answer));
    expect(again.events.map(({ type }) => type)).toEqual(['message.sent']);
  });

  test('reopens what was closed lately, else opens a new one', async () => {
    const contact = await v1.contact(api);
    const to = { contactId: contact.id };
    const first = await send({ to });
    const id = conversationOf(first);
    v1.ok(await api.post(`/v1/conversations/${id}/close`));
    const { answer, events } = await v1.told(hub, () => send({ to }));
    expect([conversationOf(answer), events.map(({ type }) => type)]).toEqual([
      id,
      ['conversation.reopened', 'message.sent'],
    ]);
    v1.ok(await api.post(`/v1/conversations/${id}/close`));
    await hub.sql(`UPDATE conversation SET closed_at = now() - interval '25 hours' WHERE id = $1`, [v1.uuid(id)]);
    expect(conversationOf(await send({ to }))).not.toBe(id);
  });

  test('goes into a conversation, drafts and scheduled ones included', async () => {
    const { id } = await v1.conversation(api, { channelId });
    const plain = await api.post('/v1/messages', { ...text('x'), conversationId: id });
    expect([plain.status, conversationOf(plain)]).toEqual([201, id]);
    const draft = await send({ conversationId: id, draft: true });
    expect(draft.data.attributes).toMatchObject({ status: 'pending', draft: { state: 'pending' } });
    const later = await send({ to: { phone: v1.newPhone() }, scheduledAt: '2027-01-01T00:00:00Z' });
    expect(later.data.attributes).toMatchObject({ status: 'pending', scheduledAt: '2027-01-01T00:00:00.000Z' });
  });

  test.each<[v1.Json, number, string, string?]>([
    [{ channelId: undefined, to: { phone: '+5511999999999' } }, 400, 'VALIDATION_ERROR', 'channelId'],
    [{}, 400, 'VALIDATION_ERROR', 'to'],
    [{ conversationId: 'conv_x' }, 404, 'CONVERSATION_NOT_FOUND', 'conversationId'],
    [{ channelId: 'ch_x', to: {} }, 404, 'CHANNEL_NOT_FOUND', 'channelId'],
    [{ to: {} }, 400, 'INVALID_RECIPIENT', 'to.externalId'],
    [{ to: { phone: 'call me' } }, 400, 'INVALID_RECIPIENT', 'to.phone'],
    [{ to: { email: 'nobody' } }, 400, 'INVALID_RECIPIENT', 'to.email'],
    [{ to: { contactId: 'contact_x' } }, 404, 'CONTACT_NOT_FOUND', 'to.contactId'],
    [{ to: { externalId: 'a' }, scheduledAt: '2020-01-01T00:00:00Z' }, 400, 'VALIDATION_ERROR', 'scheduledAt'],
    [{ to: { externalId: 'a' }, content: { type: 'text' } }, 400, 'VALIDATION_ERROR', 'content.text'],
    [{ to: { externalId: 'a' }, attachments: ['media_x'] }, 404, 'RESOURCE_NOT_FOUND', 'attachments.0'],
  ])('refuses %j with %i %s', async (body, status, code, field) => {
    const before = await v1.checksum(hub);
    v1.expectError(await send(body), status, code, field);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('a recipient must fit the channel’s type', async () => {
    const config = { provider: 'smtp', smtpHost: 'h', smtpPort: 25, fromEmail: 'a@example.com' };
    const email = await api.post('/v1/channels', { name: 'Mail', type: 'email', config });
    const mail = v1.ok(email).id;
    const draft = (to: v1.Json, more: v1.Json = {}): Promise<Answer> =>
      send({ channelId: mail, to, draft: true, ...more });
    v1.expectError(await draft({ phone: v1.newPhone() }), 400, 'INVALID_RECIPIENT', 'to.email');
    const phoneOnly = await v1.contact(api);
    v1.expectError(await draft({ contactId: phoneOnly.id }), 400, 'INVALID_RECIPIENT', 'to.contactId');
    const to = { email: v1.newEmail() };
    v1.expectError(
      await draft(to, { recipients: { cc: ['x@example.com', 'Main St'] } }),
      400,
      'INVALID_RECIPIENT',
      'recipients.cc.1',
    );
    const good = await draft(to, { recipients: { cc: ['x@example.com'] } });
    expect(good.data.attributes).toMatchObject({ recipients: { to: [], cc: ['x@example.com'], bcc: [] } });
    v1.expectError(await send({ channelId: mail, to }), 422, 'CHANNEL_NOT_CONNECTED');
    const sticker = { type: 'location', latitude: 1, longitude: 1 };
    v1.expectError(
      await send({ channelId: mail, to, content: sticker }),
      400,
      'UNSUPPORTED_CONTENT_TYPE',
      'content.type',
    );
  });

  test('20 at once to one new person: one contact, one conversation, 20 messages', async () => {
    const phone = v1.newPhone();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => send({ to: { phone }, ...text(`m${i}`) })));
    expect(answers.map(({ status }) => status)).toEqual(times(20, 201));
    expect(new Set(answers.map(conversationOf)).size).toBe(1);
    expect(await count('contact WHERE phone = $1', [phone])).toBe(1);
  });

  test('the same clientMessageId again gives the first message back; so does an Idempotency-Key', async () => {
    const to = { phone: v1.newPhone() };
    const answers = await Promise.all(Array.from({ length: 5 }, () => send({ to, clientMessageId: 'c1' })));
    expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1);
    const headers = { 'idempotency-key': 'send-once' };
    const body = { ...text('x'), channelId, to };
    const first = await api.post('/v1/messages', body, { headers });
    const again = await api.post('/v1/messages', body, { headers });
    expect([again.text, again.headers.get('idempotency-replayed')]).toEqual([first.text, 'true']);
  });
});

describe('attachments', () => {
  test('go with the message, in event and lists; each with one message only', async () => {
    const { id } = await v1.conversation(api, { channelId });
    const files = [await v1.upload(hub), await v1.upload(hub, undefined, { kind: 'document', name: 'a.pdf' })];
    const { answer, events } = await v1.told(hub, () => v1.say(api, id, 'see', { attachments: files }));
    const shown = v1.attributes(answer)['attachments'] as { id: string; name: string }[];
    expect(shown.map((file) => [file.id, file.name])).toEqual([
      [files[0], 'photo.png'],
      [files[1], 'a.pdf'],
    ]);
    expect(v1.at(events[0]?.body, 'data.attributes.attachments')).toEqual(shown);
    expect(v1.attributes(await api.get(`/v1/messages/${answer.data.id}`))['attachments']).toEqual(shown);
    const before = await v1.checksum(hub);
    const again = await v1.say(api, id, 'again', { attachments: [files[1]] });
    v1.expectError(again, 400, 'VALIDATION_ERROR', 'attachments.0');
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('go with notes, drafts and what comes in; an upload of yesterday has been forgotten', async () => {
    const { id } = await v1.conversation(api, { channelId });
    for (const more of [{ private: true }, { draft: true }]) {
      const answer = await v1.say(api, id, 'x', { ...more, attachments: [await v1.upload(hub)] });
      expect(v1.attributes(answer)['attachments']).toHaveLength(1);
    }
    const url = 'https://example.com/voice.ogg';
    const answer = await v1.inbound(api, channelId, {
      attachments: [{ url, name: 'voice.ogg', contentType: 'audio/ogg', size: 7 }, { id: await v1.upload(hub) }],
      recipients: { to: ['us@example.com'] },
      raw: { headers: { 'x-secret': 'raw source' } },
    });
    expect(answer.status).toBe(201);
    expect(answer.text).not.toContain('raw source');
    const { attachments, recipients } = v1.attributes(answer) as unknown as {
      attachments: v1.Json[];
      recipients: v1.Json;
    };
    expect(recipients).toEqual({ to: ['us@example.com'], cc: [], bcc: [] });
    expect(attachments.find((file) => file['originalUrl'] === url)).toMatchObject({ kind: 'audio', size: 7 });
    expect(attachments).toHaveLength(2);
    expect(await count('message_raw WHERE message_id = $1', [v1.uuid(answer.data.id)])).toBe(1);
    const old = await v1.upload(hub);
    await hub.sql(`UPDATE attachment SET created_at = now() - interval '25 hours' WHERE id = $1`, [v1.uuid(old)]);
    v1.expectError(await v1.say(api, id, 'x', { attachments: [old] }), 404, 'RESOURCE_NOT_FOUND', 'attachments.0');
    const huge = await v1.inbound(api, channelId, { raw: { huge: 'x'.repeat(262_144) } });
    v1.expectError(huge, 400, 'VALIDATION_ERROR', 'raw');
    const half = await v1.inbound(api, channelId, { attachments: [{ url }] });
    v1.expectError(half, 400, 'VALIDATION_ERROR', 'attachments.0.name');
  });

  test('10 messages at once want one file: one gets it', async () => {
    const { id } = await v1.conversation(api, { channelId });
    const file = await v1.upload(hub);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => v1.say(api, id, `m${i}`, { attachments: [file] })),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, ...times(9, 400)]);
  });

  test('a contact sends only what it has uploaded itself', async () => {
    const contact = await v1.contact(api);
    const { id } = await v1.conversation(api, { channelId, contactId: contact.id });
    const { token } = v1.ok(await api.post<{ token: string }>(`/v1/contacts/${contact.id}/token`));
    const customer = hub.as(token);
    const foreign = await v1.say(customer, id, 'x', { attachments: [await v1.upload(hub)] });
    v1.expectError(foreign, 404, 'RESOURCE_NOT_FOUND', 'attachments.0');
    const createdBy = { type: 'contact', id: v1.uuid(contact.id), name: 'x' };
    const own = await v1.upload(hub, undefined, { createdBy });
    expect((await v1.say(customer, id, 'x', { attachments: [own] })).status).toBe(201);
  });
});

describe('GET /v1/messages', () => {
  const list = (query: string): Promise<Answer<Resource[]>> => api.get<Resource[]>(`/v1/messages?${query}`);
  const ids = (answer: Answer<Resource[]>): string[] => v1.ok(answer).map(({ id }) => id);

  test('newest first, page by page, by every filter', async () => {
    const other = await v1.channel(api);
    const made = await v1.inbound(api, other.id, { content: { text: 'a needle in the hay' } });
    const conversationId = conversationOf(made);
    const expected = [made.data.id];
    for (let i = 0; i < 5; i++) expected.unshift(v1.ok(await v1.say(api, conversationId, `m${i}`)).id);
    expected.unshift(v1.ok(await v1.say(api, conversationId, 'note', { private: true })).id);
    for (const filter of [`conversationId=${conversationId}`, `channelId=${other.id}`]) {
      const seen: string[] = [];
      for (let cursor = ''; seen.length < 20;) {
        const answer = await list(`${filter}&limit=3${cursor}`);
        seen.push(...ids(answer));
        const next = v1.at(answer.meta, 'cursor.next') as string | null;
        if (!next) break;
        cursor = `&cursor=${encodeURIComponent(next)}`;
      }
      expect(seen).toEqual(expected);
    }
    expect(ids(await list('limit=2'))).toEqual(expected.slice(0, 2));
    const by = async (query: string): Promise<string[]> => ids(await list(`channelId=${other.id}&${query}`));
    expect(await by('direction=inbound')).toEqual([made.data.id]);
    expect(await by('direction=internal')).toEqual(expected.slice(0, 1));
    expect(await by('status=delivered')).toEqual([made.data.id]);
    expect(await by('status=failed')).toEqual([]);
    expect(await by('contentType=image')).toEqual([]);
    expect(await by('contentType=text')).toEqual(expected);
    expect(await by('search=NEEDLE')).toEqual([made.data.id]);
    const at = encodeURIComponent(String(v1.attributes(made)['createdAt']));
    expect(await by(`endDate=${at}`)).toEqual([made.data.id]);
    expect(await by(`startDate=${at}`)).toEqual(expected);
    expect(await by('startDate=2999-01-01')).toEqual([]);
  });

  test.each([
    ['limit=101', 'limit'],
    ['limit=0', 'limit'],
    ['status=lost', 'status'],
    ['direction=up', 'direction'],
    ['contentType=poem', 'contentType'],
    ['draft=maybe', 'draft'],
    ['startDate=soon', 'startDate'],
    ['conversationId=x', 'conversationId'],
    ['cursor=garbage', 'cursor'],
    [`cursor=${Buffer.from('["x"]').toString('base64url')}`, 'cursor'],
    [`cursor=${Buffer.from('[1]').toString('base64url')}`, 'cursor'],
  ])('refuses ?%s and names the field', async (query, field) => {
    v1.expectError(await list(query), 400, 'VALIDATION_ERROR', field);
  });
});

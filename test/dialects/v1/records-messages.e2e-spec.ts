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

const open = async (fields: v1.Json = {}): Promise<string> => (await v1.conversation(api, { channelId, ...fields })).id;
const url = 'https://example.com/file';
const CONTENTS: [string, v1.Json][] = [
  ['text', { text: 'Hi' }],
  ['text', { text: 'Hi', quickReplies: [{ id: '1', title: 'Yes' }] }],
  ['image', { url, caption: 'c' }],
  ['video', { url }],
  ['document', { url, filename: 'a.pdf' }],
  ['audio', { url }],
  ['sticker', { url }],
  ['location', { latitude: -90, longitude: 180, name: 'Pole', address: 'North' }],
  ['contact', { name: 'Ann', phones: ['+5511999999999'], emails: ['a@example.com'] }],
  ['buttons', { text: 'Choose', buttons: [{ type: 'reply', id: '1', title: 'One' }] }],
  [
    'list',
    { text: 'Choose', button: 'Open', sections: [{ title: 's', rows: [{ id: '1', title: 'One', description: 'd' }] }] },
  ],
  ['html', { html: '<b>Hi</b>', text: 'Hi' }],
];

describe.each(v1.BASES)('%s/conversations/:id/messages', (base) => {
  const path = (id: string, query = ''): string => `${base}/conversations/${id}/messages${query}`;
  const post = (id: string, body: unknown): Promise<Answer> => api.post(path(id), body);
  const list = (id: string, query = ''): Promise<Answer<Resource[]>> => api.get<Resource[]>(path(id, query));
  const texts = (answer: Answer<Resource[]>): unknown[] =>
    answer.data.map((one) => v1.at(one, 'attributes.content.text'));
  const row = async (id: string): Promise<v1.Json> => v1.attributes(await api.get(`${base}/conversations/${id}`));

  test('sends: 201 with the message, the conversation’s counters and last message with it', async () => {
    const id = await open();
    const answer = await post(id, {
      content: { type: 'text', text: 'Hello' },
      metadata: { a: 1 },
      clientMessageId: 'one',
    });
    expect(answer.status).toBe(201);
    expect(answer.data).toEqual({
      id: expect.stringMatching(/^msg_/) as unknown,
      type: 'message',
      attributes: {
        number: expect.any(Number) as unknown,
        conversationId: id,
        channelId,
        direction: 'outbound',
        private: false,
        content: { type: 'text', text: 'Hello' },
        status: 'sent',
        sender: { type: 'api_key', id: expect.stringMatching(/^key_/) as unknown, name: 'Admin key' },
        externalId: null,
        clientMessageId: 'one',
        metadata: { a: 1 },
        recipients: null,
        draft: null,
        attachments: [],
        scheduledAt: null,
        sentAt: expect.any(String) as unknown,
        deliveredAt: null,
        readAt: null,
        failedReason: null,
        outcome: null,
        deletedAt: null,
        timestamp: expect.any(String) as unknown,
        createdAt: expect.any(String) as unknown,
      },
    });
    const { timestamp } = v1.attributes(answer);
    expect(await row(id)).toMatchObject({
      messageCount: 1,
      unreadCount: 0,
      firstMessageAt: timestamp,
      lastMessageAt: timestamp,
      lastMessage: { id: answer.data.id, content: { type: 'text', text: 'Hello' }, direction: 'outbound', timestamp },
      version: 1,
    });
    expect((await list(id)).data).toEqual([answer.data]);
  });

  test.each(CONTENTS)('carries %s %j as it is', async (type, fields) => {
    const answer = await post(await open(), { content: { type, ...fields } });
    expect(answer.status).toBe(201);
    expect(v1.attributes(answer)['content']).toEqual({ type, ...fields });
  });

  test('content without a type is text, and unknown parts are left out', async () => {
    const answer = await post(await open(), { content: { text: 'Hi', colour: 'red' } });
    expect(v1.attributes(answer)['content']).toEqual({ type: 'text', text: 'Hi' });
  });

  test.each<[v1.Json, string]>([
    [{}, 'content'],
    [{ content: 'Hi' }, 'content'],
    [{ content: [] }, 'content'],
    [{ content: {} }, 'content.text'],
    [{ content: { type: 'poem' } }, 'content.type'],
    [{ content: { type: 'constructor', text: 'x' } }, 'content.type'],
    [{ content: { type: 5, text: 'x' } }, 'content.type'],
    [{ content: { text: '' } }, 'content.text'],
    [{ content: { text: 'x'.repeat(65_537) } }, 'content.text'],
    [{ content: { text: 'x', quickReplies: [{ id: 1 }] } }, 'content.quickReplies.0.id'],
    [{ content: { text: 'x', quickReplies: ['x'] } }, 'content.quickReplies'],
    [{ content: { type: 'image', url: 'javascript:x' } }, 'content.url'],
    [{ content: { type: 'document', url } }, 'content.filename'],
    [{ content: { type: 'location', latitude: 91, longitude: 0 } }, 'content.latitude'],
    [{ content: { type: 'location', latitude: '1', longitude: 0 } }, 'content.latitude'],
    [{ content: { type: 'buttons', text: 'x', buttons: [] } }, 'content.buttons'],
    [
      { content: { type: 'buttons', text: 'x', buttons: [{ type: 'x', id: '1', title: 't' }] } },
      'content.buttons.0.type',
    ],
    [
      { content: { type: 'buttons', text: 'x', buttons: [{ type: 'url', id: '1', title: 't' }] } },
      'content.buttons.0.url',
    ],
    [{ content: { type: 'list', text: 'x', button: 'b', sections: [{ rows: [{}] }] } }, 'content.sections.0.rows.0.id'],
    [{ content: { type: 'list', text: 'x', button: 'b', sections: [{ rows: 'x' }] } }, 'content.sections.0.rows'],
    [{ content: { type: 'template', template: { name: 'x' } } }, 'content.template.language'],
    [{ content: { text: 'x' }, private: 'yes' }, 'private'],
    [{ content: { text: 'x' }, draft: 'yes' }, 'draft'],
    [{ content: { text: 'x' }, draft: true, private: true }, 'draft'],
    [{ content: { text: 'x' }, scheduledAt: '2999-01-01T00:00:00Z', private: true }, 'scheduledAt'],
    [{ content: { text: 'x' }, recipients: {}, private: true }, 'recipients'],
    [{ content: { text: 'x' }, scheduledAt: 'soon' }, 'scheduledAt'],
    [{ content: { text: 'x' }, scheduledAt: '2020-01-01T00:00:00Z' }, 'scheduledAt'],
    [{ content: { text: 'x' }, scheduledAt: '2999-01-01T00:00:00Z' }, 'scheduledAt'],
    [{ content: { text: 'x' }, recipients: { to: 'x' } }, 'recipients.to'],
    [{ content: { text: 'x' }, recipients: { cc: Array.from({ length: 51 }, () => 'x') } }, 'recipients.cc'],
    [{ content: { text: 'x' }, attachments: 'x' }, 'attachments'],
    [{ content: { text: 'x' }, attachments: Array.from({ length: 21 }, (_, i) => `m${i}`) }, 'attachments'],
    [{ content: { text: 'x' }, clientMessageId: 7 }, 'clientMessageId'],
    [{ content: { text: 'x' }, metadata: [] }, 'metadata'],
    [{ content: { text: 'x' }, metadata: { huge: 'x'.repeat(65_536) } }, 'metadata'],
  ])('refuses %j and names %s', async (body, field) => {
    const id = await open();
    const before = await v1.checksum(hub);
    v1.expectError(await post(id, body), 400, 'VALIDATION_ERROR', field);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('what the channel cannot carry is refused before anything is written', async () => {
    const id = await open();
    const before = await v1.checksum(hub);
    const template = { type: 'template', template: { name: 'hello', language: 'en' } };
    v1.expectError(await post(id, { content: template }), 400, 'UNSUPPORTED_CONTENT_TYPE', 'content.type');
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('a closed conversation takes no message, but a note', async () => {
    const id = await open();
    v1.ok(await api.post(`${base}/conversations/${id}/close`));
    v1.expectError(await post(id, { content: { text: 'x' } }), 409, 'CONVERSATION_CLOSED');
    expect((await post(id, { content: { text: 'x' }, private: true })).status).toBe(201);
    expect(await row(id)).toMatchObject({ status: 'closed', messageCount: 0 });
  });

  test('a channel that is not active sends nothing; a note needs no channel', async () => {
    const sleeping = await v1.channel(api, {}, false);
    const id = await open({ channelId: sleeping.id });
    v1.expectError(await post(id, { content: { text: 'x' } }), 422, 'CHANNEL_NOT_CONNECTED');
    expect((await post(id, { content: { text: 'x' }, private: true })).status).toBe(201);
    v1.ok(await api.post(`${base}/channels/${sleeping.id}/activate`));
    expect((await post(id, { content: { text: 'x' } })).status).toBe(201);
  });

  test('a note is private, not counted, not the last message, and raises the version', async () => {
    const id = await open();
    v1.ok(await post(id, { content: { text: 'seen' } }));
    const answer = await post(id, { content: { text: 'unseen' }, private: true, metadata: { a: 1 } });
    expect(answer.data.attributes).toMatchObject({ direction: 'internal', private: true, status: 'sent' });
    expect(await row(id)).toMatchObject({ messageCount: 1, lastMessage: { content: { text: 'seen' } }, version: 2 });
    expect(texts(await list(id))).toEqual(['seen', 'unseen']);
    expect((await list(id)).data[1]).toEqual(answer.data);
  });

  test('a note keeps its metadata', async () => {
    const id = await open();
    const answer = await post(id, { content: { text: 'unseen' }, private: true, metadata: { a: 1 } });
    expect(v1.attributes(answer)['metadata']).toEqual({ a: 1 });
  });

  test.each([false, true])(
    'the same clientMessageId again gives the first message back (private: %s)',
    async (isPrivate) => {
      const id = await open();
      const say = (text: string): Promise<Answer> =>
        post(id, { content: { text }, private: isPrivate, clientMessageId: 'c1' });
      const first = await say('one');
      const before = await v1.checksum(hub);
      const again = await say('two');
      expect(again.status).toBeLessThan(300);
      expect(again.data).toEqual(first.data);
      expect(await v1.checksum(hub)).toEqual(before);
      const other = await open();
      const elsewhere = v1.ok(await post(other, { content: { text: 'three' }, clientMessageId: 'c1' }));
      expect(elsewhere.id).not.toBe(first.data.id);
    },
  );

  test('a repetition gives the first message back though the conversation has been closed since', async () => {
    const id = await open();
    const body = { content: { text: 'one' }, clientMessageId: 'c1' };
    const first = await post(id, body);
    v1.ok(await api.post(`${base}/conversations/${id}/close`));
    expect((await post(id, body)).data).toEqual(first.data);
    v1.expectError(await post(id, { ...body, clientMessageId: 'c2' }), 409, 'CONVERSATION_CLOSED');
  });

  test('lists back from the latest, and on from the first, each page oldest first', async () => {
    const id = await open();
    for (let i = 1; i <= 7; i++) v1.ok(await post(id, { content: { text: `m${i}` }, private: i === 4 }));
    const walk = async (direction: string): Promise<unknown[][]> => {
      const pages: unknown[][] = [];
      for (let cursor = ''; pages.length < 9;) {
        const answer = await list(id, `?limit=3${direction}${cursor}`);
        pages.push(texts(answer));
        const { next, hasMore } = answer.meta['cursor'] as unknown as { next: string | null; hasMore: boolean };
        expect(hasMore).toBe(next !== null);
        if (!next) break;
        cursor = `&cursor=${encodeURIComponent(next)}`;
      }
      return pages;
    };
    const back = [['m5', 'm6', 'm7'], ['m2', 'm3', 'm4'], ['m1']];
    expect(await walk('')).toEqual(back);
    expect(await walk('&direction=before')).toEqual(back);
    expect(await walk('&direction=after')).toEqual([['m1', 'm2', 'm3'], ['m4', 'm5', 'm6'], ['m7']]);
    expect(texts(await list(id, '?limit=7'))).toHaveLength(7);
    expect((await list(id, '?limit=7')).meta['cursor']).toEqual({ next: null, hasMore: false });
  });

  test('gives 50 unless limit says so; an empty conversation an empty list', async () => {
    const id = await open();
    expect((await list(id)).data).toEqual([]);
    for (let i = 1; i <= 51; i++) await post(id, { content: { text: `m${i}` } });
    const answer = await list(id);
    expect([answer.data.length, texts(answer)[0], v1.at(answer.meta, 'cursor.hasMore')]).toEqual([50, 'm2', true]);
    expect((await list(id, '?limit=100')).data).toHaveLength(51);
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['direction=up', 'direction'],
    ['cursor=garbage', 'cursor'],
    ['cursor=', 'cursor'],
    [`cursor=${Buffer.from('["1"]').toString('base64url')}`, 'cursor'],
    [`cursor=${Buffer.from('[1,2]').toString('base64url')}`, 'cursor'],
    [`cursor=${Buffer.from('[1e300]').toString('base64url')}`, 'cursor'],
    [`cursor=${Buffer.from('{"0":1,"length":1}').toString('base64url')}`, 'cursor'],
    [`cursor=${'x'.repeat(501)}`, 'cursor'],
  ])('refuses ?%s and names the field', async (query, field) => {
    v1.expectError(await list(await open(), `?${query}`), 400, 'VALIDATION_ERROR', field);
  });
});

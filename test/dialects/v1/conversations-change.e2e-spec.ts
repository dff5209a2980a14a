import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { eventually, startHub, type Hub } from '../../support/harness.js';
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

const open = (fields: v1.Json = {}): Promise<Resource> => v1.conversation(api, { channelId, ...fields });
const LATER = '2999-01-01T00:00:00.000Z';

describe.each(v1.BASES)('changing %s/conversations/:id', (base) => {
  const patch = (id: string, body: unknown, headers = {}): Promise<Answer> =>
    api.patch(`${base}/conversations/${id}`, body, { headers });
  const act = (id: string, action: string, body?: unknown, headers = {}): Promise<Answer> =>
    api.post(`${base}/conversations/${id}/${action}`, body, { headers });
  const get = async (id: string): Promise<v1.Json> => v1.attributes(await api.get(`${base}/conversations/${id}`));

  test('S3-13 is the seed’s example of an update, field by field, in the full attributes', async () => {
    const { id, attributes } = await open({ metadata: { source: 'website' }, tags: ['vip'] });
    const answer = await patch(id, {
      priority: 'high',
      metadata: { escalationReason: 'customer_request' },
      tags: ['vip', 'escalated'],
    });
    expect(answer.status).toBe(200);
    expect(v1.golden(answer.data)).toMatchObject(
      v1.golden({
        id: 'conv_abc123',
        type: 'conversation',
        attributes: {
          status: 'open',
          priority: 'high',
          metadata: { source: 'website', escalationReason: 'customer_request' },
          tags: ['vip', 'escalated'],
          updatedAt: '2024-01-15T11:30:00Z',
        },
      }) as object,
    );
    expect(Object.keys(answer.data.attributes).sort()).toEqual(Object.keys(attributes).sort());
    expect(Date.parse(String(v1.attributes(answer)['updatedAt']))).toBeGreaterThanOrEqual(
      Date.parse(String(attributes['updatedAt'])),
    );
    expect(await get(id)).toEqual(answer.data.attributes);
  });

  test('S3-4 merges metadata key by key; null removes one; the rest stays', async () => {
    const { id } = await open({ metadata: { a: 1, b: { x: 1, y: 2 }, c: 3 } });
    await patch(id, { metadata: { b: { z: 3 }, c: null, d: [1] } });
    expect((await get(id))['metadata']).toEqual({ a: 1, b: { z: 3 }, d: [1] });
    await patch(id, { metadata: {} });
    expect((await get(id))['metadata']).toEqual({ a: 1, b: { z: 3 }, d: [1] });
  });

  test('S3-4 replaces tags, by none too', async () => {
    const { id } = await open({ tags: ['a', 'b'] });
    await patch(id, { tags: ['c', 'c', 'a'] });
    expect((await get(id))['tags']).toEqual(['c', 'a']);
    await patch(id, { tags: [] });
    expect((await get(id))['tags']).toEqual([]);
  });

  test.each(['low', 'normal', 'high', 'urgent'])('S3-4 sets the priority %s', async (priority) => {
    const { id } = await open();
    v1.ok(await patch(id, { priority }));
    expect((await get(id))['priority']).toBe(priority);
  });

  test('S3-4 sets and forgets the subject', async () => {
    const { id } = await open();
    await patch(id, { subject: 'Order 7' });
    expect((await get(id))['subject']).toBe('Order 7');
    await patch(id, { subject: null });
    expect((await get(id))['subject']).toBeNull();
  });

  test('S3-4 leaves alone what is not named, and what it does not know', async () => {
    const { id } = await open({ metadata: { a: 1 }, tags: ['t'], priority: 'low', subject: 's' });
    const before = await get(id);
    for (const body of [{}, { unknown: 1, unreadCount: 9, version: 9, assigneeId: 'user_1', number: 1 }]) {
      v1.ok(await patch(id, body));
      expect(await get(id)).toEqual(before);
    }
  });

  test.each([
    ['priority', 'critical'],
    ['priority', 'HIGH'],
    ['priority', 1],
    ['status', 'archived'],
    ['status', 'Open'],
    ['status', false],
    ['tags', 'vip'],
    ['tags', [1]],
    ['tags', ['']],
    ['tags', Array.from({ length: 51 }, (_, i) => `t${i}`)],
    ['metadata', 'x'],
    ['metadata', []],
    ['metadata', { huge: 'x'.repeat(70_000) }],
    ['subject', 5],
    ['subject', 'x'.repeat(256)],
    ['snoozedUntil', 'tomorrow'],
    ['snoozedUntil', '2020-01-01T00:00:00Z'],
    ['expectedVersion', '1'],
    ['expectedVersion', 0],
  ])('S3-4 refuses %s %j and changes nothing', async (field, value) => {
    const { id } = await open();
    const before = await get(id);
    v1.expectError(await patch(id, { priority: 'urgent', [field]: value }), 400, 'VALIDATION_ERROR', field);
    expect(await get(id)).toEqual(before);
  });

  test('S3-4 status goes the way of close, reopen and snooze', async () => {
    const { id } = await open();
    const to = async (status: string, more: v1.Json = {}): Promise<v1.Json> =>
      v1.attributes(v1.ok(await patch(id, { status, ...more })));
    expect(await to('pending')).toMatchObject({ status: 'pending', reopenedAt: null });
    expect(await to('open')).toMatchObject({ status: 'open', reopenedAt: null });
    expect(await to('snoozed', { snoozedUntil: LATER })).toMatchObject({ status: 'snoozed', snoozedUntil: LATER });
    expect(await to('open')).toMatchObject({ status: 'open', snoozedUntil: null, reopenedBy: { name: 'Admin key' } });
    expect(await to('closed')).toMatchObject({ status: 'closed', closedBy: { name: 'Admin key' }, resolution: null });
    expect(await to('open')).toMatchObject({ status: 'open', reopenedAt: expect.any(String) as unknown });
  });

  test('S3-4 a closed one becomes neither pending nor snoozed', async () => {
    const { id } = await open();
    await act(id, 'close');
    v1.expectError(await patch(id, { status: 'pending', priority: 'high' }), 409, 'CONVERSATION_CLOSED');
    v1.expectError(await patch(id, { snoozedUntil: LATER }), 409, 'CONVERSATION_CLOSED');
    expect(await get(id)).toMatchObject({ status: 'closed', priority: 'normal', version: 2 });
  });

  test('S3-18 snoozedUntil alone snoozes; the status snoozed needs it; no other status takes it', async () => {
    const { id } = await open();
    v1.expectError(await patch(id, { status: 'snoozed' }), 400, 'VALIDATION_ERROR', 'snoozedUntil');
    v1.expectError(
      await patch(id, { status: 'pending', snoozedUntil: LATER }),
      400,
      'VALIDATION_ERROR',
      'snoozedUntil',
    );
    expect(await get(id)).toMatchObject({ status: 'open', snoozedUntil: null });
    v1.ok(await patch(id, { snoozedUntil: LATER }));
    expect(await get(id)).toMatchObject({ status: 'snoozed', snoozedUntil: LATER });
  });

  test('S3-18 POST snooze takes a time in the future with any offset', async () => {
    const { id } = await open();
    const answer = await act(id, 'snooze', { until: '2999-01-01T02:00:00+02:00' });
    expect(answer.data.attributes).toMatchObject({ status: 'snoozed', snoozedUntil: LATER });
    for (const until of [undefined, '', 'x', '2020-01-01T00:00:00Z', '2999-02-30', 5, null]) {
      v1.expectError(await act(id, 'snooze', { until }), 400, 'VALIDATION_ERROR', 'until');
    }
    await act(id, 'close');
    v1.expectError(await act(id, 'snooze', { until: LATER }), 409, 'CONVERSATION_CLOSED');
  });

  test('S3-18 a snooze to the edge of the calendar still answers as documented, or is refused', async () => {
    const { id } = await open();
    const answer = await act(id, 'snooze', { until: '9999-12-31T23:59:59-12:00' });
    if (answer.status !== 200) v1.expectError(answer, 400, 'VALIDATION_ERROR', 'until');
    expect((await api.get(`${base}/conversations/${id}`)).status).toBe(200);
  });

  test('S3-14 is the seed’s example of a close, field by field; closedBy is the key that called', async () => {
    const { id } = await open();
    const answer = await act(id, 'close', {
      reason: 'Issue resolved',
      resolution: 'resolved',
      notes: 'Customer was happy with the refund',
    });
    expect(answer.status).toBe(200);
    expect(v1.golden(answer.data)).toMatchObject({
      id: '<conv>',
      type: 'conversation',
      attributes: {
        status: 'closed',
        closedAt: '<time>',
        closedBy: { id: '<key>', name: 'Admin key' },
        resolution: 'resolved',
        closureReason: 'Issue resolved',
      },
    });
    const { data } = await api.get<Resource[]>(`${base}/conversations/${id}/messages`);
    expect(data.map(({ attributes }) => attributes)).toMatchObject([
      { private: true, direction: 'internal', content: { type: 'text', text: 'Customer was happy with the refund' } },
    ]);
    expect(await get(id)).toMatchObject({ messageCount: 0, lastMessage: null });
  });

  test.each([
    ['resolved', 200],
    ['unresolved', 200],
    ['spam', 200],
    ['maybe', 400],
    ['Resolved', 400],
    [1, 400],
  ])('S3-5 closes as %s: %i', async (resolution, status) => {
    const { id } = await open();
    const answer = await act(id, 'close', { resolution });
    if (status === 200) expect(v1.attributes(answer)['resolution']).toBe(resolution);
    else v1.expectError(answer, 400, 'VALIDATION_ERROR', 'resolution');
  });

  test.each([
    ['no body at all', undefined],
    ['an empty object', {}],
    ['nulls', { reason: null, resolution: null, notes: null }],
  ])('S3-5 everything is optional: %s', async (_, body) => {
    const { id } = await open();
    expect((await act(id, 'close', body)).data.attributes).toMatchObject({
      status: 'closed',
      resolution: null,
      closureReason: null,
    });
  });

  test('S3-5 closes from every status and ends a snooze', async () => {
    for (const status of ['open', 'pending', 'snoozed']) {
      const { id } = await open();
      await patch(id, { status, ...(status === 'snoozed' && { snoozedUntil: LATER }) });
      expect((await act(id, 'close')).data.attributes).toMatchObject({ status: 'closed', snoozedUntil: null });
    }
  });

  test('S3-5 closing a closed one answers 200 with the first close, and writes nothing', async () => {
    const { id } = await open();
    const first = await act(id, 'close', { reason: 'first', resolution: 'spam' });
    const before = await v1.checksum(hub);
    const second = await act(id, 'close', { reason: 'second', resolution: 'resolved', notes: 'again' });
    expect(second.status).toBe(200);
    expect(second.data).toEqual(first.data);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('S3-15 is the seed’s example of a reopening, field by field', async () => {
    const { id } = await open();
    await act(id, 'close');
    const answer = await act(id, 'reopen');
    expect(answer.status).toBe(200);
    expect(v1.golden(answer.data)).toMatchObject({
      id: '<conv>',
      type: 'conversation',
      attributes: { status: 'open', reopenedAt: '<time>', reopenedBy: { id: '<key>', name: 'Admin key' } },
    });
    expect(await get(id)).toEqual(answer.data.attributes);
  });

  test('S3-6 reopens a snoozed one at once', async () => {
    const { id } = await open();
    await patch(id, { snoozedUntil: LATER });
    expect((await act(id, 'reopen')).data.attributes).toMatchObject({ status: 'open', snoozedUntil: null });
  });

  test('S3-6 reopening an open or pending one answers 200 and writes nothing', async () => {
    const { id } = await open();
    for (const status of ['open', 'pending']) {
      await patch(id, { status });
      const before = await v1.checksum(hub);
      const answer = await act(id, 'reopen');
      expect([answer.status, v1.attributes(answer)['status']]).toEqual([200, status]);
      expect(await v1.checksum(hub)).toEqual(before);
    }
  });

  test('S3-6 is refused while the contact has another live one on the channel, by PATCH too', async () => {
    const contact = { phone: v1.newPhone() };
    const { id } = await open({ contact });
    await act(id, 'close');
    const other = await open({ contact });
    v1.expectError(await act(id, 'reopen'), 409, 'CONVERSATION_EXISTS');
    v1.expectError(await patch(id, { status: 'open' }), 409, 'CONVERSATION_EXISTS');
    expect((await get(id))['status']).toBe('closed');
    await act(other.id, 'close');
    expect((await act(id, 'reopen')).status).toBe(200);
  });

  test('S3-6 closing and reopening keep messages, counters, assignee, tags and metadata', async () => {
    const agent = await v1.user(api);
    const { id } = await open({ assigneeId: agent.id, tags: ['a'], metadata: { a: 1 } });
    await v1.say(api, id, 'Hello');
    const before = await get(id);
    await act(id, 'close');
    await act(id, 'reopen');
    const after = await get(id);
    const kept = [
      'messageCount',
      'lastMessage',
      'assignee',
      'tags',
      'metadata',
      'unreadCount',
      'firstMessageAt',
      'number',
    ];
    for (const name of kept) expect(after[name]).toEqual(before[name]);
  });

  describe('If-Match and expectedVersion', () => {
    const CHANGES: [string, (id: string, body: v1.Json, headers: v1.Json) => Promise<Answer>][] = [
      ['patch', (id, body, headers) => patch(id, { priority: 'high', ...body }, headers)],
      ['close', (id, body, headers) => act(id, 'close', body, headers)],
      ['reopen', (id, body, headers) => act(id, 'reopen', body, headers)],
      ['snooze', (id, body, headers) => act(id, 'snooze', { until: LATER, ...body }, headers)],
      ['read', (id, body, headers) => act(id, 'read', body, headers)],
      ['unassign', (id, body, headers) => act(id, 'unassign', body, headers)],
    ];

    test.each(CHANGES)('%s with a stale version is a 412 that writes nothing', async (_, change) => {
      const { id } = await open();
      v1.ok(await patch(id, { tags: ['x'] }));
      const before = await v1.checksum(hub);
      v1.expectError(await change(id, { expectedVersion: 1 }, {}), 412, 'VERSION_MISMATCH');
      for (const version of ['1', '"1"', 'W/"1"', ' "1" ', '"999999999"']) {
        v1.expectError(await change(id, {}, { 'if-match': version }), 412, 'VERSION_MISMATCH');
      }
      for (const version of ['x', '"x"', '""', '-1', '1.5', '"1", "2"', '0x1', '9'.repeat(400)]) {
        v1.expectError(await change(id, {}, { 'if-match': version }), 400, 'VALIDATION_ERROR', 'If-Match');
      }
      expect(await v1.checksum(hub)).toEqual(before);
      expect((await change(id, {}, { 'if-match': '"2"' })).status).toBe(200);
    });

    test('the current version, * and the body’s own pass; every change raises the version', async () => {
      const { id, attributes } = await open();
      expect(attributes['version']).toBe(1);
      const versions = [
        await patch(id, { priority: 'high' }, { 'if-match': '1' }),
        await patch(id, { priority: 'low', expectedVersion: 2 }, { 'if-match': '"1"' }),
        await act(id, 'close', undefined, { 'if-match': '*' }),
        await act(id, 'reopen', { expectedVersion: 4 }),
      ].map((answer) => v1.attributes(v1.ok(answer))['version']);
      expect(versions).toEqual([2, 3, 4, 5]);
    });
  });

  test('POST read makes it read', async () => {
    const heard = await v1.inbound(api, channelId);
    const id = String(v1.attributes(heard)['conversationId']);
    expect(await get(id)).toMatchObject({ unreadCount: 1 });
    expect((await act(id, 'read')).data.attributes).toMatchObject({ unreadCount: 0, version: 2 });
    expect((await act(id, 'read')).data.attributes).toMatchObject({ unreadCount: 0, version: 2 });
  });
});

describe('S3-18 a snooze', () => {
  test('is over at its time: the worker reopens the conversation and tells it once', async () => {
    const { id } = await open();
    v1.ok(await api.post(`/v1/conversations/${id}/snooze`, { until: LATER }));
    await hub.sql(`UPDATE conversation SET snoozed_until = now() - interval '1 second' WHERE id = $1`, [v1.uuid(id)]);
    await hub.startWorker();
    const after = await eventually(async () => {
      const answer = await api.get(`/v1/conversations/${id}`);
      return v1.attributes(answer)['status'] === 'open' && answer;
    }, 'the conversation is open again');
    expect(after.data.attributes).toMatchObject({ snoozedUntil: null, reopenedBy: { type: 'system', id: null } });
    const types = (await v1.events(hub, id)).map(({ type }) => type);
    expect(types).toEqual(['conversation.created', 'conversation.snoozed', 'conversation.reopened']);
  });
});

import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let channelId: string;
let agent: Resource;
let second: Resource;
let helper: Resource;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  channelId = (await v1.channel(api)).id;
  agent = await v1.user(api, { name: 'Agent' });
  second = await v1.user(api, { name: 'Second' });
  helper = await v1.bot(api);
});
afterAll(() => hub.stop());

const LATER = '2999-01-01T00:00:00.000Z';
const open = (fields: v1.Json = {}): Promise<Resource> => v1.conversation(api, { channelId, ...fields });
const types = (events: v1.StoredEvent[]): string[] => events.map(({ type }) => type);
const changes = (event: v1.StoredEvent | undefined): unknown => v1.at(event, 'body.meta.changes');
const ref = (resource: Resource, type: string): v1.Json => ({
  id: resource.id,
  type,
  name: v1.attributes(resource)['name'],
});

describe.each(v1.BASES)('S3-20 what %s/conversations tells', (base) => {
  const path = (id: string, action = ''): string => `${base}/conversations/${id}${action}`;
  const act = (id: string, action: string, body?: unknown): Promise<Answer> => api.post(path(id, `/${action}`), body);
  const patch = (id: string, body: unknown): Promise<Answer> => api.patch(path(id), body);

  test('S3-20 the body is the documented one, of all six events', async () => {
    const { id } = await open({ tags: ['x'] });
    const answers = [
      await patch(id, { priority: 'high' }),
      await act(id, 'assign', { assigneeId: agent.id }),
      await act(id, 'transfer', { toAssigneeId: second.id, reason: 'r', summary: 's' }),
      await act(id, 'close', { resolution: 'resolved' }),
      await act(id, 'reopen'),
    ];
    const events = await v1.events(hub, id);
    expect(types(events)).toEqual([
      'conversation.created',
      'conversation.updated',
      'conversation.assigned',
      'conversation.transferred',
      'conversation.closed',
      'conversation.reopened',
    ]);
    events.forEach(({ type, body, order_key, sequence }, i) => {
      expect(sequence).toBe(i + 1);
      expect(order_key).toBe(v1.uuid(id));
      expect(body).toEqual({
        id: expect.stringMatching(/^evt_[0-7][0-9a-z]{25}$/) as unknown,
        type,
        event: type,
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown,
        tenantId: api.organizationId,
        data: { id, type: 'conversation', attributes: expect.any(Object) as unknown },
        meta: {
          organizationId: api.organizationId,
          sequence: i + 1,
          actor: { type: 'api_key', id: expect.stringMatching(/^key_/) as unknown, name: 'Admin key' },
          ...(i > 0 && { changes: expect.any(Object) as unknown }),
        },
      });
    });
    expect(new Set(events.map(({ body }) => body['id'])).size).toBe(6);
    // each carries the conversation as the command answered it
    expect(events.slice(1).map(({ body }) => v1.at(body, 'data.attributes'))).toEqual(
      answers.map((answer) => answer.data.attributes),
    );
  });

  test('S3-20 opening tells created, with assignee also assigned, and the contact where it is new', async () => {
    const body = { channelId, contact: { phone: v1.newPhone() } };
    const first = await v1.told(hub, () => api.post(`${base}/conversations`, body));
    expect(types(first.events)).toEqual(['contact.created', 'conversation.created']);
    expect(v1.at(first.events[1]?.body, 'data.attributes')).toEqual(first.answer.data.attributes);
    await act(first.answer.data.id, 'close');
    const known = await v1.told(hub, () => api.post(`${base}/conversations`, { ...body, assigneeId: helper.id }));
    expect(types(known.events)).toEqual(['conversation.created', 'conversation.assigned']);
    expect(known.events.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(changes(known.events[1])).toEqual({ assignee: { before: null, after: ref(helper, 'bot') } });
  });

  test('S3-20 filling in a contact is told with before and after', async () => {
    const phone = v1.newPhone();
    const known = await v1.contact(api, { name: null, phone });
    const { events } = await v1.told(hub, () => open({ contact: { phone, name: 'Now known' } }));
    expect(types(events)).toEqual(['contact.updated', 'conversation.created']);
    expect(changes(events[0])).toEqual({ name: { before: null, after: 'Now known' } });
    expect(events[0]).toMatchObject({ order_key: v1.uuid(known.id), sequence: 0, body: { meta: { sequence: 0 } } });
  });

  test('S3-20 an update tells each changed field, before and after, and only those', async () => {
    const { id } = await open({ tags: ['a'], metadata: { a: 1 }, subject: 'old', priority: 'low' });
    const body = { tags: ['a'], metadata: { b: 2 }, subject: 'new', priority: 'low' };
    const { events } = await v1.told(hub, () => patch(id, body));
    expect(types(events)).toEqual(['conversation.updated']);
    expect(changes(events[0])).toEqual({
      metadata: { before: { a: 1 }, after: { a: 1, b: 2 } },
      subject: { before: 'old', after: 'new' },
    });
  });

  test.each<[string, v1.Json]>([
    ['no field', {}],
    ['an unknown field', { colour: 'red' }],
    ['the same priority', { priority: 'low' }],
    ['the same status', { status: 'open' }],
    ['the same tags', { tags: ['b', 'a'] }],
    ['the same tags, repeated', { tags: ['b', 'a', 'b'] }],
    ['the same metadata', { metadata: { deep: { zz: 1, a: [1, { y: 1, x: 2 }] } } }],
    ['the same metadata in another order', { metadata: { deep: { a: [1, { x: 2, y: 1 }], zz: 1 } } }],
    ['no metadata', { metadata: {} }],
    ['removing what is not there', { metadata: { gone: null } }],
    ['nulls', { status: null, priority: null, tags: null, metadata: null, snoozedUntil: null }],
  ])('S3-20 a patch with %s tells and writes nothing', async (_, body) => {
    const metadata = { deep: { zz: 1, a: [1, { y: 1, x: 2 }] }, zero: 0 };
    const { id } = await open({ tags: ['b', 'a'], priority: 'low', metadata });
    const before = await v1.checksum(hub);
    expect((await patch(id, body)).status).toBe(200);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('S3-20 -0 is 0: no change', async () => {
    const { id } = await open({ metadata: { zero: 0 } });
    const before = await v1.checksum(hub);
    v1.ok(await api.patch(path(id), undefined, { raw: '{"metadata":{"zero":-0}}' }));
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test.each<[string, v1.Json, string, unknown]>([
    ['pending', { status: 'pending' }, 'conversation.updated', { status: { before: 'open', after: 'pending' } }],
    [
      'snoozed',
      { status: 'snoozed', snoozedUntil: LATER },
      'conversation.snoozed',
      { status: { before: 'open', after: 'snoozed' }, snoozedUntil: { before: null, after: LATER } },
    ],
    ['closed', { status: 'closed' }, 'conversation.closed', { status: { before: 'open', after: 'closed' } }],
  ])('S3-20 a patch to %s is told as what it is', async (_, body, type, expected) => {
    const { id } = await open();
    const { events } = await v1.told(hub, () => patch(id, body));
    expect(types(events)).toEqual([type]);
    expect(changes(events[0])).toEqual(expected);
    const again = await v1.told(hub, () => patch(id, body));
    expect(types(again.events)).toEqual([]);
  });

  test('S3-20 a patch of fields and status tells both, in order', async () => {
    const { id } = await open();
    const { events } = await v1.told(hub, () => patch(id, { priority: 'urgent', status: 'closed' }));
    expect(types(events)).toEqual(['conversation.updated', 'conversation.closed']);
    expect(events.map(({ sequence }) => sequence)).toEqual([2, 3]);
    const reopened = await v1.told(hub, () => patch(id, { status: 'open' }));
    expect(types(reopened.events)).toEqual(['conversation.reopened']);
    expect(changes(reopened.events[0])).toEqual({ status: { before: 'closed', after: 'open' } });
  });

  test('S3-20 close and reopen tell once each; closing the closed and reopening the open nothing', async () => {
    const { id } = await open();
    const body = { reason: 'done', resolution: 'resolved', notes: 'n' };
    const closed = await v1.told(hub, () => act(id, 'close', body));
    expect(types(closed.events)).toEqual(['conversation.closed']);
    expect(changes(closed.events[0])).toEqual({
      status: { before: 'open', after: 'closed' },
      resolution: { before: null, after: 'resolved' },
      closureReason: { before: null, after: 'done' },
    });
    expect(types((await v1.told(hub, () => act(id, 'close', body))).events)).toEqual([]);
    expect(types((await v1.told(hub, () => act(id, 'reopen'))).events)).toEqual(['conversation.reopened']);
    expect(types((await v1.told(hub, () => act(id, 'reopen'))).events)).toEqual([]);
  });

  test('S3-20 assign, transfer and unassign tell from whom to whom; the same assignee nothing', async () => {
    const { id } = await open();
    const steps: [string, v1.Json, string[], unknown][] = [
      [
        'assign',
        { assigneeId: agent.id, note: 'n' },
        ['conversation.assigned'],
        { assignee: { before: null, after: ref(agent, 'user') } },
      ],
      ['assign', { assigneeId: agent.id }, [], undefined],
      [
        'transfer',
        { toAssigneeId: helper.id, reason: 'why', summary: 'what' },
        ['conversation.transferred'],
        {
          assignee: { before: ref(agent, 'user'), after: ref(helper, 'bot') },
          reason: { before: null, after: 'why' },
          summary: { before: null, after: 'what' },
        },
      ],
      ['transfer', { toAssigneeId: helper.id, reason: 'again' }, [], undefined],
      ['unassign', {}, ['conversation.unassigned'], { assignee: { before: ref(helper, 'bot'), after: null } }],
      ['unassign', {}, [], undefined],
    ];
    for (const [action, body, expected, expectedChanges] of steps) {
      const { events } = await v1.told(hub, () => act(id, action, body));
      expect([action, types(events)]).toEqual([action, expected]);
      expect(changes(events[0])).toEqual(expectedChanges);
    }
  });

  test('S3-20 a note on an assignment that changes nothing is told as an update', async () => {
    const { id } = await open({ assigneeId: agent.id });
    const { events } = await v1.told(hub, () => act(id, 'assign', { assigneeId: agent.id, note: 'look' }));
    expect(types(events)).toEqual(['conversation.updated']);
    expect(changes(events[0])).toHaveProperty('note');
  });

  test('S3-20 a transfer that tells the contact also tells the message', async () => {
    const { id } = await open();
    const body = { toAssigneeId: agent.id, notifyContact: true };
    const { events } = await v1.told(hub, () => act(id, 'transfer', body));
    expect(types(events)).toEqual(['conversation.transferred', 'message.sent']);
    expect(events.map(({ sequence }) => sequence)).toEqual([2, 3]);
  });

  test('S3-20 messages tell message.sent and message.received; a note an update; a repetition nothing', async () => {
    const contact = { externalId: `person-${v1.next()}`, name: 'Ann' };
    const externalId = `ext-${v1.next()}`;
    const receive = (): Promise<Answer> => v1.inbound(api, channelId, { contact, externalId });
    const heard = await v1.told(hub, receive);
    expect(types(heard.events)).toEqual(['contact.created', 'conversation.created', 'message.received']);
    const id = String(v1.attributes(heard.answer)['conversationId']);
    const received = heard.events[2];
    expect(received).toMatchObject({ sequence: 2, order_key: v1.uuid(id) });
    expect(received?.body['data']).toEqual(heard.answer.data);
    expect(v1.at(received?.body, 'meta.actor')).toMatchObject({ type: 'contact', name: 'Ann' });
    expect(types((await v1.told(hub, receive)).events)).toEqual([]);

    const reply = (): Promise<Answer> =>
      api.post(path(id, '/messages'), { content: { type: 'text', text: 'Hi' }, clientMessageId: `c-${base}` });
    const sent = await v1.told(hub, reply);
    expect(types(sent.events)).toEqual(['message.sent']);
    expect(sent.events[0]?.body['data']).toEqual(sent.answer.data);
    expect(sent.events[0]).toMatchObject({ sequence: 3, order_key: v1.uuid(id) });
    expect(types((await v1.told(hub, reply)).events)).toEqual([]);

    const note = await v1.told(hub, () => v1.say(api, id, 'psst', { private: true }));
    expect(types(note.events)).toEqual(['conversation.updated']);
    expect(changes(note.events[0])).toEqual({ note: { before: null, after: { id: note.answer.data.id } } });
    expect(note.events[0]?.sequence).toBe(4);
  });

  test('S3-20 reading tells an update once', async () => {
    const heard = await v1.inbound(api, channelId);
    const id = String(v1.attributes(heard)['conversationId']);
    const { events } = await v1.told(hub, () => act(id, 'read'));
    expect(types(events)).toEqual(['conversation.updated']);
    expect(changes(events[0])).toEqual({ unreadCount: { before: 1, after: 0 } });
    expect(types((await v1.told(hub, () => act(id, 'read'))).events)).toEqual([]);
  });

  test('S3-20 a refused command tells nothing', async () => {
    const { id } = await open();
    await act(id, 'close');
    const { events } = await v1.told(hub, async () => {
      await patch(id, { priority: 'x' });
      await patch(id, { priority: 'high', status: 'pending' });
      await act(id, 'assign', { assigneeId: agent.id, note: 'n' });
      await act(id, 'reopen', { expectedVersion: 99 });
      await v1.say(api, id, 'too late');
      await api.post(`${base}/conversations`, { channelId, contact: { phone: v1.newPhone() }, botId: 'bot_x' });
    });
    expect(types(events)).toEqual([]);
  });

  test('S3-20 reads tell nothing', async () => {
    const { id } = await open();
    const before = await v1.checksum(hub);
    for (const one of ['', '?includeMessages=true', '/participants', '/messages']) await api.get(path(id, one));
    await api.get(`${base}/conversations`);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('S3-20 the text of a body is one JSON object however odd the contents, and the same as the API shows', async () => {
    const odd = 'quotes " \\ / \u2028 \u2029 \u0001 \ud83d\ude80 </script> {"sequence":7} ${x} $1 %s \'';
    const { id } = await open({
      subject: odd,
      tags: [odd.slice(0, 90)],
      metadata: { [odd]: odd, sequence: '"sequence":' },
    });
    const message = v1.ok(await v1.say(api, id, odd));
    const events = await v1.events(hub, id);
    expect(v1.at(events[0]?.body, 'data.attributes.metadata')).toEqual({ [odd]: odd, sequence: '"sequence":' });
    expect(v1.at(events[0]?.body, 'data.attributes.subject')).toBe(odd);
    expect(events[1]?.body['data']).toEqual(message);
    expect(v1.at(events[1]?.body, 'meta.sequence')).toBe(2);
  });
});

test('S3-20 the other records tell their own events, and no-ops tell nothing', async () => {
  const steps: [() => Promise<unknown>, string[]][] = [];
  const desk = await v1.channel(api, {}, false);
  const clerk = await v1.bot(api);
  const ann = await v1.contact(api, { metadata: { b: { y: 1, x: 2 } }, tags: ['t'] });
  const channelPath = `/v1/channels/${desk.id}`;
  const botPath = `/v1/bots/${clerk.id}`;
  const contactPath = `/v1/contacts/${ann.id}`;
  steps.push([() => api.patch(channelPath, { name: 'New' }), ['channel.updated']]);
  steps.push([() => api.patch(channelPath, { name: 'New', metadata: {}, config: {} }), []]);
  steps.push([() => api.patch(channelPath, {}), []]);
  steps.push([() => api.post(`${channelPath}/activate`), ['channel.activated']]);
  steps.push([() => api.post(`${channelPath}/activate`), []]);
  steps.push([() => api.post(`${channelPath}/deactivate`), ['channel.deactivated']]);
  steps.push([() => api.post(`${channelPath}/deactivate`), []]);
  steps.push([() => api.delete(channelPath), ['channel.deleted']]);
  steps.push([() => api.patch(botPath, { description: 'd', config: { temperature: 1 } }), ['bot.updated']]);
  steps.push([() => api.patch(botPath, { description: 'd', config: { temperature: 1 }, channelIds: [] }), []]);
  steps.push([() => api.patch(botPath, {}), []]);
  steps.push([() => api.post(`${botPath}/activate`), []]);
  steps.push([() => api.post(`${botPath}/deactivate`), ['bot.deactivated']]);
  steps.push([() => api.post(`${botPath}/activate`), ['bot.activated']]);
  steps.push([() => api.patch(contactPath, { name: 'Ann' }), ['contact.updated']]);
  steps.push([() => api.patch(contactPath, { name: 'Ann', tags: ['t'], metadata: { b: { x: 2, y: 1 } } }), []]);
  steps.push([() => api.patch(contactPath, {}), []]);
  for (const [step, expected] of steps) {
    const before = await v1.checksum(hub);
    const { events } = await v1.told(hub, step);
    expect([String(step), types(events)]).toEqual([String(step), expected]);
    expect([String(step), JSON.stringify(await v1.checksum(hub)) === JSON.stringify(before)]).toEqual([
      String(step),
      expected.length === 0,
    ]);
  }
});

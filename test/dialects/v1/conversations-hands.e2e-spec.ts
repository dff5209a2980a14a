import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let channelId: string;
let senior: Resource;
let helper: Resource;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  channelId = (await v1.channel(api)).id;
  senior = await v1.user(api, { name: 'Senior Support Agent' });
  helper = await v1.bot(api);
});
afterAll(() => hub.stop());

const open = (fields: v1.Json = {}): Promise<Resource> => v1.conversation(api, { channelId, ...fields });
const assignments = (id: string): Promise<v1.Json[]> =>
  hub.sql<v1.Json & object>(
    `SELECT kind, to_id, reason, summary, note, notify_contact, ended_at IS NULL AS running FROM assignment
     WHERE conversation_id = $1 ORDER BY id`,
    [v1.uuid(id)],
  );
const UNKNOWN: [string, string, number][] = [
  ['user_01h455vb4pex5vsknk084sn02q', 'USER_NOT_FOUND', 404],
  ['bot_01h455vb4pex5vsknk084sn02q', 'BOT_NOT_FOUND', 404],
  ['team_01h455vb4pex5vsknk084sn02q', 'TEAM_NOT_FOUND', 404],
  ['queue_01h455vb4pex5vsknk084sn02q', 'QUEUE_NOT_FOUND', 404],
  ['user_xyz', 'USER_NOT_FOUND', 404],
  ['nobody', 'RESOURCE_NOT_FOUND', 404],
  ['wizard_01h455vb4pex5vsknk084sn02q', 'RESOURCE_NOT_FOUND', 404],
  ['constructor_01h455vb4pex5vsknk084sn02q', 'RESOURCE_NOT_FOUND', 404],
  ['toString_01h455vb4pex5vsknk084sn02q', 'RESOURCE_NOT_FOUND', 404],
  ['__proto___01h455vb4pex5vsknk084sn02q', 'RESOURCE_NOT_FOUND', 404],
  ['_01h455vb4pex5vsknk084sn02q', 'RESOURCE_NOT_FOUND', 404],
];

const joinedAt = expect.stringMatching(/Z$/) as unknown;

describe.each(v1.BASES)('handing on %s/conversations/:id', (base) => {
  const act = (id: string, action: string, body: unknown): Promise<Answer> =>
    api.post(`${base}/conversations/${id}/${action}`, body);
  const assign = (id: string, assigneeId: string, more: v1.Json = {}): Promise<Answer> =>
    act(id, 'assign', { assigneeId, ...more });
  const transfer = (id: string, toAssigneeId: string, more: v1.Json = {}): Promise<Answer> =>
    act(id, 'transfer', { toAssigneeId, ...more });
  const get = async (id: string): Promise<v1.Json> => v1.attributes(await api.get(`${base}/conversations/${id}`));
  const messages = async (id: string): Promise<v1.Json[]> =>
    (await api.get<Resource[]>(`${base}/conversations/${id}/messages`)).data.map((one) => v1.attributes(one));
  const participants = async (id: string): Promise<unknown> =>
    (await api.get(`${base}/conversations/${id}/participants`)).data;

  test('S3-16 is the seed’s example of an assignment, field by field', async () => {
    const { id } = await open();
    const answer = await assign(id, senior.id, { note: 'Escalated to senior support' });
    expect(answer.status).toBe(200);
    expect(v1.golden(answer.data)).toMatchObject({
      id: '<conv>',
      type: 'conversation',
      attributes: {
        assignee: { id: '<user>', type: 'user', name: 'Senior Support Agent' },
        assignedAt: '<time>',
        assignedBy: { id: '<key>', name: 'Admin key' },
      },
    });
    expect(v1.at(answer.data, 'attributes.assignee.id')).toBe(senior.id);
    expect(await get(id)).toEqual(answer.data.attributes);
    expect(await messages(id)).toMatchObject([{ private: true, content: { text: 'Escalated to senior support' } }]);
    expect(await assignments(id)).toMatchObject([{ kind: 'manual', to_id: v1.uuid(senior.id), running: true }]);
  });

  test('S3-7 detects user and bot by the id; assigneeType may say it, not contradict it', async () => {
    const { id } = await open();
    expect(v1.attributes(await assign(id, helper.id))['assignee']).toMatchObject({ type: 'bot', name: 'Support Bot' });
    expect(v1.attributes(await assign(id, senior.id, { assigneeType: 'user' }))['assignee']).toMatchObject({
      type: 'user',
    });
    expect(v1.attributes(await assign(id, helper.id, { assigneeType: 'bot' }))['assignee']).toMatchObject({
      type: 'bot',
    });
    v1.expectError(await assign(id, senior.id, { assigneeType: 'bot' }), 400, 'VALIDATION_ERROR', 'assigneeType');
    v1.expectError(await assign(id, senior.id, { assigneeType: 'team' }), 400, 'VALIDATION_ERROR', 'assigneeType');
    expect((await get(id))['assignee']).toMatchObject({ id: helper.id });
    expect((await assignments(id)).map(({ running }) => running)).toEqual([false, false, true]);
  });

  test('S3-7 assigning to the present assignee answers 200 and writes nothing', async () => {
    const { id } = await open({ assigneeId: senior.id });
    const before = await v1.checksum(hub);
    const first = await get(id);
    const again = await assign(id, senior.id);
    expect([again.status, again.data.attributes]).toEqual([200, first]);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test.each(UNKNOWN)('S3-7 assigning to %s is %s', async (assigneeId, code, status) => {
    const { id } = await open();
    const before = await v1.checksum(hub);
    v1.expectError(await assign(id, assigneeId, { note: 'n' }), status, code, 'assigneeId');
    v1.expectError(await transfer(id, assigneeId, { summary: 's' }), status, code, 'toAssigneeId');
    const body = { channelId, contact: { phone: v1.newPhone() }, assigneeId };
    v1.expectError(await api.post(`${base}/conversations`, body), status, code, 'assigneeId');
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('S3-7 another organization’s user and bot do not exist here', async () => {
    const stranger = await hub.newOrganization('Stranger');
    const { id } = await open();
    v1.expectError(await assign(id, (await v1.user(stranger)).id), 404, 'USER_NOT_FOUND', 'assigneeId');
    v1.expectError(await assign(id, (await v1.bot(stranger)).id), 404, 'BOT_NOT_FOUND', 'assigneeId');
    expect((await get(id))['assignee']).toBeNull();
  });

  test('S3-7 who does not take conversations is ASSIGNEE_UNAVAILABLE: suspended, or a customer', async () => {
    const { id } = await open();
    const suspended = await v1.user(api);
    v1.ok(await api.patch(`/v1/users/${suspended.id}`, { status: 'suspended' }));
    const customer = await v1.user(api, { role: 'customer' });
    v1.expectError(await assign(id, suspended.id), 422, 'ASSIGNEE_UNAVAILABLE');
    v1.expectError(await transfer(id, customer.id), 422, 'ASSIGNEE_UNAVAILABLE');
    const removed = await v1.user(api);
    await api.delete(`/v1/users/${removed.id}`);
    v1.expectError(await assign(id, removed.id), 404, 'USER_NOT_FOUND');
  });

  test.each([
    ['assign', 'assigneeId', {}],
    ['assign', 'assigneeId', { assigneeId: null }],
    ['assign', 'assigneeId', { assigneeId: '' }],
    ['assign', 'assigneeId', { assigneeId: 7 }],
    ['assign', 'assigneeId', { assigneeId: ['user_1'] }],
    ['assign', 'note', { assigneeId: 'user_01h455vb4pex5vsknk084sn02q', note: 1 }],
    ['transfer', 'toAssigneeId', {}],
    ['transfer', 'toAssigneeId', { toAssigneeId: '' }],
    ['transfer', 'toAssigneeId', { toAssigneeId: {} }],
    ['transfer', 'reason', { toAssigneeId: 'user_01h455vb4pex5vsknk084sn02q', reason: 1 }],
    ['transfer', 'summary', { toAssigneeId: 'user_01h455vb4pex5vsknk084sn02q', summary: [] }],
    ['transfer', 'notifyContact', { toAssigneeId: 'user_01h455vb4pex5vsknk084sn02q', notifyContact: 'yes' }],
  ])('S3-7, S3-8 %s refuses a bad %s', async (action, field, body) => {
    const { id } = await open();
    v1.expectError(await act(id, action, body), 400, 'VALIDATION_ERROR', field);
  });

  test('S3-7, S3-8 a closed conversation changes no hands', async () => {
    const { id } = await open();
    v1.ok(await act(id, 'close', {}));
    v1.expectError(await assign(id, senior.id), 409, 'CONVERSATION_CLOSED');
    v1.expectError(await transfer(id, senior.id), 409, 'CONVERSATION_CLOSED');
    v1.expectError(await act(id, 'unassign', {}), 409, 'CONVERSATION_CLOSED');
  });

  test('S3-7 unassign takes it away, once', async () => {
    const { id } = await open({ assigneeId: senior.id });
    expect((await act(id, 'unassign', {})).data.attributes).toMatchObject({
      assignee: null,
      assignedAt: null,
      assignedBy: null,
    });
    const before = await v1.checksum(hub);
    expect((await act(id, 'unassign', {})).status).toBe(200);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('S3-8 hands over with reason, summary and a word to the contact', async () => {
    const { id } = await open({ assigneeId: senior.id });
    const expert = await v1.user(api, { name: 'Billing Expert' });
    const summary = 'Customer has a billing dispute from last month. Needs access to invoice #12345.';
    const answer = await transfer(id, expert.id, { reason: 'Technical issue', summary, notifyContact: true });
    expect(answer.status).toBe(200);
    expect(v1.golden(answer.data)).toMatchObject({
      id: '<conv>',
      type: 'conversation',
      attributes: {
        status: 'open',
        assignee: { id: '<user>', type: 'user', name: 'Billing Expert' },
        assignedAt: '<time>',
        assignedBy: { id: '<key>', name: 'Admin key' },
        messageCount: 1,
      },
    });
    expect(await get(id)).toEqual(answer.data.attributes);
    expect(await messages(id)).toMatchObject([
      { private: true, direction: 'internal', content: { type: 'text', text: summary } },
      {
        private: false,
        direction: 'outbound',
        content: { type: 'text', text: 'You are now talking to Billing Expert.' },
      },
    ]);
    expect(await assignments(id)).toMatchObject([
      { kind: 'manual', running: false },
      {
        kind: 'transfer',
        to_id: v1.uuid(expert.id),
        reason: 'Technical issue',
        summary,
        notify_contact: true,
        running: true,
      },
    ]);
  });

  test('S3-8 tells the contact nothing unless it is wanted', async () => {
    const { id } = await open();
    v1.ok(await transfer(id, senior.id, { summary: 'for you' }));
    v1.ok(await transfer(id, helper.id, { notifyContact: false }));
    expect(await messages(id)).toMatchObject([{ private: true, content: { text: 'for you' } }]);
  });

  test('S3-8 hands nothing over when the contact is to be told and the channel cannot send', async () => {
    const sleeping = await v1.channel(api, {}, false);
    const { id } = await open({ channelId: sleeping.id });
    const before = await v1.checksum(hub);
    const refused = await transfer(id, senior.id, { summary: 's', notifyContact: true });
    v1.expectError(refused, 422, 'CHANNEL_NOT_CONNECTED');
    expect(await v1.checksum(hub)).toEqual(before);
    expect((await transfer(id, senior.id)).status).toBe(200);
  });

  test('S3-8 a notice to the contact does not mark what they wrote as read', async () => {
    const heard = await v1.inbound(api, channelId);
    const id = String(v1.attributes(heard)['conversationId']);
    v1.ok(await transfer(id, senior.id, { notifyContact: true }));
    expect(await get(id)).toMatchObject({ unreadCount: 1, messageCount: 2 });
  });

  test('S3-17 is the seed’s example of participants, field by field', async () => {
    const phone = v1.newPhone();
    const john = await v1.contact(api, { name: 'John Doe', phone });
    const agent = await v1.user(api);
    const { id } = await open({ contactId: john.id, assigneeId: agent.id, botId: helper.id });
    const answer = await api.get<Resource[]>(`${base}/conversations/${id}/participants`);
    expect(answer.status).toBe(200);
    const byId = [...answer.data].sort((a, b) => a.id.localeCompare(b.id));
    const email = v1.attributes(agent)['email'];
    expect(byId).toEqual(
      [
        { id: john.id, type: 'contact', attributes: { name: 'John Doe', phone, role: 'customer', joinedAt } },
        { id: agent.id, type: 'user', attributes: { name: 'Support Agent', email, role: 'agent', joinedAt } },
        { id: helper.id, type: 'bot', attributes: { name: 'Support Bot', role: 'bot', joinedAt } },
      ].sort((a, b) => a.id.localeCompare(b.id)),
    );
    expect(answer.data[0]?.type).toBe('contact');
    expect(Object.keys(answer.meta)).toEqual(['requestId']);
  });

  test('S3-9 follows the hands: who is relieved leaves, who comes back is there once', async () => {
    const email = v1.newEmail();
    const one = await v1.user(api);
    const two = await v1.user(api);
    const { id } = await open({ contact: { email } });
    const ids = async (): Promise<string[]> => ((await participants(id)) as Resource[]).map((each) => each.id);
    const contactId = v1.at(await get(id), 'contact.id');
    expect(await participants(id)).toEqual([
      { id: contactId, type: 'contact', attributes: { name: null, email, role: 'customer', joinedAt } },
    ]);
    await assign(id, one.id);
    expect(await ids()).toEqual([contactId, one.id]);
    await transfer(id, two.id);
    expect(await ids()).toEqual([contactId, two.id]);
    await transfer(id, one.id);
    expect(await ids()).toEqual([contactId, one.id]);
    await act(id, 'unassign', {});
    expect(await ids()).toEqual([contactId]);
    await act(id, 'close', {});
    expect(await ids()).toEqual([contactId]);
  });

  test('S3-9 a bot takes part as long as it is attached, whoever the assignee is', async () => {
    const { id } = await open({ botId: helper.id, assigneeId: helper.id });
    const bots = async (): Promise<string[]> =>
      ((await participants(id)) as Resource[]).filter(({ type }) => type === 'bot').map((each) => each.id);
    expect(await bots()).toEqual([helper.id]);
    await transfer(id, senior.id);
    expect(v1.at(await get(id), 'bot.id')).toBe(helper.id);
    expect(await bots()).toEqual([helper.id]);
    const second = await v1.bot(api, { name: 'Second' });
    await assign(id, second.id);
    expect(v1.at(await get(id), 'bot.id')).toBe(second.id);
    expect(await bots()).toEqual([second.id]);
  });
});

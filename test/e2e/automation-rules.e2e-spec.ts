import { jest } from '@jest/globals';
import type { Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { isSigned, Subscriber } from '../support/subscriber.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { Floor } from './routing-fixtures.js';

jest.setTimeout(120_000);

describe('automation rules', () => {
  let hub: Hub;
  let floor: Floor;
  let subscriber: Subscriber;

  beforeAll(async () => {
    subscriber = await Subscriber.start();
    hub = await startHub({ worker: true });
  });
  afterAll(async () => {
    await hub.stop();
    await subscriber.stop();
  });
  beforeEach(async () => {
    floor = await Floor.open(hub);
    const rules = (await hub.admin.get<Resource[]>('/v1/automation-rules?perPage=100')).data;
    for (const { id } of rules) await hub.admin.delete(`/v1/automation-rules/${id}`);
  });

  const rule = async (event: string, actions: object[], fields: object = {}): Promise<Resource> =>
    v1.ok(await hub.admin.post('/v1/automation-rules', { name: 'Rule', event, actions, ...fields }));
  const open = (fields: v1.Json = {}): Promise<Resource> =>
    v1.conversation(hub.admin, { channelId: floor.channelId, ...fields });
  const logOf = async ({ id }: Resource): Promise<v1.Json[]> =>
    (await hub.admin.get<Resource[]>(`/v1/automation-rules/${id}/log`)).data.map((one) => v1.attributes(one));
  const shown = async ({ id }: Resource): Promise<v1.Json> =>
    v1.attributes((await hub.admin.get(`/v1/conversations/${id}`)).data);
  const tasksAreDone = (): Promise<unknown> =>
    eventually(
      async () =>
        (await hub.sql(`SELECT 1 FROM event_task UNION ALL SELECT 1 FROM event WHERE fanned_out_at IS NULL`)).length ===
        0,
      'all tasks are done',
      15_000,
    );

  it('do everything they say, in order, in the name of the rule', async () => {
    const [agent] = await floor.agents(1);
    const made = await rule(
      'conversation.created',
      [
        { type: 'addTags', tags: ['vip', 'new'] },
        { type: 'removeTags', tags: ['new'] },
        { type: 'setPriority', priority: 'high' },
        { type: 'reply', text: 'Hello' },
        { type: 'note', text: 'Look after them' },
        { type: 'assign', to: agent?.id },
      ],
      { name: 'Welcome', conditions: [{ field: 'contact.metadata.plan', operator: 'eq', value: 'gold' }] },
    );
    const contact = await v1.contact(hub.admin, { metadata: { plan: 'Gold' } });
    const [gold, plain] = [await open({ contactId: contact.id }), await open()];
    expect(await floor.assigned(gold.id)).toBe(agent?.id);
    expect(await shown(gold)).toMatchObject({ tags: ['vip'], priority: 'high' });
    const messages = (await hub.admin.get<Resource[]>(`/v1/conversations/${gold.id}/messages`)).data;
    expect(messages.map((one) => v1.at(one, 'attributes.content.text'))).toEqual(['Hello', 'Look after them']);
    const timeline = (await hub.admin.get<Resource[]>(`/v1/conversations/${gold.id}/events`)).data;
    expect(v1.at(timeline[0], 'attributes.actor')).toMatchObject({ type: 'system', name: 'Automation: Welcome' });
    await tasksAreDone();
    expect(await shown(plain)).toMatchObject({ tags: [], priority: 'normal' });
    expect(await logOf(made)).toMatchObject([{ conversationId: gold.id, outcome: 'fired', detail: { depth: 1 } }]);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('snooze, unassign and close', async () => {
    const [agent] = await floor.agents(1);
    const on = (tag: string): object => ({ conditions: [{ field: 'tags', operator: 'contains', value: tag }] });
    await rule('conversation.created', [{ type: 'close', resolution: 'spam', reason: 'Junk' }], on('junk'));
    await rule('conversation.created', [{ type: 'snooze', seconds: 3600 }], on('later'));
    await rule('conversation.assigned', [{ type: 'unassign' }], on('free'));
    const [junk, later] = [await open({ tags: ['junk'] }), await open({ tags: ['later'] })];
    const free = await open({ tags: ['free'], assigneeId: agent?.id });
    await eventually(async () => (await shown(free))['assignee'] === null, 'it is nobody’s', 5_000);
    await tasksAreDone();
    expect(await shown(junk)).toMatchObject({ status: 'closed', resolution: 'spam' });
    expect(await shown(later)).toMatchObject({ status: 'snoozed' });
  });

  it('do all or nothing: what cannot be done is logged with its code, and the next rule goes on', async () => {
    const [agent] = await floor.agents(1, { status: 'offline' });
    const broken = await rule('conversation.created', [
      { type: 'addTags', tags: ['half'] },
      { type: 'assign', to: agent?.id },
    ]);
    await rule('conversation.created', [{ type: 'addTags', tags: ['whole'] }]);
    const made = await open();
    await eventually(async () => ((await shown(made))['tags'] as string[]).includes('whole'), 'the second rule', 5_000);
    expect(await shown(made)).toMatchObject({ tags: ['whole'], assignee: null });
    expect(await logOf(broken)).toMatchObject([
      { outcome: 'failed', detail: { action: 1, type: 'assign', code: 'ASSIGNEE_UNAVAILABLE' } },
    ]);
  });

  it('end a chain of two rules that call each other after five firings', async () => {
    const turn = (from: string, to: string): Promise<Resource> =>
      rule('conversation.updated', [{ type: 'setPriority', priority: to }], {
        name: `To ${to}`,
        conditions: [{ field: 'priority', operator: 'eq', value: from }],
      });
    const [up, down] = [await turn('low', 'high'), await turn('high', 'low')];
    const made = await open();
    v1.ok(await hub.admin.patch(`/v1/conversations/${made.id}`, { priority: 'low' }));
    await eventually(
      async () => [...(await logOf(up)), ...(await logOf(down))].some(({ outcome }) => outcome === 'loop'),
      'a loop',
      5_000,
    );
    await tasksAreDone();
    const all = [...(await logOf(up)), ...(await logOf(down))];
    expect(
      all
        .filter(({ outcome }) => outcome === 'fired')
        .map((one) => Number(v1.at(one, 'detail.depth')))
        .sort((a, b) => a - b),
    ).toEqual([1, 2, 3, 4, 5]);
    expect(all.filter(({ outcome }) => outcome === 'loop')).toHaveLength(1);
  });

  it('never fire on what they have caused, long afterwards either', async () => {
    const made = await rule('message.sent', [{ type: 'reply', text: 'Echo' }]);
    const { id } = await open();
    v1.ok(await v1.say(hub.admin, id, 'Hello'));
    await eventually(async () => (await logOf(made)).length >= 2, 'a second look', 5_000);
    await tasksAreDone();
    expect((await logOf(made)).map(({ outcome }) => outcome)).toEqual(['loop', 'fired']);
  });

  it('fire twenty times a minute in one conversation, no more', async () => {
    const made = await rule('conversation.updated', [{ type: 'note', text: 'Seen' }], {
      conditions: [{ field: 'subject', operator: 'exists' }],
    });
    const { id } = await open();
    for (let i = 0; i < 23; i++) v1.ok(await hub.admin.patch(`/v1/conversations/${id}`, { subject: `${i}` }));
    await tasksAreDone();
    const log = (await hub.admin.get<Resource[]>(`/v1/automation-rules/${made.id}/log?limit=100`)).data;
    const outcomes = log.map((one) => v1.attributes(one)['outcome']);
    expect(outcomes.filter((one) => one === 'fired')).toHaveLength(20);
  });

  it('call a webhook after the commit, signed, again when it fails, and say what came of it', async () => {
    subscriber.behave((_, nth) => (nth === 1 ? 500 : 200));
    const made = await rule('contact.created', [{ type: 'callWebhook', url: subscriber.url('/rule') }], {
      name: 'Tell',
    });
    const secret = v1.attributes(made)['secret'] as string;
    expect(secret).toMatch(/^whsec_/);
    expect(v1.attributes((await hub.admin.get(`/v1/automation-rules/${made.id}`)).data)).not.toHaveProperty('secret');
    const contact = await v1.contact(hub.admin);
    const [first] = await subscriber.expect(1, '/rule', 5_000);
    expect(first && isSigned(first, secret)).toBe(true);
    expect(first?.body).toMatchObject({ type: 'contact.created', data: { id: contact.id }, meta: { ruleId: made.id } });
    await hub.sql('UPDATE automation_call SET next_at = now() WHERE attempts = 1');
    const [, second] = await subscriber.expect(2, '/rule', 8_000);
    expect(second?.id).toBe(first?.id);
    await eventually(
      async () => v1.at((await logOf(made))[0], 'detail.calls.0.outcome') === 'succeeded',
      'the log tells of it',
      5_000,
    );
    expect(await hub.sql('SELECT 1 FROM automation_call')).toEqual([]);
  });

  const good = { name: 'Rule', event: 'conversation.created', actions: [{ type: 'unassign' }] };
  it.each([
    ['event', { event: 'conversation.*' }],
    ['event', { event: 'test.ping' }],
    ['actions', { actions: [] }],
    ['actions.0.type', { actions: [{ type: 'explode' }] }],
    ['actions.0.type', { event: 'contact.created' }],
    ['actions.0.to', { actions: [{ type: 'assign' }] }],
    ['actions.0.tags', { actions: [{ type: 'addTags', tags: [] }] }],
    ['actions.0.priority', { actions: [{ type: 'setPriority', priority: 'x' }] }],
    ['actions.1.text', { actions: [{ type: 'unassign' }, { type: 'reply', text: ' ' }] }],
    ['actions.0.seconds', { actions: [{ type: 'snooze', seconds: 0 }] }],
    ['actions.0.untilOpen.timezone', { actions: [{ type: 'snooze', untilOpen: { timezone: 'Mars' } }] }],
    ['actions.0.resolution', { actions: [{ type: 'close', resolution: 'x' }] }],
    ['conditions.0.value', { conditions: [{ field: 'priority', operator: 'in', value: ['x'] }] }],
  ])('refuse what is wrong in %s', async (field, wrong) => {
    const answer = await hub.admin.post('/v1/automation-rules', { ...good, ...wrong });
    v1.expectError(answer, 400, 'VALIDATION_ERROR', field);
  });

  it('refuse addresses that cannot be called, and ids that are not there', async () => {
    const actions = (action: object): object => ({ ...good, actions: [action] });
    const post = (body: object) => hub.admin.post('/v1/automation-rules', body);
    v1.expectError(await post(actions({ type: 'callWebhook', url: 'ftp://x' })), 400, 'INVALID_URL', 'actions.0.url');
    const nobody = 'user_01h455vb4pex5vsknk084sn02q';
    v1.expectError(await post(actions({ type: 'assign', to: nobody })), 404, 'USER_NOT_FOUND', 'actions.0.to');
  });
});

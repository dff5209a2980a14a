import { jest } from '@jest/globals';
import { encodeId, newId } from '@hub/platform/ids.js';
import type { Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { Floor } from './routing-fixtures.js';

jest.setTimeout(120_000);

const ALWAYS = { timezone: 'UTC', weekly: [{ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' }] };

/** Hours that open in about half a year only, on one day of the week at the most. */
const closedNow = (): object => {
  const today = new Date().getUTCDay() || 7;
  return { timezone: 'UTC', weekly: [{ days: [((today + 2) % 7) + 1], from: '00:00', to: '24:00' }] };
};

describe('routing rules', () => {
  let hub: Hub;
  let floor: Floor;

  beforeAll(async () => {
    hub = await startHub({ worker: true });
  });
  afterAll(() => hub.stop());
  beforeEach(async () => {
    floor = await Floor.open(hub);
    const rules = (await hub.admin.get<Resource[]>('/v1/routing-rules?perPage=100')).data;
    for (const { id } of rules) await hub.admin.delete(`/v1/routing-rules/${id}`);
  });

  const rule = async (targets: object[], fields: object = {}): Promise<Resource> =>
    v1.ok(await hub.admin.post('/v1/routing-rules', { name: 'Rule', targets, ...fields }));
  const open = (fields: v1.Json = {}): Promise<Resource> =>
    v1.conversation(hub.admin, { channelId: floor.channelId, ...fields });
  const queueOf = async (id: string): Promise<string | null> => {
    const [item] = await hub.sql<{ queue: string }>(
      'SELECT queue_id AS queue FROM queue_item WHERE conversation_id = $1',
      [v1.uuid(id)],
    );
    return item ? encodeId('queue', item.queue) : null;
  };
  const waitsIn = (id: string, queueId: string): Promise<unknown> =>
    eventually(async () => (await queueOf(id)) === queueId, `${id} waits in ${queueId}`, 5_000);
  const logOf = async ({ id }: Resource): Promise<v1.Json[]> =>
    (await hub.admin.get<Resource[]>(`/v1/routing-rules/${id}/log`)).data.map((one) => v1.attributes(one));
  const tasksAreDone = (): Promise<unknown> =>
    eventually(
      async () =>
        (await hub.sql(`SELECT 1 FROM event_task UNION ALL SELECT 1 FROM event WHERE fanned_out_at IS NULL`)).length ===
        0,
      'all tasks are done',
      5_000,
    );

  it('are tried in their order; the first one that matches wins, and says so in its log', async () => {
    const [vip, rest] = [await floor.queue(), await floor.queue()];
    const last = await rule([{ to: rest }], { name: 'Rest' });
    const first = await rule([{ to: vip }], {
      name: 'VIP',
      position: 1,
      conditions: [
        { field: 'tags', operator: 'contains', value: 'vip' },
        { field: 'priority', operator: 'gt', value: 'normal' },
        { field: 'channelId', operator: 'in', value: [floor.channelId] },
      ],
    });
    const listed = (await hub.admin.get<Resource[]>('/v1/routing-rules')).data;
    expect(listed.map(({ id }) => id)).toEqual([first.id, last.id]);
    expect(listed.map((one) => v1.attributes(one)['position'])).toEqual([1, 2]);
    expect(v1.attributes(first)['conditions']).toContainEqual({
      field: 'channelId',
      operator: 'in',
      value: [floor.channelId],
    });
    const [urgent, plain] = [await open({ tags: ['vip'], priority: 'high' }), await open({ tags: ['vip'] })];
    await waitsIn(urgent.id, vip);
    await waitsIn(plain.id, rest);
    expect(await logOf(first)).toMatchObject([
      { conversationId: urgent.id, outcome: 'routed', detail: { step: 0, to: vip } },
    ]);
    v1.ok(await hub.admin.patch(`/v1/routing-rules/${last.id}`, { position: 1 }));
    const other = await open({ tags: ['vip'], priority: 'high' });
    await waitsIn(other.id, rest);
    const [assignment] = await floor.assignments(other.id);
    expect(assignment).toMatchObject({ kind: 'queue', actor: { type: 'system', name: 'Routing: Rest' } });
  });

  it('leave alone what matches none, what somebody has, and what is disabled', async () => {
    const queueId = await floor.queue({ strategy: 'manual' });
    const [agent] = await floor.agents(1, { status: 'offline' });
    await rule([{ to: queueId }], { conditions: [{ field: 'language', operator: 'eq', value: 'pt' }] });
    await rule([{ to: queueId }], { enabled: false });
    const [nobody, taken] = [await open(), await open({ assigneeId: agent?.id, metadata: { language: 'pt' } })];
    const matching = await open({ metadata: { language: 'PT' } });
    await waitsIn(matching.id, queueId);
    await tasksAreDone();
    expect(await queueOf(nobody.id)).toBeNull();
    expect(await floor.assigneeOf(taken.id)).toBe(agent?.id);
  });

  it('look at the first message of the contact', async () => {
    const queueId = await floor.queue({ strategy: 'manual' });
    await rule([{ to: queueId }], {
      conditions: [{ field: 'message.text', operator: 'contains', value: 'INVOICE' }],
    });
    const said = v1.ok(
      await v1.inbound(hub.admin, floor.channelId, { content: { type: 'text', text: 'My invoice?' } }),
    );
    await waitsIn(v1.attributes(said)['conversationId'] as string, queueId);
  });

  it('pass over whoever is not there, has no room or is not active', async () => {
    const [away, full, free] = [
      (await floor.agents(1, { status: 'away' }))[0],
      (await floor.agents(1, { capacity: 1 }))[0],
      (await floor.agents(1, { capacity: 1 }))[0],
    ];
    const bot = v1.ok(await hub.admin.post('/v1/bots', { name: 'Asleep' }));
    await open({ assigneeId: full?.id });
    const made = await rule([{ to: away?.id }, { to: full?.id }, { to: bot.id }, { to: free?.id }]);
    const { id } = await open();
    expect(await floor.assigned(id)).toBe(free?.id);
    expect(await logOf(made)).toMatchObject([
      {
        outcome: 'routed',
        detail: {
          step: 3,
          skipped: [away?.id, full?.id, bot.id].map((to) => ({ to, code: 'ASSIGNEE_UNAVAILABLE' })),
        },
      },
    ]);
    const next = await open();
    await eventually(async () => (await logOf(made))[0]?.['outcome'] === 'exhausted', 'nobody was left', 5_000);
    expect(await floor.assigneeOf(next.id)).toBeNull();
    expect(await floor.contradictions()).toEqual([]);
  });

  it('go on to the next target when one has had its time, with the same place and the higher priority', async () => {
    const [first, second] = [await floor.queue({ strategy: 'manual' }), await floor.queue({ strategy: 'manual' })];
    const made = await rule([
      { to: first, timeout: 600 },
      { to: second, priority: 'urgent' },
    ]);
    const { id } = await open();
    await waitsIn(id, first);
    const item = async (): Promise<Record<string, unknown> | undefined> =>
      (
        await hub.sql('SELECT waiting_since, priority, step, step_until FROM queue_item WHERE conversation_id = $1', [
          v1.uuid(id),
        ])
      )[0];
    const before = await item();
    expect(before).toMatchObject({ step: 0, priority: 1 });
    await hub.sql('UPDATE queue_item SET step_until = now() WHERE conversation_id = $1', [v1.uuid(id)]);
    await eventually(async () => (await queueOf(id)) === second, 'the second target', 1_500);
    expect(await item()).toMatchObject({
      step: 1,
      step_until: null,
      priority: 3,
      waiting_since: before?.['waiting_since'],
    });
    expect((await logOf(made)).map(({ outcome }) => outcome)).toEqual(['escalated', 'routed']);
  });

  it('hold what comes while the queue is closed, answer once, and let it go when it opens', async () => {
    const [agent] = await floor.agents(1);
    const text = 'We are closed';
    const fields = { teamId: encodeId('team', floor.team), businessHours: closedNow() };
    const { id: queueId } = await v1.queue(hub.admin, { ...fields, closedBehavior: { action: 'reply', text } });
    await rule([{ to: queueId }]);
    const { id } = await open();
    await waitsIn(id, queueId);
    await tasksAreDone();
    const said = async (): Promise<number> =>
      (await hub.admin.get<Resource[]>(`/v1/conversations/${id}/messages`)).data.length;
    expect(await said()).toBe(1);
    v1.ok(await hub.admin.post(`/v1/conversations/${id}/assign`, { assigneeId: agent?.id }));
    v1.ok(await hub.admin.post(`/v1/conversations/${id}/assign`, { assigneeId: queueId }));
    expect(await said()).toBe(1);
    expect(await floor.assigneeOf(id)).toBeNull();
    await hub.sql('UPDATE queue_item SET held_until = now() WHERE conversation_id = $1', [v1.uuid(id)]);
    expect(await floor.assigned(id, 1_500)).toBe(agent?.id);
    const next = await open();
    await waitsIn(next.id, queueId);
    v1.ok(await hub.admin.patch(`/v1/queues/${queueId}`, { businessHours: ALWAYS }));
    expect(await floor.assigned(next.id, 1_500)).toBe(agent?.id);
  });

  it('give it to the bot, or put it to sleep, where the closed queue says so', async () => {
    const bot = await v1.bot(hub.admin);
    const fields = { teamId: encodeId('team', floor.team), businessHours: closedNow() };
    const withBot = await v1.queue(hub.admin, { ...fields, closedBehavior: { action: 'bot', botId: bot.id } });
    const asleep = await v1.queue(hub.admin, { ...fields, closedBehavior: { action: 'snooze' } });
    await rule([{ to: asleep.id }], { conditions: [{ field: 'tags', operator: 'exists' }] });
    await rule([{ to: withBot.id }]);
    const [first, second] = [await open(), await open({ tags: ['later'] })];
    expect(await floor.assigned(first.id)).toBe(bot.id);
    const status = async (): Promise<unknown> =>
      v1.attributes((await hub.admin.get(`/v1/conversations/${second.id}`)).data)['status'];
    await eventually(async () => (await status()) === 'snoozed', 'it sleeps', 5_000);
    await hub.sql('UPDATE queue SET business_hours = NULL WHERE id = $1', [v1.uuid(asleep.id)]);
    await hub.sql('UPDATE conversation SET snoozed_until = now() WHERE id = $1', [v1.uuid(second.id)]);
    await waitsIn(second.id, asleep.id);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('hold at their hours', async () => {
    const [day, night] = [await floor.queue({ strategy: 'manual' }), await floor.queue({ strategy: 'manual' })];
    const at = (state: string, businessHours: object): object => ({
      conditions: [{ field: 'hours', operator: 'eq', value: { state, businessHours } }],
    });
    await rule([{ to: day }], at('open', closedNow()));
    await rule([{ to: night }], at('open', ALWAYS));
    await waitsIn((await open()).id, night);
  });

  const good = (): object => ({ name: 'Rule', targets: [{ to: 'queue' }] });
  it.each([
    ['name', { name: '' }],
    ['targets', { targets: [] }],
    ['targets', { targets: undefined }],
    ['targets.0.timeout', { targets: [{ to: 'queue_x', timeout: 0 }] }],
    ['targets.0.priority', { targets: [{ to: 'queue_x', priority: 'extreme' }] }],
    ['position', { position: 0 }],
    ['conditions', { conditions: 'all' }],
    ['conditions.0.field', { conditions: [{ field: 'colour', operator: 'eq', value: 1 }] }],
    ['conditions.0.field', { conditions: [{ field: '__proto__', operator: 'eq', value: 1 }] }],
    ['conditions.0.operator', { conditions: [{ field: 'tags', operator: 'gt', value: 1 }] }],
    [
      'conditions.1.value',
      {
        conditions: [
          { field: 'tags', operator: 'exists' },
          { field: 'priority', operator: 'eq', value: 'x' },
        ],
      },
    ],
    ['conditions.0.value', { conditions: [{ field: 'subject', operator: 'in', value: [] }] }],
    ['conditions.0.value.state', { conditions: [{ field: 'hours', operator: 'eq', value: {} }] }],
    [
      'conditions.0.value.businessHours.weekly.0.to',
      {
        conditions: [
          {
            field: 'hours',
            operator: 'eq',
            value: {
              state: 'open',
              businessHours: { timezone: 'UTC', weekly: [{ days: [1], from: '10:00', to: '09:00' }] },
            },
          },
        ],
      },
    ],
  ])('refuse what is wrong in %s', async (field, wrong) => {
    const answer = await hub.admin.post('/v1/routing-rules', { ...good(), ...wrong });
    v1.expectError(answer, 400, 'VALIDATION_ERROR', field);
  });

  it('name nothing of anybody else’s', async () => {
    for (const [prefix, code] of [
      ['user', 'USER_NOT_FOUND'],
      ['bot', 'BOT_NOT_FOUND'],
      ['team', 'TEAM_NOT_FOUND'],
      ['queue', 'QUEUE_NOT_FOUND'],
    ] as const) {
      const targets = [{ to: encodeId(prefix, newId()) }];
      const answer = await hub.admin.post('/v1/routing-rules', { name: 'Rule', targets });
      v1.expectError(answer, 404, code, 'targets.0.to');
    }
    const conditions = [{ field: 'channelId', operator: 'eq', value: encodeId('ch', newId()) }];
    const targets = [{ to: await floor.queue() }];
    const answer = await hub.admin.post('/v1/routing-rules', { name: 'Rule', targets, conditions });
    v1.expectError(answer, 404, 'CHANNEL_NOT_FOUND', 'conditions.0.value');
    const missing = `/v1/routing-rules/${encodeId('rule', newId())}`;
    v1.expectError(await hub.admin.get(missing), 404, 'RESOURCE_NOT_FOUND');
    v1.expectError(await hub.admin.patch(missing, { name: 'x' }), 404, 'RESOURCE_NOT_FOUND');
    v1.expectError(await hub.admin.get(`${missing}/log`), 404, 'RESOURCE_NOT_FOUND');
  });
});

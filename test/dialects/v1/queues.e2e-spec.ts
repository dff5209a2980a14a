import { newId } from '@hub/platform/ids.js';
import type { ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let other: ApiClient;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  other = await hub.newOrganization('Elsewhere');
});
afterAll(() => hub.stop());

const HOURS = {
  timezone: 'Europe/Berlin',
  weekly: [
    { days: [1, 2, 3, 4, 5], from: '09:00', to: '17:30' },
    { days: [6], from: '10:00', to: '12:00' },
  ],
  holidays: ['2026-12-25', '2028-02-29'],
};

/** Puts a conversation into the queue as the engine would, `waited` seconds ago. */
async function wait(queue: Resource, priority: number, waited: number, more: v1.Json = {}): Promise<Resource> {
  const conversation = await v1.conversation(api);
  const { state = 'waiting', held = null } = more;
  await hub.sql(
    `INSERT INTO queue_item (organization_id, conversation_id, queue_id, state, priority, waiting_since, rank, held_until)
     SELECT $1, $2, $3, $4, $5::int, at, at - $5::int * interval '10 years', now() + $7::int * interval '1 second'
     FROM (SELECT now() - $6::int * interval '1 second' AS at) AS t`,
    [v1.uuid(api.organizationId), v1.uuid(conversation.id), v1.uuid(queue.id), state, priority, waited, held],
  );
  return conversation;
}

describe.each(v1.BASES)('%s/queues', (base) => {
  const path = (id = '', tail = ''): string => `${base}/queues${id && `/${id}`}${tail}`;

  test('creates one with the defaults, and one with everything', async () => {
    const team = await v1.team(api);
    const plain = await api.post(path(), { name: `Plain ${v1.next()}`, teamId: team.id });
    expect(plain.status).toBe(201);
    expect(plain.data).toMatchObject({
      id: expect.stringMatching(/^queue_/) as unknown,
      type: 'queue',
      attributes: {
        teamId: team.id,
        strategy: 'round_robin',
        priorityAgeing: 0,
        offerTimeout: 0,
        maxMisses: 3,
        returnTimeout: 0,
        stickyWindow: 0,
        skills: [],
        businessHours: null,
        closedBehavior: null,
        metadata: {},
        waiting: 0,
        estimatedWait: null,
      },
    });
    const bot = await v1.bot(api);
    const fields = {
      name: `Full ${v1.next()}`,
      teamId: team.id,
      strategy: 'skills',
      priorityAgeing: 600,
      offerTimeout: 30,
      maxMisses: 2,
      returnTimeout: 300,
      stickyWindow: 86_400,
      skills: [{ name: 'German', level: 5 }],
      businessHours: HOURS,
      closedBehavior: { action: 'bot', botId: bot.id, text: 'We are closed.' },
      metadata: { a: 1 },
    };
    const full = await api.post(path(), fields);
    expect([full.status, full.data.attributes]).toEqual([201, expect.objectContaining(fields)]);
    expect((await api.get(path(full.data.id))).data).toEqual(full.data);
  });

  test('patches: metadata merged, the rest replaced, null opens it for ever; the audit log tells of it', async () => {
    const client = await hub.newOrganization(`Queues of ${base}`);
    const queue = await v1.queue(client, { businessHours: HOURS, metadata: { a: 1 }, offerTimeout: 20 });
    const second = await v1.team(client);
    const bot = await v1.bot(client);
    const changed = await client.patch(path(queue.id), {
      name: 'Other',
      teamId: second.id,
      strategy: 'broadcast',
      businessHours: null,
      closedBehavior: { action: 'bot', botId: bot.id },
      metadata: { a: null, b: 2 },
    });
    expect(changed.data.attributes).toMatchObject({
      name: 'Other',
      teamId: second.id,
      strategy: 'broadcast',
      offerTimeout: 20,
      businessHours: null,
      closedBehavior: { action: 'bot', botId: bot.id },
      metadata: { b: 2 },
    });
    expect((await client.patch(path(queue.id), {})).data).toEqual(changed.data);
    const audit = await client.get<Resource[]>(`${base}/audit?subjectId=${queue.id}`);
    expect(audit.data.map((line) => line.attributes['action'])).toEqual(['queue.updated', 'queue.created']);
    expect(v1.at(audit.data[0], 'attributes.changes')).toMatchObject({
      teamId: { before: v1.attributes(queue)['teamId'], after: second.id },
      closedBehavior: { before: null, after: { action: 'bot', botId: bot.id } },
    });
    const listed = await client.get<Resource[]>(path('', `?teamId=${second.id}`));
    expect(listed.data).toEqual([changed.data]);
    expect((await client.get<Resource[]>(path('', `?teamId=${String(v1.attributes(queue)['teamId'])}`))).data).toEqual(
      [],
    );
    expect((await client.delete(path(queue.id))).status).toBe(204);
    v1.expectError(await client.get(path(queue.id)), 404, 'QUEUE_NOT_FOUND');
    v1.expectError(await client.get(path(queue.id, '/conversations')), 404, 'QUEUE_NOT_FOUND');
  });

  test.each<[v1.Json, string]>([
    [{ name: '' }, 'name'],
    [{ strategy: 'random' }, 'strategy'],
    [{ priorityAgeing: -1 }, 'priorityAgeing'],
    [{ offerTimeout: 1.5 }, 'offerTimeout'],
    [{ offerTimeout: 3_601 }, 'offerTimeout'],
    [{ maxMisses: '3' }, 'maxMisses'],
    [{ returnTimeout: -5 }, 'returnTimeout'],
    [{ stickyWindow: 1e12 }, 'stickyWindow'],
    [{ skills: [{ name: 'x', level: 0 }] }, 'skills.0.level'],
    [{ metadata: [] }, 'metadata'],
    [{ businessHours: 'always' }, 'businessHours'],
    [{ businessHours: { ...HOURS, timezone: 'Mars/Olympus' } }, 'businessHours.timezone'],
    [{ businessHours: { ...HOURS, timezone: '+02:00' } }, 'businessHours.timezone'],
    [{ businessHours: { timezone: 'UTC' } }, 'businessHours.weekly'],
    [{ businessHours: { ...HOURS, weekly: [] } }, 'businessHours.weekly'],
    [
      { businessHours: { ...HOURS, weekly: [{ days: [0], from: '09:00', to: '10:00' }] } },
      'businessHours.weekly.0.days',
    ],
    [
      { businessHours: { ...HOURS, weekly: [{ days: [1, 1], from: '09:00', to: '10:00' }] } },
      'businessHours.weekly.0.days',
    ],
    [
      { businessHours: { ...HOURS, weekly: [{ days: [], from: '09:00', to: '10:00' }] } },
      'businessHours.weekly.0.days',
    ],
    [{ businessHours: { ...HOURS, weekly: [{ days: [1], from: '9', to: '10:00' }] } }, 'businessHours.weekly.0.from'],
    [{ businessHours: { ...HOURS, weekly: [{ days: [1], from: '10:00', to: '25:00' }] } }, 'businessHours.weekly.0.to'],
    [{ businessHours: { ...HOURS, weekly: [{ days: [1], from: '10:00', to: '10:00' }] } }, 'businessHours.weekly.0.to'],
    [{ businessHours: { ...HOURS, holidays: ['2026-02-29'] } }, 'businessHours.holidays.0'],
    [{ businessHours: { ...HOURS, holidays: ['Christmas'] } }, 'businessHours.holidays.0'],
    [{ closedBehavior: 'wait' }, 'closedBehavior'],
    [{ closedBehavior: { action: 'dance' } }, 'closedBehavior.action'],
    [{ closedBehavior: { action: 'bot' } }, 'closedBehavior.botId'],
    [{ closedBehavior: { action: 'reply' } }, 'closedBehavior.text'],
    [{ closedBehavior: { action: 'wait', text: 'x'.repeat(4_097) } }, 'closedBehavior.text'],
  ])('refuses %j and names %s', async (body, field) => {
    const queue = await v1.queue(api);
    const before = await v1.checksum(hub);
    const made = { name: 'Bad', teamId: v1.attributes(queue)['teamId'], ...body };
    v1.expectError(await api.post(path(), made), 400, 'VALIDATION_ERROR', field);
    v1.expectError(await api.patch(path(queue.id), body), 400, 'VALIDATION_ERROR', field);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('wants a team and a bot of its own organization', async () => {
    const queue = await v1.queue(api);
    const [team, bot] = [await v1.team(other), await v1.bot(other)];
    const before = await v1.checksum(hub);
    v1.expectError(await api.post(path(), { name: 'x' }), 400, 'VALIDATION_ERROR', 'teamId');
    v1.expectError(await api.post(path(), { name: 'x', teamId: team.id }), 404, 'TEAM_NOT_FOUND', 'teamId');
    v1.expectError(await api.patch(path(queue.id), { teamId: 'team_x' }), 404, 'TEAM_NOT_FOUND', 'teamId');
    const closedBehavior = { action: 'bot', botId: bot.id };
    v1.expectError(await api.patch(path(queue.id), { closedBehavior }), 404, 'BOT_NOT_FOUND', 'closedBehavior.botId');
    for (const answer of [
      await other.get(path(queue.id)),
      await other.patch(path(queue.id), { name: 'Stolen' }),
      await other.delete(path(queue.id)),
      await other.get(path(queue.id, '/conversations')),
    ]) {
      v1.expectError(answer, 404, 'QUEUE_NOT_FOUND');
    }
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('a name is one queue’s, whatever its case, however many ask at once', async () => {
    const team = await v1.team(api);
    const name = `Unique ${v1.next()}`;
    const answers = await Promise.all([1, 2, 3].map(() => api.post(path(), { name, teamId: team.id })));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409, 409]);
    const another = await v1.queue(api);
    v1.expectError(await api.patch(path(another.id), { name: name.toUpperCase() }), 409, 'RESOURCE_ALREADY_EXISTS');
  });

  test('shows who waits: place, time, estimate from the measured pace; and stays while somebody does', async () => {
    const queue = await v1.queue(api);
    const old = await wait(queue, 1, 600);
    const urgent = await wait(queue, 3, 10, { state: 'offered' });
    const held = await wait(queue, 0, 900, { held: 3_600 });
    const list = (query = ''): Promise<{ data: Resource[]; meta: object }> =>
      api.get<Resource[]>(path(queue.id, `/conversations${query}`));
    const unknown = await list();
    expect(unknown.data.map(({ id, attributes }) => [id, attributes['position'], attributes['estimatedWait']])).toEqual(
      [
        [urgent.id, 1, null],
        [old.id, 2, null],
        [held.id, 3, null],
      ],
    );
    await hub.sql('UPDATE queue SET pace_seconds = 12.4 WHERE id = $1', [v1.uuid(queue.id)]);
    const known = await list();
    expect(known.data.map(({ attributes }) => attributes)).toMatchObject([
      { state: 'offered', priority: 'urgent', estimatedWait: 12, heldUntil: null },
      { state: 'waiting', priority: 'normal', estimatedWait: 25, waitingSince: expect.any(String) as unknown },
      { priority: 'low', estimatedWait: null, heldUntil: expect.any(String) as unknown },
    ]);
    const page = await list('?perPage=2&page=2');
    expect(page.data.map(({ id, attributes }) => [id, attributes['position']])).toEqual([[held.id, 3]]);
    expect(v1.at(page.meta, 'pagination')).toMatchObject({ totalCount: 3, totalPages: 2 });
    expect(v1.attributes(await api.get(path(queue.id)))).toMatchObject({ waiting: 3, estimatedWait: 50 });
    v1.expectError(await api.delete(path(queue.id)), 400, 'ACTIVE_CONVERSATIONS_EXIST');
    await hub.sql('DELETE FROM queue_item WHERE queue_id = $1', [v1.uuid(queue.id)]);
    expect((await api.delete(path(queue.id))).status).toBe(204);
  });

  test('another ageing puts those who wait already in another order', async () => {
    const queue = await v1.queue(api);
    const patient = await wait(queue, 0, 1_000);
    const urgent = await wait(queue, 3, 0);
    const order = async (): Promise<string[]> =>
      (await api.get<Resource[]>(path(queue.id, '/conversations'))).data.map(({ id }) => id);
    expect(await order()).toEqual([urgent.id, patient.id]);
    v1.ok(await api.patch(path(queue.id), { priorityAgeing: 300 })); // three steps are 900 seconds
    expect(await order()).toEqual([patient.id, urgent.id]);
    v1.ok(await api.patch(path(queue.id), { priorityAgeing: 600 }));
    expect(await order()).toEqual([urgent.id, patient.id]);
    v1.ok(await api.patch(path(queue.id), { priorityAgeing: 0 }));
    expect(await order()).toEqual([urgent.id, patient.id]);
  });
});

test('a page of who waits is one index scan, however many wait', async () => {
  const queue = await v1.queue(api);
  const [organization, id] = [v1.uuid(api.organizationId), v1.uuid(queue.id)];
  const conversation = await v1.conversation(api);
  await hub.sql(
    `WITH made AS (
       INSERT INTO conversation (organization_id, id, channel_id, contact_id, status, single)
       SELECT organization_id, gen_random_uuid(), channel_id, contact_id, 'open', false
       FROM conversation, generate_series(1, 3000) WHERE id = $1 RETURNING id)
     INSERT INTO queue_item (organization_id, conversation_id, queue_id, priority, waiting_since, rank)
     SELECT $2, id, $3, 1, now(), now() - random() * interval '1 day' FROM made`,
    [v1.uuid(conversation.id), organization, id],
  );
  await hub.sql('ANALYZE queue_item');
  const plan = await hub.sql<{ 'QUERY PLAN': string }>(
    `EXPLAIN SELECT conversation_id, state FROM queue_item WHERE organization_id = $1 AND queue_id = $2
     ORDER BY rank, conversation_id LIMIT 20 OFFSET 100`,
    [organization, id],
  );
  const text = plan.map((line) => line['QUERY PLAN']).join('\n');
  expect(text).toContain('Index Scan using queue_item_queue');
  expect(text).not.toContain('Sort');
});

test('a malformed or unknown queue is a 404', async () => {
  for (const id of ['queue_x', 'x', `queue_${'0'.repeat(26)}`, newId()]) {
    v1.expectError(await api.get(`/v1/queues/${id}`), 404, 'QUEUE_NOT_FOUND');
  }
});

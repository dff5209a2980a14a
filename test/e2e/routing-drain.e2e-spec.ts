import { jest } from '@jest/globals';
import { encodeId } from '@hub/platform/ids.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { Floor } from './routing-fixtures.js';

jest.setTimeout(180_000);

/** Milliseconds: a second, and what a busy machine adds; the sweep would take ten. */
const SOON = 3_000;

let hub: Hub;

describe('one worker', () => {
  beforeAll(async () => {
    hub = await startHub({ worker: true });
  });
  afterAll(() => hub.stop());

  it('gives what waits in turn to whoever has waited longest, and says why', async () => {
    const floor = await Floor.open(hub);
    const agents = await floor.agents(3);
    const queueId = await floor.queue();
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { id } = await floor.enqueue(queueId);
      await floor.assigned(id);
      ids.push(id);
    }
    const got = await Promise.all(ids.map((id) => floor.assigneeOf(id)));
    expect(new Set(got.slice(0, 3))).toEqual(new Set(agents.map(({ id }) => id)));
    expect(got.slice(3)).toEqual(got.slice(0, 3));
    const [auto, queued] = await floor.assignments(ids[0] ?? '');
    expect(auto).toMatchObject({
      kind: 'auto',
      to: { id: got[0] },
      queue: { id: queueId },
      overCapacity: false,
      decision: { strategy: 'round_robin', considered: 3, eligible: 3 },
    });
    const candidates = v1.at(auto, 'decision.candidates') as v1.Json[];
    expect(candidates[0]).toMatchObject({ id: got[0], outcome: 'chosen', load: 0, capacity: 10 });
    expect(queued).toMatchObject({ kind: 'queue', to: null, queue: { id: queueId } });
    const events = (await v1.events(hub, ids[0])).map(({ body }) => v1.at(body, 'type'));
    expect(events).toEqual(['conversation.created', 'conversation.updated', 'conversation.assigned']);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('keeps what nobody can take, and gives it at once when somebody comes or there is room', async () => {
    const floor = await Floor.open(hub);
    const [agent] = await floor.agents(1, { capacity: 1, status: 'offline' });
    if (!agent) throw new Error('nobody');
    const queueId = await floor.queue();
    const first = await floor.enqueue(queueId);
    const second = await floor.enqueue(queueId);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await floor.assigneeOf(first.id)).toBeNull();
    await floor.setStatus(agent, 'online');
    await eventually(() => floor.assigneeOf(first.id), 'online', SOON);
    expect(await floor.assigneeOf(second.id)).toBeNull();
    v1.ok(await hub.admin.post(`/v1/conversations/${first.id}/close`));
    await eventually(() => floor.assigneeOf(second.id), 'closed', SOON);
    const third = await floor.enqueue(queueId);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    v1.ok(await hub.admin.post(`/v1/conversations/${second.id}/snooze`, { until }));
    await eventually(() => floor.assigneeOf(third.id), 'snoozed', SOON);
    const fourth = await floor.enqueue(queueId);
    v1.ok(await hub.admin.post(`/v1/conversations/${third.id}/unassign`));
    await eventually(() => floor.assigneeOf(fourth.id), 'unassigned', SOON);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('looks behind an item that nobody can take', async () => {
    const floor = await Floor.open(hub);
    await floor.agents(1);
    const queueId = await floor.queue();
    const [hard] = await floor.crowd(await floor.queue({ strategy: 'manual' }), 1);
    await hub.sql(
      `UPDATE queue_item SET queue_id = $2, skills = '[{"name":"latin","level":1}]' WHERE conversation_id = $1`,
      [hard, v1.uuid(queueId)],
    );
    const easy = await floor.enqueue(queueId);
    await floor.assigned(easy.id);
    expect(await floor.waiting()).toBe(1);
  });

  it('never gives more of a type of channel than an agent takes', async () => {
    const floor = await Floor.open(hub);
    const [agent] = await floor.agents(1, { capacity: 5, perChannel: { api: 2 } });
    const queueId = await floor.queue();
    await floor.crowd(queueId, 4);
    await eventually(async () => (await floor.waiting()) <= 3, 'drained');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await floor.stateOf(agent ?? { uuid: '', id: '' })).toMatchObject({ load: 2 });
    expect(v1.at(await explain(queueId), 'candidates')).toMatchObject([{ outcome: 'full on api', load: 2 }]);
  });

  const explain = async (queueId: string, body: v1.Json = {}): Promise<unknown> =>
    v1.ok(await hub.admin.post(`/v1/queues/${queueId}/explain`, body));

  it.each([
    ['least_loaded', 1],
    ['longest_idle', 2],
    ['skills', 3],
  ])('chooses by %s', async (strategy, wanted) => {
    const floor = await Floor.open(hub);
    const skills = [0, 1, 2, 3].map((i) => [{ name: 'French', level: i === 3 ? 9 : 5 }]);
    const agents = (await Promise.all(skills.map((each) => floor.agents(1, { skills: each })))).flat();
    const queueId = await floor.queue({ strategy, skills: [{ name: 'french', level: 3 }] });
    const manual = await floor.queue({ strategy: 'manual' });
    for (const [i, agent] of agents.entries()) {
      for (let n = 0; n < (i === 1 ? 1 : 2); n++) {
        const { id } = await floor.enqueue(manual);
        v1.ok(await hub.admin.post(`/v1/conversations/${id}/assign`, { assigneeId: agent.id }));
      }
    }
    await hub.sql(
      `UPDATE agent_state SET changed_at = now() - CASE WHEN user_id = $1 THEN 3600 ELSE 60 END * interval '1 second',
         idle_since = NULL, last_assigned_at = NULL WHERE user_id = ANY ($2::uuid[])`,
      [agents[2]?.uuid, agents.map(({ uuid }) => uuid)],
    );
    const untouched = async (): Promise<object> => ({ ...(await v1.checksum(hub)), event: null }); // the relay marks them
    const before = await untouched();
    const [first] = v1.at(await explain(queueId), 'candidates') as v1.Json[];
    expect(first?.['id']).toBe(agents[wanted]?.id);
    expect(await untouched()).toEqual(before);
    const { id } = await floor.enqueue(queueId);
    expect(await floor.assigned(id)).toBe(agents[wanted]?.id);
  });

  it('sticks to the last agent of the contact while they are there, else takes turns', async () => {
    const floor = await Floor.open(hub);
    const agents = await floor.agents(3);
    const queueId = await floor.queue({ strategy: 'sticky' });
    const contactId = (await v1.contact(hub.admin)).id;
    const first = await floor.enqueue(queueId, { contactId });
    const agent = await floor.assigned(first.id);
    for (let i = 0; i < 3; i++) await floor.assigned((await floor.enqueue(queueId)).id);
    v1.ok(await hub.admin.post(`/v1/conversations/${first.id}/close`));
    const again = await floor.enqueue(queueId, { contactId });
    expect(await floor.assigned(again.id)).toBe(agent);
    v1.ok(await hub.admin.post(`/v1/conversations/${again.id}/close`));
    await floor.setStatus(agents.find(({ id }) => id === agent) ?? { uuid: '', id: '' }, 'away');
    const other = await floor.enqueue(queueId, { contactId });
    expect(await floor.assigned(other.id)).not.toBe(agent);
  });

  it('serves a low priority with ageing under a stream of urgent ones', async () => {
    const floor = await Floor.open(hub);
    const [agent] = await floor.agents(1, { capacity: 1 });
    const queueId = await floor.queue({ ageing: 1 });
    const blocker = await floor.enqueue(queueId);
    await floor.assigned(blocker.id);
    const low = await floor.enqueue(queueId, { priority: 'low' });
    let current = blocker.id;
    let served = 0;
    for (; served < 40 && current !== low.id; served++) {
      await floor.enqueue(queueId, { priority: 'urgent' });
      await new Promise((resolve) => setTimeout(resolve, 150));
      v1.ok(await hub.admin.post(`/v1/conversations/${current}/close`));
      current = await eventually(async () => {
        const [row] = await hub.sql<{ id: string }>(
          `SELECT id FROM conversation WHERE assignee_id = $1 AND status = 'open'`,
          [agent?.uuid],
        );
        return row && encodeId('conv', row.id);
      }, 'the next one');
    }
    expect(current).toBe(low.id);
    expect(served).toBeGreaterThan(3);
  });
});

describe('several workers', () => {
  beforeAll(async () => {
    hub = await startHub();
    for (let i = 0; i < 4; i++) await hub.startWorker();
  });
  afterAll(() => hub.stop());

  it('never load anybody above their capacity, give everything as room appears, and fairly', async () => {
    const floor = await Floor.open(hub);
    const agents = await floor.agents(20, { capacity: 5 });
    const queueId = await floor.queue();
    const began = Date.now();
    await floor.crowd(queueId, 500);
    // all are full, and stay so while nothing ends
    await eventually(async () => (await floor.waiting()) === 400, 'all room is used', 60_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const full = await hub.sql<{ load: number }>('SELECT DISTINCT load FROM agent_state');
    expect(full).toEqual([{ load: 5 }]);
    let worst = 0;
    const counts = async (): Promise<Map<string, number>> =>
      new Map(
        (
          await hub.sql<{ id: string; n: number }>(
            `SELECT to_id AS id, count(*)::int AS n FROM assignment WHERE kind = 'auto' GROUP BY 1`,
          )
        ).map(({ id, n }) => [id, n]),
      );
    await eventually(
      async () => {
        const [row] = await hub.sql<{ load: number }>('SELECT max(load + reserved) AS load FROM agent_state');
        worst = Math.max(worst, row?.load ?? 0);
        const each = [...(await counts()).values()];
        if (each.length === agents.length) expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(5);
        const done = await hub.sql<{ id: string }>(
          `SELECT id FROM conversation WHERE assignee_id IS NOT NULL AND status = 'open' ORDER BY random() LIMIT 25`,
        );
        await Promise.all(done.map(({ id }) => hub.admin.post(`/v1/conversations/${encodeId('conv', id)}/close`)));
        return (await floor.waiting()) === 0;
      },
      'everything is given',
      150_000,
    );
    console.log(`500 conversations drained with closings in ${Date.now() - began} ms, worst load ${worst}`);
    expect(worst).toBeLessThanOrEqual(5);
    // by the final history, at every instant: of each agent never more than five at once
    const [peak] = await hub.sql<{ peak: number }>(`
      SELECT max(n)::int AS peak FROM (
        SELECT sum(step) OVER (PARTITION BY who ORDER BY at, step) AS n FROM (
          SELECT to_id AS who, created_at AS at, 1 AS step FROM assignment WHERE to_id IS NOT NULL
          UNION ALL SELECT a.to_id, c.closed_at, -1 FROM assignment a JOIN conversation c ON c.id = a.conversation_id
            WHERE a.to_id IS NOT NULL AND c.closed_at IS NOT NULL) AS steps) AS running`);
    expect(peak?.peak).toBeLessThanOrEqual(5);
    const [twice] = await hub.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM (SELECT 1 FROM assignment WHERE kind = 'auto' GROUP BY conversation_id HAVING count(*) > 1) AS t`,
    );
    expect(twice?.n).toBe(0);
    expect([...(await counts()).values()].reduce((a, b) => a + b, 0)).toBe(500);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('take turns: with room for all, nobody gets two more than another', async () => {
    const floor = await Floor.open(hub);
    const agents = await floor.agents(20, { capacity: 100 });
    const queueId = await floor.queue();
    const began = Date.now();
    await floor.crowd(queueId, 500);
    await eventually(async () => (await floor.waiting()) === 0, 'everything is given', 120_000);
    console.log(`500 conversations drained by four workers in ${Date.now() - began} ms`);
    const rows = await hub.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM assignment WHERE kind = 'auto' AND to_id = ANY ($1::uuid[]) GROUP BY to_id`,
      [agents.map(({ uuid }) => uuid)],
    );
    const each = rows.map(({ n }) => n);
    expect(each.length).toBe(20);
    expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
    expect(await floor.contradictions()).toEqual([]);
  });
});

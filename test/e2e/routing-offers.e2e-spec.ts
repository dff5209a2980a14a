import { jest } from '@jest/globals';
import type { ApiClient, Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { startProcess } from '../support/processes.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { Floor, type Agent } from './routing-fixtures.js';

jest.setTimeout(120_000);

let hub: Hub;
type Person = Agent & { api: ApiClient };

const offersOf = async ({ api }: Person): Promise<Resource[]> => (await api.get<Resource[]>('/v1/me/offers')).data;
const offered = (person: Person, timeoutMs = 5_000): Promise<Resource> =>
  eventually(async () => (await offersOf(person))[0], 'an offer', timeoutMs);
const eventTypes = async (id: string): Promise<unknown[]> =>
  (await v1.events(hub, id)).map(({ body }) => v1.at(body, 'type'));

describe('offers', () => {
  let floor: Floor;
  let one: Person;
  let two: Person;

  beforeAll(async () => {
    hub = await startHub({ worker: true });
  });
  afterAll(() => hub.stop());
  beforeEach(async () => {
    floor = await Floor.open(hub);
    one = await floor.person({ name: 'One', capacity: 1 });
    two = await floor.person({ name: 'Two', capacity: 1, status: 'offline' });
  });

  const queue = (fields: object = {}): Promise<string> => floor.queue({ offerTimeout: 30, ...fields });

  it('take up room until they are answered; accepted, the conversation is the agent’s', async () => {
    const queueId = await queue();
    const { id } = await floor.enqueue(queueId);
    const offer = await offered(one);
    expect(offer).toMatchObject({
      type: 'offer',
      attributes: { kind: 'queue', state: 'open', user: { id: one.id }, conversation: { id }, queue: { id: queueId } },
    });
    expect(await floor.stateOf(one)).toMatchObject({ load: 0, reserved: 1 });
    expect(await floor.assigneeOf(id)).toBeNull();
    v1.expectError(await two.api.post(`/v1/offers/${offer.id}/accept`), 404, 'RESOURCE_NOT_FOUND');
    v1.expectError(await hub.admin.post(`/v1/offers/${offer.id}/accept`), 404, 'RESOURCE_NOT_FOUND');
    const answer = await one.api.post(`/v1/offers/${offer.id}/accept`);
    expect(v1.attributes(v1.ok(answer))).toMatchObject({ state: 'accepted' });
    expect(await floor.assigneeOf(id)).toBe(one.id);
    expect(await floor.stateOf(one)).toMatchObject({ load: 1, reserved: 0 });
    v1.expectError(await one.api.post(`/v1/offers/${offer.id}/accept`), 409, 'OFFER_EXPIRED');
    v1.expectError(await one.api.post(`/v1/offers/${offer.id}/decline`, {}), 409, 'OFFER_EXPIRED');
    expect(await offersOf(one)).toEqual([]);
    expect((await floor.assignments(id))[0]).toMatchObject({
      kind: 'offer',
      overCapacity: false,
      decision: { strategy: 'round_robin', candidates: [{ id: one.id, outcome: 'chosen' }, { outcome: 'offline' }] },
    });
    expect(await eventTypes(id)).toEqual([
      'conversation.created',
      'conversation.updated',
      'assignment.offered',
      'assignment.accepted',
      'conversation.assigned',
    ]);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('go to the next one when declined, and round again when all have passed', async () => {
    await floor.setStatus(two, 'online');
    const { id } = await floor.enqueue(await queue());
    const [first, second] = await eventually(async () => {
      const [a, b] = [await offersOf(one), await offersOf(two)];
      return a.length > 0 ? ([one, two] as const) : b.length > 0 ? ([two, one] as const) : null;
    }, 'an offer');
    const [offer] = await offersOf(first);
    const declined = await first.api.post(`/v1/offers/${offer?.id}/decline`, { reason: 'In a call' });
    expect(v1.attributes(v1.ok(declined))).toMatchObject({ state: 'declined', reason: 'In a call' });
    const next = await offered(second, 1_000);
    v1.ok(await second.api.post(`/v1/offers/${next.id}/decline`));
    const anew = await eventually(
      async () => (await offersOf(one))[0] ?? (await offersOf(two))[0],
      'a new round',
      10_000,
    );
    expect(v1.at(anew, 'attributes.conversation.id')).toBe(id);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('left unanswered go to the next one within a second; after so many in a row the agent is away', async () => {
    const { id } = await floor.enqueue(await queue({ offerTimeout: 1, maxMisses: 2 }));
    const offer = await offered(one);
    await eventually(async () => (await floor.stateOf(one)).misses === 1, 'a miss', 2_000);
    v1.expectError(await one.api.post(`/v1/offers/${offer.id}/accept`), 409, 'OFFER_EXPIRED');
    await floor.setStatus(two, 'online');
    const next = await offered(two, 2_000);
    v1.ok(await two.api.post(`/v1/offers/${next.id}/accept`));
    expect(await floor.assigneeOf(id)).toBe(two.id);
    const other = await floor.enqueue(await queue({ offerTimeout: 1, maxMisses: 2 }));
    await offered(one);
    await eventually(async () => (await floor.stateOf(one)).status === 'away', 'away', 3_000);
    expect(await floor.stateOf(one)).toMatchObject({ reason: 'misses', misses: 0, reserved: 0 });
    expect(await eventTypes(other.id)).toContain('assignment.expired');
    expect(await floor.contradictions()).toEqual([]);
  });

  it('of a broadcast: the first of twenty parallel answers gets it, the others are too late', async () => {
    await floor.setStatus(two, 'online');
    const { id } = await floor.enqueue(await queue({ strategy: 'broadcast', offerTimeout: 0 }));
    const [mine, theirs] = [await offered(one), await offered(two)];
    expect(await floor.stateOf(one)).toMatchObject({ reserved: 0 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 ? one.api.post(`/v1/offers/${mine.id}/accept`) : two.api.post(`/v1/offers/${theirs.id}/accept`),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ error }) => error?.code === 'OFFER_EXPIRED')).toHaveLength(19);
    expect([one.id, two.id]).toContain(await floor.assigneeOf(id));
    expect([await offersOf(one), await offersOf(two)]).toEqual([[], []]);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('are taken back when the conversation is closed or given to somebody', async () => {
    const { id } = await floor.enqueue(await queue());
    const offer = await offered(one);
    v1.ok(await hub.admin.post(`/v1/conversations/${id}/close`));
    v1.expectError(await one.api.post(`/v1/offers/${offer.id}/accept`), 409, 'OFFER_EXPIRED');
    expect(await floor.stateOf(one)).toMatchObject({ load: 0, reserved: 0 });
    const other = await floor.enqueue(await queue());
    const again = await offered(one);
    v1.ok(await hub.admin.post(`/v1/conversations/${other.id}/assign`, { assigneeId: two.id }));
    v1.expectError(await one.api.post(`/v1/offers/${again.id}/accept`), 409, 'OFFER_EXPIRED');
    expect(await floor.contradictions()).toEqual([]);
  });

  it('refuse what is no offer', async () => {
    for (const id of ['offer_01h455vb4pex5vsknk084sn02q', 'offer_x', 'queue_01h455vb4pex5vsknk084sn02q']) {
      v1.expectError(await one.api.post(`/v1/offers/${id}/accept`), 404, 'RESOURCE_NOT_FOUND');
      v1.expectError(await one.api.post(`/v1/offers/${id}/decline`, {}), 404, 'RESOURCE_NOT_FOUND');
    }
    const bad = await one.api.post('/v1/offers/offer_01h455vb4pex5vsknk084sn02q/decline', { reason: 7 });
    v1.expectError(bad, 400, 'VALIDATION_ERROR', 'reason');
    v1.expectError(await one.api.get('/v1/me/offers?cursor=nonsense'), 400, 'VALIDATION_ERROR', 'cursor');
    expect(await offersOf({ ...one, api: hub.admin })).toEqual([]);
  });

  describe('of a warm transfer', () => {
    const transfer = (id: string, to: string, more: object = {}) =>
      one.api.post(`/v1/conversations/${id}/transfer`, { toAssigneeId: to, mode: 'warm', ...more });
    const mine = async (): Promise<string> =>
      (await v1.conversation(hub.admin, { channelId: floor.channelId, assigneeId: one.id })).id;

    it('leave it with the source until accepted; the target then finds the summary', async () => {
      await floor.setStatus(two, 'online');
      const id = await mine();
      const sent = await transfer(id, two.id, { reason: 'Billing', summary: 'Wants a refund', notifyContact: true });
      expect(v1.at(v1.ok(sent), 'attributes.assignee.id')).toBe(one.id);
      const offer = await offered(two);
      expect(v1.attributes(offer)).toMatchObject({
        kind: 'transfer',
        transfer: { by: { id: one.id }, reason: 'Billing', summary: 'Wants a refund', notifyContact: true },
      });
      v1.ok(await two.api.post(`/v1/offers/${offer.id}/accept`));
      expect(await floor.assigneeOf(id)).toBe(two.id);
      const { data } = await hub.admin.get<Resource[]>(`/v1/conversations/${id}/messages`);
      expect(data.map((each) => v1.at(each, 'attributes.content.text'))).toEqual([
        'Wants a refund',
        'You are now talking to Two.',
      ]);
      expect((await floor.assignments(id))[0]).toMatchObject({
        kind: 'transfer',
        from: { id: one.id },
        to: { id: two.id },
        reason: 'Billing',
        summary: 'Wants a refund',
      });
      const types = await eventTypes(id);
      const at = types.indexOf('assignment.accepted');
      expect(types[at + 1]).toBe('conversation.transferred');
    });

    it('declined leave it where it is', async () => {
      await floor.setStatus(two, 'online');
      const id = await mine();
      v1.ok(await transfer(id, two.id));
      const offer = await offered(two);
      v1.ok(await two.api.post(`/v1/offers/${offer.id}/decline`, { reason: 'No' }));
      expect(await floor.assigneeOf(id)).toBe(one.id);
      expect((await eventTypes(id)).at(-1)).toBe('assignment.declined');
      expect(await floor.contradictions()).toEqual([]);
    });

    it('are refused where the target is not there, or is none that could answer', async () => {
      const id = await mine();
      const before = await eventTypes(id);
      v1.expectError(await transfer(id, two.id), 422, 'ASSIGNEE_UNAVAILABLE');
      v1.expectError(await transfer(id, await queue()), 400, 'VALIDATION_ERROR', 'mode');
      v1.expectError(await transfer(id, (await v1.bot(hub.admin)).id), 400, 'VALIDATION_ERROR', 'mode');
      v1.expectError(await transfer(id, two.id, { mode: 'hot' }), 400, 'VALIDATION_ERROR', 'mode');
      expect(await eventTypes(id)).toEqual(before);
    });
  });
});

describe('a worker that is killed while it offers', () => {
  it('leaves no room taken: another one goes on', async () => {
    hub = await startHub();
    const floor = await Floor.open(hub);
    const agents = await floor.agents(5, { capacity: 3 });
    const queueId = await floor.queue({ offerTimeout: 1, maxMisses: 0 });
    const settings = { databaseUrl: hub.database.databaseUrl, redisUrl: hub.database.redisUrl };
    await floor.crowd(queueId, 60);
    for (let round = 0; round < 3; round++) {
      const worker = await startProcess('worker', settings);
      await new Promise((resolve) => setTimeout(resolve, 300 + round * 250));
      await worker.kill();
      expect(await floor.contradictions()).toEqual([]);
      const [most] = await hub.sql<{ n: number }>('SELECT max(load + reserved)::int AS n FROM agent_state');
      expect(most?.n).toBeLessThanOrEqual(3);
    }
    await hub.sql(`UPDATE queue SET offer_timeout = 0 WHERE id = $1`, [v1.uuid(queueId)]);
    await hub.startWorker();
    await eventually(async () => (await floor.waiting()) === 45, 'all room is used', 30_000);
    for (const agent of agents) expect(await floor.stateOf(agent)).toMatchObject({ load: 3, reserved: 0 });
    expect(await floor.contradictions()).toEqual([]);
    await hub.stop();
  });
});

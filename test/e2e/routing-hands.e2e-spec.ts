import { jest } from '@jest/globals';
import { RoutingService } from '@hub/assignment/routing/routing.service.js';
import { encodeId } from '@hub/platform/ids.js';
import type { Answer, Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { Floor } from './routing-fixtures.js';

jest.setTimeout(120_000);

let hub: Hub;
let floor: Floor;
let worker: Awaited<ReturnType<Hub['startWorker']>>;

beforeAll(async () => {
  hub = await startHub();
  worker = await hub.startWorker();
});
afterAll(() => hub.stop());
beforeEach(async () => {
  floor = await Floor.open(hub);
});

const act = (id: string, action: string, body: object = {}, api = hub.admin): Promise<Answer> =>
  api.post(`/v1/conversations/${id}/${action}`, body);
const open = async (fields: v1.Json = {}): Promise<string> =>
  (await v1.conversation(hub.admin, { channelId: floor.channelId, ...fields })).id;
const eventTypes = async (id: string): Promise<unknown[]> =>
  (await v1.events(hub, id)).map(({ body }) => v1.at(body, 'type'));

describe('claiming', () => {
  it('200 at once of one conversation: one gets it, the others are told who', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => floor.person()));
    const queueId = await floor.queue({ strategy: 'manual' });
    const { id } = await floor.enqueue(queueId);
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const person = people[i % people.length];
        return { person, answer: await act(id, 'claim', {}, person?.api) };
      }),
    );
    const winners = new Set(answers.filter(({ answer }) => answer.status === 200).map(({ person }) => person?.id));
    expect(winners.size).toBe(1);
    const [winner] = winners;
    for (const { person, answer } of answers) {
      if (person?.id === winner) expect(answer.status).toBe(200);
      else {
        v1.expectError(answer, 409, 'ALREADY_ASSIGNED', 'assignee');
        expect(answer.error).toMatchObject({ assignee: { id: winner, type: 'user', name: 'Somebody' } });
      }
    }
    expect(answers.filter(({ answer }) => answer.status === 409)).toHaveLength(190);
    expect((await floor.assignments(id)).filter(({ kind }) => kind === 'claim')).toHaveLength(1);
    expect((await eventTypes(id)).filter((type) => type === 'conversation.assigned')).toHaveLength(1);
    expect(await floor.waiting()).toBe(0);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('is refused of what is closed, has somebody, is elsewhere, has changed, or by a key that is nobody’s', async () => {
    const person = await floor.person();
    const other = await floor.person({ name: 'Other' });
    const id = await open({ assigneeId: other.id });
    v1.expectError(await act(id, 'claim', {}, person.api), 409, 'ALREADY_ASSIGNED', 'assignee');
    v1.expectError(await act(id, 'claim'), 403, 'INSUFFICIENT_PERMISSIONS');
    v1.ok(await act(id, 'close'));
    v1.expectError(await act(id, 'claim', {}, person.api), 409, 'CONVERSATION_CLOSED');
    v1.expectError(await act(id, 'claim', {}, other.api), 409, 'CONVERSATION_CLOSED');
    v1.expectError(
      await act('conv_01h455vb4pex5vsknk084sn02q', 'claim', {}, person.api),
      404,
      'CONVERSATION_NOT_FOUND',
    );
    const stranger = await v1.conversation(await hub.newOrganization('Stranger'));
    v1.expectError(await act(stranger.id, 'claim', {}, person.api), 404, 'CONVERSATION_NOT_FOUND');
    const free = await open();
    v1.expectError(await act(free, 'claim', { expectedVersion: 99 }, person.api), 412, 'VERSION_MISMATCH');
    expect(await floor.assigneeOf(free)).toBeNull();
  });

  it('may exceed a capacity, as may assigning, and says so', async () => {
    const person = await floor.person({ capacity: 0 });
    const [first, second] = [await open(), await open()];
    v1.ok(await act(first, 'claim', {}, person.api));
    v1.ok(await act(second, 'assign', { assigneeId: person.id }));
    for (const id of [first, second]) {
      expect((await floor.assignments(id))[0]).toMatchObject({ overCapacity: true });
      const [told] = (await v1.events(hub, id)).slice(-1);
      expect(v1.at(told?.body, 'meta.changes.overCapacity')).toEqual({ before: null, after: true });
    }
    const { id: waits } = await floor.enqueue(await floor.queue());
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await floor.assigneeOf(waits)).toBeNull();
  });
});

describe('giving to teams and queues', () => {
  it('a team: its oldest queue; without one, the least loaded member who is there', async () => {
    const [busy, idle] = await floor.agents(2);
    await floor.agents(1, { status: 'offline' });
    const team = encodeId('team', floor.team);
    const load = await open();
    v1.ok(await act(load, 'assign', { assigneeId: busy?.id }));
    const id = await open();
    expect(v1.at(v1.ok(await act(id, 'assign', { assigneeId: team, note: 'n' })), 'attributes.assignee.id')).toBe(
      idle?.id,
    );
    const queueId = await floor.queue({ strategy: 'manual' });
    await floor.queue({ strategy: 'manual' });
    const moved = v1.ok(await act(id, 'transfer', { toAssigneeId: team, reason: 'Elsewhere', summary: 'Look' }));
    expect(v1.at(moved, 'attributes.assignee')).toBeNull();
    const [last] = await floor.assignments(id);
    expect(last).toMatchObject({
      kind: 'transfer',
      to: null,
      from: { id: idle?.id },
      queue: { id: queueId },
      team: { id: team },
    });
    const [told] = (await v1.events(hub, id)).slice(-1);
    expect(told?.body).toMatchObject({
      type: 'conversation.transferred',
      meta: { changes: { queue: { before: null, after: { id: queueId } }, reason: { after: 'Elsewhere' } } },
    });
    const before = await eventTypes(id);
    v1.ok(await act(id, 'transfer', { toAssigneeId: queueId }));
    v1.ok(await act(id, 'assign', { assigneeId: queueId }));
    expect(await eventTypes(id)).toEqual(before);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('nobody there, a removed or another organization’s one, an inactive bot: nothing changes', async () => {
    await floor.agents(1, { status: 'away' });
    const id = await open();
    const team = encodeId('team', floor.team);
    const before = await eventTypes(id);
    v1.expectError(await act(id, 'assign', { assigneeId: team }), 422, 'ASSIGNEE_UNAVAILABLE');
    const queueId = await floor.queue();
    await hub.sql('UPDATE queue SET deleted_at = now() WHERE id = $1', [v1.uuid(queueId)]);
    v1.expectError(await act(id, 'assign', { assigneeId: queueId }), 404, 'QUEUE_NOT_FOUND', 'assigneeId');
    const bot = await v1.bot(hub.admin);
    v1.ok(await hub.admin.post(`/v1/bots/${bot.id}/deactivate`));
    v1.expectError(await act(id, 'assign', { assigneeId: bot.id }), 422, 'ASSIGNEE_UNAVAILABLE');
    v1.expectError(await act(id, 'transfer', { toAssigneeId: bot.id }), 422, 'ASSIGNEE_UNAVAILABLE');
    const foreign = await hub.newOrganization('Foreign');
    const own = await v1.conversation(foreign);
    const theirs = await floor.queue();
    v1.expectError(await act(own.id, 'assign', { assigneeId: theirs }, foreign), 404, 'QUEUE_NOT_FOUND', 'assigneeId');
    v1.expectError(await act(own.id, 'assign', { assigneeId: team }, foreign), 404, 'TEAM_NOT_FOUND', 'assigneeId');
    v1.expectError(await foreign.post(`/v1/queues/${theirs}/explain`), 404, 'QUEUE_NOT_FOUND');
    v1.ok(await act(id, 'close'));
    v1.expectError(await act(id, 'assign', { assigneeId: theirs }), 409, 'CONVERSATION_CLOSED');
    expect(await eventTypes(id)).toEqual([...before, 'conversation.closed']);
  });

  it('passed on to a queue, it does not come straight back to whoever passed it on', async () => {
    const [one] = await floor.agents(1);
    const queueId = await floor.queue();
    const { id } = await floor.enqueue(queueId);
    expect(await floor.assigned(id)).toBe(one?.id);
    const [two] = await floor.agents(1);
    v1.ok(await act(id, 'transfer', { toAssigneeId: queueId, notifyContact: true }));
    expect(await floor.assigned(id)).toBe(two?.id);
    expect((await floor.assignments(id)).map(({ kind }) => kind)).toEqual(['auto', 'transfer', 'auto', 'queue']);
    expect(await floor.contradictions()).toEqual([]);
  });
});

describe('coming back', () => {
  it('from an agent who goes away and gives them back: the open ones, within a second, once', async () => {
    const [one, two] = await floor.agents(2, { capacity: 20 });
    if (!one || !two) throw new Error('nobody');
    await floor.setStatus(two, 'offline');
    const queueId = await floor.queue();
    const ids = await Promise.all(Array.from({ length: 8 }, async () => (await floor.enqueue(queueId)).id));
    for (const id of ids) expect(await floor.assigned(id)).toBe(one.id);
    const [pending = '', snoozed = '', ...others] = ids;
    const until = new Date(Date.now() + 3_600_000).toISOString();
    v1.ok(await hub.admin.patch(`/v1/conversations/${pending}`, { status: 'pending' }));
    v1.ok(await act(snoozed, 'snooze', { until }));
    await floor.setStatus(two, 'online');
    const began = Date.now();
    await floor.setStatus(one, 'away', true);
    await eventually(async () => (await floor.stateOf(one)).load === 1, 'they have left', 5_000);
    const took = Date.now() - began;
    for (const id of others) expect(await floor.assigned(id)).toBe(two.id);
    expect(await floor.assigneeOf(pending)).toBe(one.id);
    expect(await floor.assigneeOf(snoozed)).toBe(one.id);
    for (const id of others) {
      const kinds = (await floor.assignments(id)).map(({ kind }) => kind);
      expect(kinds).toEqual(['auto', 'return', 'auto', 'queue']);
    }
    console.log(`six conversations left an agent within ${took} ms`);
    expect(took).toBeLessThan(2_000);
    expect(await floor.contradictions()).toEqual([]);
  });

  it('from an agent who says nothing: in the same place, to somebody else; not from one who has written', async () => {
    const person = await floor.person({ capacity: 1 });
    const queueId = await floor.queue({ returnTimeout: 1 });
    const { id } = await floor.enqueue(queueId);
    expect(await floor.assigned(id)).toBe(person.id);
    const [auto] = await floor.assignments(id);
    expect(auto?.['returnAt']).not.toBeNull();
    const [other] = await floor.agents(1);
    await eventually(async () => (await floor.assigneeOf(id)) === other?.id, 'returned', 4_000);
    const [, back] = await floor.assignments(id);
    expect(back).toMatchObject({ kind: 'return', from: { id: person.id }, waitingSince: auto?.['waitingSince'] });
    const second = await floor.enqueue(queueId);
    expect(await floor.assigned(second.id)).toBe(person.id);
    v1.ok(await v1.say(person.api, second.id, 'Hello'));
    await eventually(async () => (await floor.assignments(second.id))[0]?.['returnAt'] === null, 'is done', 4_000);
    expect(await floor.assigneeOf(second.id)).toBe(person.id);
  });

  it('reopened by its contact: the agent who is there and has room keeps it, nobody who is not', async () => {
    const routing = worker.get(RoutingService, { strict: false });
    const [one, two] = await floor.agents(2, { capacity: 2 });
    if (!one || !two) throw new Error('nobody');
    const queueId = await floor.queue({ stickyWindow: 60 });
    await floor.setStatus(two, 'offline');
    const closed = async (): Promise<string> => {
      const { id } = await floor.enqueue(queueId);
      await floor.assigned(id);
      v1.ok(await act(id, 'close'));
      return id;
    };
    const [kept, late, left] = [await closed(), await closed(), await closed()];
    const reopen = async (id: string): Promise<void> => {
      v1.ok(await act(id, 'reopen'));
      await routing.onReopened(floor.organization, v1.uuid(id));
    };
    await reopen(kept);
    expect(await floor.assigneeOf(kept)).toBe(one.id);
    await hub.sql(
      `UPDATE event SET created_at = created_at - interval '2 minutes' WHERE order_key = $1 AND type = 'conversation.closed'`,
      [v1.uuid(late)],
    );
    await floor.setStatus(one, 'offline');
    await floor.setStatus(two, 'online');
    await reopen(late);
    expect(await floor.assigned(late)).toBe(two.id);
    await floor.setStatus(two, 'away');
    await reopen(left);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await floor.assigneeOf(left)).toBeNull();
    expect((await floor.assignments(left))[0]).toMatchObject({ kind: 'reopen', queue: { id: queueId }, to: null });
    const unrouted = await open({ assigneeId: one.id });
    v1.ok(await act(unrouted, 'close'));
    await reopen(unrouted);
    expect(await floor.assigneeOf(unrouted)).toBeNull();
    expect(await floor.contradictions()).toEqual([]);
  });
});

describe('explaining', () => {
  it('refuses what it cannot understand', async () => {
    const queueId = await floor.queue();
    const ask = (body: v1.Json, id = queueId): Promise<Answer> => hub.admin.post(`/v1/queues/${id}/explain`, body);
    v1.expectError(await ask({ channelType: 'smoke' }), 400, 'VALIDATION_ERROR', 'channelType');
    v1.expectError(await ask({ skills: [{ level: 1 }] }), 400, 'VALIDATION_ERROR', 'skills.0.name');
    v1.expectError(await ask({ conversationId: 'conv_01h455vb4pex5vsknk084sn02q' }), 404, 'CONVERSATION_NOT_FOUND');
    v1.expectError(await ask({}, 'queue_x'), 404, 'QUEUE_NOT_FOUND');
    const { data } = await ask({});
    expect(data as Resource & object).toMatchObject({ outcome: 'wait', considered: 0, eligible: 0, candidates: [] });
  });
});

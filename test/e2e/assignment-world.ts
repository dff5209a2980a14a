import fc from 'fast-check';
import { encodeId, newId } from '@hub/platform/ids.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { Answer, ApiClient } from '../support/api-client.js';
import type { Hub } from '../support/harness.js';
import { Floor, type Agent } from './routing-fixtures.js';

const AGENTS = 3;
const PERSONS = 4;
const QUEUES = [
  { strategy: 'round_robin' },
  { strategy: 'least_loaded', offerTimeout: 600, maxMisses: 2 },
  { strategy: 'broadcast', offerTimeout: 600 },
  { strategy: 'manual' },
  { strategy: 'sticky', returnTimeout: 600 },
  { strategy: 'skills', ageing: 60, skills: [{ name: 'latin', level: 1 }] },
];
/** What a command may be refused with: it came too late, or asked for what is not to be had. */
const REFUSALS = new Set([
  'ALREADY_ASSIGNED',
  'ASSIGNEE_UNAVAILABLE',
  'CONVERSATION_CLOSED',
  'CONVERSATION_EXISTS',
  'OFFER_EXPIRED',
  'RESOURCE_NOT_FOUND',
]);

const agent = fc.nat(AGENTS - 1);
const queue = fc.nat(QUEUES.length - 1);
const which = fc.nat(7);
const target = fc.oneof(
  fc.record({ to: fc.constant('user' as const), n: agent }),
  fc.record({ to: fc.constant('queue' as const), n: queue }),
  fc.record({ to: fc.constant('team' as const), n: fc.nat(1) }),
);

const COMMANDS = {
  open: fc.record({
    do: fc.constant('open' as const),
    queue: fc.option(queue),
    priority: fc.constantFrom('low', 'urgent'),
  }),
  inbound: fc.record({ do: fc.constant('inbound' as const), person: fc.nat(PERSONS - 1) }),
  assign: fc.record({ do: fc.constant('assign' as const), which, target }),
  claim: fc.record({ do: fc.constant('claim' as const), which, agents: fc.integer({ min: 1, max: AGENTS }) }),
  transfer: fc.record({ do: fc.constant('transfer' as const), which, target, mode: fc.constantFrom('cold', 'warm') }),
  say: fc.record({ do: fc.constant('say' as const), which, agent }),
  status: fc.record({ do: fc.constant('status' as const), which, status: fc.constantFrom('open', 'pending') }),
  act: fc.record({
    do: fc.constantFrom('unassign' as const, 'close' as const, 'reopen' as const, 'snooze' as const),
    which,
  }),
  answer: fc.record({ do: fc.constantFrom('accept' as const, 'decline' as const), agent }),
  presence: fc.record({
    do: fc.constant('presence' as const),
    agent,
    status: fc.constantFrom('online', 'online', 'busy', 'away', 'offline'),
    reassigns: fc.boolean(),
  }),
  overdue: fc.record({ do: fc.constantFrom('expire' as const, 'silence' as const, 'wake' as const) }),
};
const limits = fc.record({
  do: fc.constant('limits' as const),
  agent,
  capacity: fc.integer({ min: 0, max: 4 }),
  ofChannel: fc.option(fc.integer({ min: 0, max: 3 })),
  latin: fc.option(fc.integer({ min: 1, max: 3 })),
});
const { open, inbound, answer, ...others } = COMMANDS;
const any = fc.oneof(
  { weight: 4, arbitrary: open },
  { weight: 2, arbitrary: inbound },
  { weight: 3, arbitrary: answer },
  { weight: 2, arbitrary: which.map((n) => ({ do: 'close' as const, which: n })) },
  ...Object.values(others).map((arbitrary) => ({ weight: 1, arbitrary: arbitrary as fc.Arbitrary<Command> })),
);

type Of<A> = A extends fc.Arbitrary<infer T> ? T : never;
export type Command = Of<(typeof COMMANDS)[keyof typeof COMMANDS]> | Of<typeof limits>;
type Target = Of<typeof target>;

/** What is done at once. Limits change by themselves: the witness of the capacities reads them without a lock. */
export const step = fc.oneof(
  { weight: 5, arbitrary: fc.array(any, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: limits.map((one): Command[] => [one]) },
);

/** A floor on which commands are done as they come, whatever state they find. */
export class World {
  private readonly secondTeam = newId();
  private readonly queues: string[] = [];
  readonly people: (Agent & { api: ApiClient })[] = [];
  private conversations: string[] = [];

  private constructor(
    readonly hub: Hub,
    readonly floor: Floor,
  ) {}

  static async open(hub: Hub): Promise<World> {
    const world = new World(hub, await Floor.open(hub));
    const { floor } = world;
    for (const fields of QUEUES) world.queues.push(await floor.queue(fields));
    for (let i = 0; i < AGENTS; i++) world.people.push(await floor.person({ name: `Agent ${i}` }));
    await hub.sql('INSERT INTO team (organization_id, id, name) VALUES ($1, $2, $3)', [
      floor.organization,
      world.secondTeam,
      world.secondTeam,
    ]);
    await hub.sql('INSERT INTO team_member SELECT organization_id, $2, user_id FROM team_member WHERE team_id = $1', [
      floor.team,
      world.secondTeam,
    ]);
    return world;
  }

  /** As at the beginning: nothing is open, everybody is there with room for two. */
  async reset(): Promise<void> {
    for (const id of await this.known()) v1.ok(await this.hub.admin.post(`/v1/conversations/${id}/close`));
    await this.hub.sql(
      `UPDATE users SET capacity = '{"total":2,"perChannel":{}}', skills = '[]' WHERE id = ANY ($1::uuid[])`,
      [this.people.map(({ uuid }) => uuid)],
    );
    await this.hub.sql(`UPDATE agent_state SET status = 'online', reassigns = false, misses = 0, reason = NULL`);
    this.conversations = [];
  }

  /** Those of this round, whoever has opened them. */
  async known(): Promise<string[]> {
    const rows = await this.hub.sql<{ id: string }>(
      `SELECT id FROM conversation WHERE organization_id = $1 AND (status <> 'closed' OR id = ANY ($2::uuid[])) ORDER BY id`,
      [this.floor.organization, this.conversations.map(v1.uuid)],
    );
    return (this.conversations = rows.map(({ id }) => encodeId('conv', id)));
  }

  /** @throws Error when one is refused for a reason that it should not have */
  async doAtOnce(commands: readonly Command[]): Promise<void> {
    await this.known();
    const answers = await Promise.all(commands.map((command) => this.do(command)));
    answers.flat().forEach((answer) => {
      if (answer.status < 300 || REFUSALS.has(answer.error.code)) return;
      throw new Error(`${JSON.stringify(commands)}: ${answer.status} ${answer.text}`);
    });
  }

  private async do(command: Command): Promise<Answer<unknown>[]> {
    const { admin } = this.hub;
    switch (command.do) {
      case 'open': {
        const { channelId } = this.floor;
        const assigneeId = command.queue === null ? undefined : this.queues[command.queue];
        const contact = { phone: v1.newPhone() };
        return [await admin.post('/v1/conversations', { channelId, contact, priority: command.priority, assigneeId })];
      }
      case 'inbound': {
        const contact = { externalId: `person of the world ${command.person}` };
        return [await v1.inbound(admin, this.floor.channelId, { contact })];
      }
      case 'presence': {
        const { agent, status, reassigns } = command;
        await this.floor.setStatus(this.person(agent), status, status !== 'online' && reassigns);
        return [];
      }
      case 'limits':
        await this.limit(command);
        return [];
      case 'accept':
      case 'decline': {
        const { api } = this.person(command.agent);
        const offers = v1.ok(await api.get<{ id: string }[]>('/v1/me/offers'));
        return offers[0] ? [await api.post(`/v1/offers/${offers[0].id}/${command.do}`)] : [];
      }
      case 'expire':
        await this.hub.sql(`UPDATE offer SET expires_at = now() - interval '1 second' WHERE state = 'open'`);
        return [];
      case 'silence':
        await this.hub.sql(
          `UPDATE assignment SET return_at = now() - interval '1 second' WHERE ended_at IS NULL AND return_at IS NOT NULL`,
        );
        return [];
      case 'wake':
        await this.hub.sql(
          `UPDATE conversation SET snoozed_until = now() - interval '1 second' WHERE status = 'snoozed'`,
        );
        return [];
      case 'assign':
      case 'claim':
      case 'transfer':
      case 'say':
      case 'status':
      case 'unassign':
      case 'close':
      case 'reopen':
      case 'snooze':
        return this.onConversation(command);
    }
  }

  private async onConversation(command: Extract<Command, { which: number }>): Promise<Answer<unknown>[]> {
    const id = this.conversations[command.which % Math.max(1, this.conversations.length)];
    if (!id) return [];
    const { admin } = this.hub;
    const path = `/v1/conversations/${id}`;
    switch (command.do) {
      case 'claim':
        return Promise.all(this.people.slice(0, command.agents).map(({ api }) => api.post(`${path}/claim`)));
      case 'assign':
        return [await admin.post(`${path}/assign`, { assigneeId: this.idOf(command.target) })];
      case 'transfer': {
        const isWarm = command.mode === 'warm' && command.target.to === 'user';
        const body = { toAssigneeId: this.idOf(command.target), mode: isWarm ? 'warm' : 'cold', summary: 'A summary' };
        return [await this.person(0).api.post(`${path}/transfer`, body)];
      }
      case 'say':
        return [await v1.say(this.person(command.agent).api, id, 'Hello')];
      case 'status':
        return [await admin.patch(path, { status: command.status })];
      case 'snooze':
        return [await admin.post(`${path}/snooze`, { until: new Date(Date.now() + 3_600_000).toISOString() })];
      case 'unassign':
      case 'close':
      case 'reopen':
        return [await admin.post(`${path}/${command.do}`)];
    }
  }

  private async limit({ agent, capacity, ofChannel, latin }: Of<typeof limits>): Promise<void> {
    const { uuid } = this.person(agent);
    const perChannel = ofChannel === null ? {} : { api: ofChannel };
    await this.hub.sql('UPDATE users SET capacity = $2, skills = $3 WHERE id = $1', [
      uuid,
      JSON.stringify({ total: capacity, perChannel }),
      JSON.stringify(latin === null ? [] : [{ name: 'Latin', level: latin }]),
    ]);
    await this.hub.sql(`SELECT pg_notify('switchboard_routing', $1)`, [`user:${this.floor.organization}:${uuid}`]);
  }

  private idOf({ to, n }: Target): string {
    if (to === 'user') return this.person(n).id;
    if (to === 'queue') return this.queues[n] ?? '';
    return encodeId('team', n === 0 ? this.floor.team : this.secondTeam);
  }

  private person(n: number): Agent & { api: ApiClient } {
    const found = this.people[n];
    if (!found) throw new Error(`There is no agent ${n}`);
    return found;
  }

  /** What the workers still have to do: nothing once all is given that somebody can take, and all that is due is done. */
  async unfinished(): Promise<string[]> {
    const rows = await this.hub.sql<{ what: string }>(
      `SELECT what FROM (${UNFINISHED.join(' UNION ALL ')}) AS found(what)`,
    );
    return rows.map(({ what }) => what);
  }
}

const UNFINISHED = [
  `SELECT 'event ' || type || ' is not told' FROM event WHERE fanned_out_at IS NULL`,
  `SELECT 'what ' || event_type || ' means for ' || consumer || ' is not done' FROM event_task WHERE next_at < 'infinity'`,
  `SELECT 'offer ' || id || ' is over' FROM offer WHERE state = 'open' AND expires_at <= now()`,
  `SELECT 'assignment ' || id || ' is to return' FROM assignment WHERE ended_at IS NULL AND return_at <= now()`,
  `SELECT 'snooze of ' || id || ' is over' FROM conversation WHERE status = 'snoozed' AND snoozed_until <= now()`,
  `SELECT 'conversation ' || c.id || ' is with somebody who has gone' FROM conversation c JOIN agent_state s ON s.user_id = c.assignee_id
   WHERE c.status = 'open' AND s.reassigns AND s.status IN ('away','offline')`,
  `SELECT 'conversation ' || i.conversation_id || ' waits though ' || s.user_id || ' can take it' FROM queue_item i
   JOIN queue q ON q.id = i.queue_id AND q.strategy <> 'manual' JOIN team_member m ON m.team_id = q.team_id
   JOIN users u ON u.id = m.user_id JOIN agent_state s ON s.user_id = m.user_id AND s.status = 'online'
   WHERE i.state = 'waiting' AND (i.held_until IS NULL OR i.held_until <= now()) AND u.id <> ALL (i.passed)
     AND s.load + s.reserved < (u.capacity->>'total')::integer
     AND coalesce(coalesce((s.load_by->>'api')::integer, 0) + s.reserved < (u.capacity->'perChannel'->>'api')::integer, true)
     AND (q.skills = '[]' OR u.skills <> '[]')`,
];

import { encodeId, newId } from '@hub/platform/ids.js';
import type { ApiClient, Resource } from '../support/api-client.js';
import { eventually, type Hub } from '../support/harness.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { signIn } from './auth-fixtures.js';

/** An agent as the tests know them: by the UUID, the public id and, where they have signed in, a client. */
export interface Agent {
  readonly uuid: string;
  readonly id: string;
}

export interface QueueFields {
  readonly strategy?: string;
  readonly offerTimeout?: number;
  readonly maxMisses?: number;
  readonly returnTimeout?: number;
  readonly stickyWindow?: number;
  readonly ageing?: number;
  readonly skills?: readonly object[];
}

export interface AgentFields {
  readonly capacity?: number;
  readonly perChannel?: Readonly<Record<string, number>>;
  readonly skills?: readonly object[];
  readonly status?: string;
}

/** One team with its queues, agents and conversations, made straight in the tables. */
export class Floor {
  private constructor(
    readonly hub: Hub,
    readonly organization: string,
    readonly team: string,
    readonly channelId: string,
  ) {}

  static async open(hub: Hub): Promise<Floor> {
    const team = newId();
    const organization = v1.uuid(hub.admin.organizationId);
    await hub.sql('INSERT INTO team (organization_id, id, name) VALUES ($1, $2, $3)', [organization, team, team]);
    return new Floor(hub, organization, team, (await v1.channel(hub.admin)).id);
  }

  async queue(fields: QueueFields = {}): Promise<string> {
    const id = newId();
    await this.hub.sql(
      `INSERT INTO queue (organization_id, id, name, team_id, strategy, offer_timeout, max_misses, return_timeout,
         sticky_window, priority_ageing, skills) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        this.organization,
        id,
        id,
        this.team,
        fields.strategy ?? 'round_robin',
        fields.offerTimeout ?? 0,
        fields.maxMisses ?? 3,
        fields.returnTimeout ?? 0,
        fields.stickyWindow ?? 0,
        fields.ageing ?? 0,
        JSON.stringify(fields.skills ?? []),
      ],
    );
    return encodeId('queue', id);
  }

  async agents(n: number, fields: AgentFields = {}): Promise<Agent[]> {
    const agents = Array.from({ length: n }, newId).map((uuid) => ({ uuid, id: encodeId('user', uuid) }));
    const { capacity = 10, perChannel = {}, skills = [], status = 'online' } = fields;
    await this.hub.sql(
      `INSERT INTO users (organization_id, id, email, email_key, name, role, status, skills, capacity)
       SELECT $1, id, id || '@example.com', id || '@example.com', 'Agent ' || right(id::text, 4), 'agent', 'active', $3, $4 FROM unnest($2::uuid[]) AS id`,
      [
        this.organization,
        agents.map(({ uuid }) => uuid),
        JSON.stringify(skills),
        JSON.stringify({ total: capacity, perChannel }),
      ],
    );
    for (const agent of agents) await this.join(agent, status);
    return agents;
  }

  /** Somebody who can sign in, and has. */
  async person(fields: AgentFields & { readonly name?: string } = {}): Promise<Agent & { api: ApiClient }> {
    const email = v1.newEmail();
    const password = 'correct horse battery';
    const made = await v1.user(this.hub.admin, { name: fields.name ?? 'Somebody', email, password, role: 'agent' });
    const uuid = v1.uuid(made.id);
    await this.hub.sql('UPDATE users SET capacity = $2, skills = $3 WHERE id = $1', [
      uuid,
      JSON.stringify({ total: fields.capacity ?? 10, perChannel: fields.perChannel ?? {} }),
      JSON.stringify(fields.skills ?? []),
    ]);
    await this.join({ uuid, id: made.id }, fields.status ?? 'online');
    return { uuid, id: made.id, api: (await signIn(this.hub, email, password)).api };
  }

  private async join({ uuid }: Agent, status: string): Promise<void> {
    await this.hub.sql('INSERT INTO team_member (organization_id, team_id, user_id) VALUES ($1, $2, $3)', [
      this.organization,
      this.team,
      uuid,
    ]);
    await this.hub.sql(
      `INSERT INTO agent_state (organization_id, user_id, status, seen_at) VALUES ($1, $2, $3, now() + interval '1 hour')
       ON CONFLICT (organization_id, user_id) DO UPDATE SET status = excluded.status`,
      [this.organization, uuid, status],
    );
  }

  /** As the presence service does it: the state, and the word that the queues may drain. */
  async setStatus({ uuid }: Agent, status: string, reassigns = false): Promise<void> {
    await this.hub.sql('UPDATE agent_state SET status = $2, reassigns = $3, changed_at = now() WHERE user_id = $1', [
      uuid,
      status,
      reassigns,
    ]);
    await this.hub.sql(`SELECT pg_notify('switchboard_routing', $1)`, [`user:${this.organization}:${uuid}`]);
  }

  /** A conversation of a new contact, in the queue from the start. */
  enqueue(queueId: string, fields: v1.Json = {}): Promise<Resource> {
    return v1.conversation(this.hub.admin, { channelId: this.channelId, assigneeId: queueId, ...fields });
  }

  /** Many at once, straight in the tables, oldest first. @returns their UUIDs in that order */
  async crowd(queueId: string, n: number): Promise<string[]> {
    const ids = Array.from({ length: n }, newId);
    const contact = await v1.contact(this.hub.admin);
    await this.hub.sql(
      `WITH made AS (
         INSERT INTO conversation (organization_id, id, channel_id, contact_id, status, single, queue_id, team_id)
         SELECT $1, id, $3, $4, 'open', false, $5, $6 FROM unnest($2::uuid[]) AS id RETURNING id)
       INSERT INTO queue_item (organization_id, conversation_id, queue_id, priority, waiting_since, rank)
       SELECT $1, n.id, $5, 1, now() + n.place * interval '1 millisecond', now() + n.place * interval '1 millisecond'
       FROM unnest($2::uuid[]) WITH ORDINALITY AS n(id, place) JOIN made ON made.id = n.id`,
      [this.organization, ids, v1.uuid(this.channelId), v1.uuid(contact.id), v1.uuid(queueId), this.team],
    );
    await this.hub.sql(`SELECT pg_notify('switchboard_routing', $1)`, [
      `queue:${this.organization}:${v1.uuid(queueId)}`,
    ]);
    return ids;
  }

  /** Whom a conversation is with now, by public id. */
  async assigneeOf(id: string): Promise<string | null> {
    const { data } = await this.hub.admin.get(`/v1/conversations/${id}`);
    return (v1.at(data, 'attributes.assignee.id') as string | undefined) ?? null;
  }

  /** Waits until it is with somebody. */
  assigned(id: string, timeoutMs = 10_000): Promise<string> {
    return eventually(() => this.assigneeOf(id), `${id} is assigned`, timeoutMs);
  }

  async assignments(id: string): Promise<v1.Json[]> {
    const { data } = await this.hub.admin.get<Resource[]>(`/v1/conversations/${id}/assignments`);
    return data.map((one) => v1.attributes(one));
  }

  async waiting(): Promise<number> {
    const [row] = await this.hub.sql<{ n: number }>(
      'SELECT count(*)::int AS n FROM queue_item WHERE organization_id = $1',
      [this.organization],
    );
    return row?.n ?? -1;
  }

  async stateOf({
    uuid,
  }: Agent): Promise<{ status: string; reason: string | null; load: number; reserved: number; misses: number }> {
    const [row] = await this.hub.sql<{
      status: string;
      reason: string | null;
      load: number;
      reserved: number;
      misses: number;
    }>('SELECT status, reason, load, reserved, misses FROM agent_state WHERE user_id = $1', [uuid]);
    if (!row) throw new Error('There is no such agent');
    return row;
  }

  /** What of all organizations' state contradicts itself; empty when all is well. */
  async contradictions(): Promise<string[]> {
    const rows = await this.hub.sql<{ what: string }>(`
      SELECT 'load of ' || s.user_id || ': ' || s.load || ' is not ' || found.n AS what FROM agent_state s
      CROSS JOIN LATERAL (SELECT count(*)::int AS n FROM conversation c WHERE c.organization_id = s.organization_id
        AND c.assignee_type = 'user' AND c.assignee_id = s.user_id AND c.status IN ('open','pending')) AS found WHERE s.load <> found.n
      UNION ALL SELECT 'reserved of ' || s.user_id || ': ' || s.reserved || ' is not ' || found.n FROM agent_state s
      CROSS JOIN LATERAL (SELECT count(*)::int AS n FROM offer o WHERE o.organization_id = s.organization_id
        AND o.user_id = s.user_id AND o.state = 'open' AND o.kind = 'queue') AS found WHERE s.reserved <> found.n
      UNION ALL SELECT 'two running assignments of ' || conversation_id FROM assignment WHERE ended_at IS NULL
        GROUP BY organization_id, conversation_id HAVING count(*) > 1
      UNION ALL SELECT 'waits and is assigned: ' || i.conversation_id FROM queue_item i JOIN conversation c
        ON c.organization_id = i.organization_id AND c.id = i.conversation_id
        WHERE c.assignee_id IS NOT NULL OR c.status IN ('closed','snoozed')
      UNION ALL SELECT 'offered without an offer: ' || i.conversation_id FROM queue_item i WHERE i.state = 'offered'
        AND NOT EXISTS (SELECT FROM offer o WHERE o.organization_id = i.organization_id AND o.conversation_id = i.conversation_id
          AND o.state = 'open')
      UNION ALL SELECT 'assignment and conversation differ: ' || c.id FROM conversation c JOIN assignment a
        ON a.organization_id = c.organization_id AND a.conversation_id = c.id AND a.ended_at IS NULL
        WHERE a.to_id IS DISTINCT FROM c.assignee_id
      UNION ALL SELECT 'events of ' || order_key || ' have gaps' FROM event WHERE sequence > 0
        GROUP BY order_key HAVING count(*) <> max(sequence)`);
    return rows.map(({ what }) => what);
  }
}

// A floor of agents with queues, and conversations that wait in them, straight in the tables.
import { seededId } from './seed.mjs';
import { asAdmin } from './stack.mjs';

export const AGENTS = 500;
const PER_AGENT = 40;
const TEAM = '00000000-0000-7000-9000-000000000001';
export const queueId = (/** @type {number} */ n) => `00000000-0000-7000-9001-${String(n).padStart(12, '0')}`;
const CONTACT = seededId('contact', 1);
const CHANNEL = seededId('channel', 1);

/** @typedef {import('./stack.mjs').Site} Site */

/** A team of all agents with `queues` queues, everybody away. @param {Site} site @param {number} queues */
export const makeFloor = (site, queues) =>
  asAdmin(site.adminUrl, async (admin) => {
    const org = site.organizationId;
    await admin.query('INSERT INTO team (organization_id, id, name) VALUES ($1, $2, $3)', [org, TEAM, 'Everybody']);
    await admin.query(
      `WITH made AS (
         INSERT INTO users (organization_id, id, email, email_key, name, role, status, capacity)
         SELECT $1::uuid, uuidv7(), n || '@floor.example.com', n || '@floor.example.com', 'Agent ' || n, 'agent', 'active', $4::jsonb
         FROM generate_series(1, $3::integer) AS n RETURNING id), joined AS (
         INSERT INTO team_member (organization_id, team_id, user_id) SELECT $1::uuid, $2::uuid, id FROM made)
       INSERT INTO agent_state (organization_id, user_id, status, seen_at) SELECT $1::uuid, id, 'away', now() + interval '1 day' FROM made`,
      [org, TEAM, AGENTS, JSON.stringify({ total: PER_AGENT, perChannel: {} })],
    );
    for (let n = 0; n < queues; n++) {
      const values = [org, queueId(n), `Queue ${n}`, TEAM];
      await admin.query('INSERT INTO queue (organization_id, id, name, team_id) VALUES ($1, $2, $3, $4)', values);
    }
    await admin.query('VACUUM (ANALYZE) users, team_member, agent_state, queue');
  });

/** @param {Site} site @param {'online' | 'away'} status @param {number} [most] of so many agents */
export const setAll = (site, status, most = AGENTS) =>
  asAdmin(site.adminUrl, (admin) =>
    admin.query(
      `UPDATE agent_state SET status = $1, last_assigned_at = NULL WHERE user_id IN (
         SELECT user_id FROM team_member WHERE team_id = $2 ORDER BY user_id LIMIT $3)`,
      [status, TEAM, most],
    ),
  );

/** `count` conversations begin to wait, spread over the queues; the workers are told once all are there. */
export const fill = (/** @type {Site} */ { adminUrl, organizationId }, /** @type {number} */ count, queues = 1) =>
  asAdmin(adminUrl, async (admin) => {
    await admin.query('BEGIN');
    await admin.query(
      `WITH waiting AS MATERIALIZED (
         SELECT n, uuidv7() AS id, ('00000000-0000-7000-9001-' || lpad((n % $3)::text, 12, '0'))::uuid AS queue_id
         FROM generate_series(1, $2::integer) AS n), made AS (
         INSERT INTO conversation (organization_id, id, channel_id, contact_id, status, single, queue_id, team_id)
         SELECT $1::uuid, id, $4::uuid, $5::uuid, 'open', false, queue_id, $6::uuid FROM waiting), queued AS (
         INSERT INTO assignment (organization_id, id, conversation_id, kind, actor, queue_id, team_id)
         SELECT $1::uuid, uuidv7(), id, 'queue', '{"type":"system","id":null,"name":"Bench"}', queue_id, $6::uuid FROM waiting)
       INSERT INTO queue_item (organization_id, conversation_id, queue_id, priority, waiting_since, rank)
       SELECT $1::uuid, id, queue_id, 1, at, at FROM waiting, LATERAL (SELECT now() + n * interval '1 millisecond' AS at) AS t`,
      [organizationId, count, queues, CHANNEL, CONTACT, TEAM],
    );
    await admin.query(`SELECT pg_notify('switchboard_routing', $1)`, [`all:${organizationId}:`]);
    await admin.query('COMMIT');
  });

/** Nobody has anything and nobody waits, as before. */
export const clear = (/** @type {Site} */ { adminUrl, organizationId }) =>
  asAdmin(adminUrl, async (admin) => {
    await admin.query(
      `UPDATE conversation SET status = 'closed', closed_at = now() WHERE organization_id = $1 AND team_id = $2 AND status <> 'closed'`,
      [organizationId, TEAM],
    );
    await admin.query('UPDATE event SET fanned_out_at = now() WHERE fanned_out_at IS NULL');
    await admin.query('VACUUM (ANALYZE) queue_item, agent_state, queue, conversation, assignment, event');
  });

/** Waits until nobody waits any more, or only `rest` do. @param {import('pg').Client} admin @param {AbortSignal} stop */
export async function untilDrained(admin, stop, rest = 0) {
  for (;;) {
    stop.throwIfAborted();
    const { rows } = await admin.query('SELECT count(*)::integer AS n FROM queue_item');
    if (rows[0].n <= rest) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

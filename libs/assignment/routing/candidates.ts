import { queryPrepared, type Prepared, type Reader, type Tx } from '@hub/model/database.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import type { Decision, Skill, Strategy } from './routing.types.js';

/** For whom an agent is looked for. */
export interface Wanted {
  readonly organizationId: string;
  readonly teamId: string;
  readonly strategy: Strategy;
  /** The queue's and the item's. */
  readonly skills: readonly Skill[];
  readonly channelType: ChannelType;
  /** Who has declined or missed it in this round. */
  readonly passed: readonly string[];
  /** First of all, if eligible. */
  readonly preferredUserId: string | null;
}

/** A member of the team; `reason` is null of whoever may get it now, in the order of their `place`. */
export interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly used: number;
  readonly capacity: number;
  readonly lastAssignedAt: Date | null;
  readonly reason: string | null;
  readonly place: number;
}

export interface Candidates {
  readonly eligible: readonly Candidate[];
  /** Some of the others, the nearest first. */
  readonly others: readonly Candidate[];
  readonly considered: number;
  readonly eligibleCount: number;
  /** Whether somebody is left out for nothing but having passed. */
  readonly passed: boolean;
}

/** Offers to everybody go to so many at the most. */
export const MAX_ELIGIBLE = 50;
const MAX_OTHERS = 50;
const MAX_NAMED = 20;

const USED = 'coalesce(s.load, 0) + coalesce(s.reserved, 0)';
const CAPACITY = `(u.capacity->>'total')::integer`;
const SHARE = `(${USED})::float8 / greatest(${CAPACITY}, 1)`;
const LONGEST_AGO = 's.last_assigned_at NULLS FIRST';
const SCORE = `(
  SELECT coalesce(sum((k->>'level')::numeric), 0) FROM jsonb_array_elements(u.skills) k
  WHERE EXISTS (SELECT FROM jsonb_array_elements($3::jsonb) r WHERE lower(r->>'name') = lower(k->>'name')))`;

/** Who is first, of all who are eligible. Nothing is balanced in memory: what decides is in the rows. */
const ORDER: Readonly<Record<Strategy, string>> = {
  round_robin: LONGEST_AGO,
  sticky: LONGEST_AGO,
  manual: LONGEST_AGO,
  least_loaded: `${SHARE}, ${LONGEST_AGO}`,
  broadcast: `${SHARE}, ${LONGEST_AGO}`,
  longest_idle: `greatest(s.idle_since, s.last_assigned_at, s.changed_at) NULLS FIRST, ${LONGEST_AGO}`,
  skills: `${SCORE} DESC, ${SHARE}, ${LONGEST_AGO}`,
};

/** The first skill that the user lacks, or has at too low a level. */
const LACKING = `(
  SELECT r->>'name' FROM jsonb_array_elements($3::jsonb) r
  WHERE NOT EXISTS (
    SELECT FROM jsonb_array_elements(u.skills) k
    WHERE lower(k->>'name') = lower(r->>'name') AND (k->>'level')::numeric >= (r->>'level')::numeric)
  LIMIT 1)`;

/** An open offer counts for every type of channel: what it is for is not known to the row. */
const CHANNEL_FULL = `
  coalesce((s.load_by->>$4::text)::integer, 0) + coalesce(s.reserved, 0) >= (u.capacity->'perChannel'->>$4::text)::integer`;

const statement = (strategy: Strategy): Prepared => ({
  name: `routing-candidates-${strategy}`,
  text: `
    WITH member AS MATERIALIZED (
      SELECT u.id, u.name, ${USED} AS used, ${CAPACITY} AS capacity, s.last_assigned_at,
        row_number() OVER (ORDER BY u.id IS DISTINCT FROM $6::uuid, ${ORDER[strategy]}, u.id) AS place,
        CASE
          WHEN u.deleted_at IS NOT NULL OR u.status = 'suspended' OR u.role = 'customer' THEN 'suspended'
          WHEN s.status IS DISTINCT FROM 'online' THEN coalesce(s.status, 'offline')
          WHEN ${USED} >= ${CAPACITY} THEN 'full'
          WHEN ${CHANNEL_FULL} THEN 'full on ' || $4::text
          WHEN $3::jsonb <> '[]' AND ${LACKING} IS NOT NULL THEN 'lacks ' || ${LACKING}
          WHEN u.id = ANY ($5::uuid[]) THEN 'passed'
        END AS reason
      FROM team_member m
      JOIN users u ON u.organization_id = m.organization_id AND u.id = m.user_id
      LEFT JOIN agent_state s ON s.organization_id = m.organization_id AND s.user_id = m.user_id
      WHERE m.organization_id = $1 AND m.team_id = $2
    ), sorted AS (
      SELECT *, row_number() OVER (PARTITION BY reason IS NULL ORDER BY reason IS DISTINCT FROM 'passed', place) AS turn,
        count(*) OVER ()::integer AS considered, (count(*) FILTER (WHERE reason IS NULL) OVER ())::integer AS eligible
      FROM member
    )
    SELECT id, name, used, capacity, last_assigned_at AS "lastAssignedAt", reason, place::integer, considered, eligible
    FROM sorted WHERE turn <= CASE WHEN reason IS NULL THEN ${MAX_ELIGIBLE} ELSE ${MAX_OTHERS} END
    ORDER BY reason IS NOT NULL, turn`,
});

const STATEMENTS = Object.fromEntries(
  (Object.keys(ORDER) as Strategy[]).map((strategy) => [strategy, statement(strategy)]),
) as Readonly<Record<Strategy, Prepared>>;

/** Who could get it now and who could not, in one statement over the team. */
export async function findCandidates(on: Reader, wanted: Wanted): Promise<Candidates> {
  const { organizationId, teamId, skills, channelType, passed, preferredUserId } = wanted;
  const rows = await queryPrepared<Candidate & { considered: number; eligible: number }>(
    on,
    STATEMENTS[wanted.strategy],
    [organizationId, teamId, JSON.stringify(skills), channelType, passed, preferredUserId],
  );
  const others = rows.filter(({ reason }) => reason !== null);
  return {
    eligible: rows.filter(({ reason }) => reason === null),
    others,
    considered: rows[0]?.considered ?? 0,
    eligibleCount: rows[0]?.eligible ?? 0,
    passed: others.some(({ reason }) => reason === 'passed'),
  };
}

interface Turn {
  readonly id: string;
  readonly at: Date;
}

/** Whose turn it is, and since when: turns are taken in the order of these times, however long each then takes. */
export interface Taken extends Candidate {
  readonly takenAt: Date;
}

const TAKE: Prepared = {
  name: 'routing-take-agent',
  text: `
    SELECT s.user_id AS id, clock_timestamp() AS at FROM unnest($2::uuid[], $3::timestamptz[], $4::integer[]) WITH ORDINALITY AS w(id, seen, used, place)
    JOIN agent_state s ON s.organization_id = $1 AND s.user_id = w.id
    JOIN users u ON u.organization_id = $1 AND u.id = w.id
    WHERE s.status = 'online' AND s.load + s.reserved < ${CAPACITY}
      AND (${CHANNEL_FULL.replaceAll('$4', '$5')}) IS NOT TRUE
      AND s.last_assigned_at IS NOT DISTINCT FROM w.seen AND s.load + s.reserved <= w.used
    ORDER BY w.place LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED`,
};

const TAKE_ONE: Prepared = {
  name: 'routing-take-one',
  text: `
    SELECT s.user_id AS id, clock_timestamp() AS at FROM agent_state s
    JOIN users u ON u.organization_id = $1 AND u.id = $2
    WHERE s.organization_id = $1 AND s.user_id = $2 AND s.status = 'online' AND s.load + s.reserved < ${CAPACITY}
      AND (${CHANNEL_FULL.replaceAll('$4', '$3')}) IS NOT TRUE
    FOR NO KEY UPDATE OF s`,
};

/**
 * Locks the first of the candidates who still has room and has not been given anything since they were looked at.
 * Whoever is locked by somebody else is being given something, too: they are passed over, nobody waits. The preferred
 * one is waited for.
 * @returns null when others were faster with all of them
 */
export async function takeAgent(tx: Tx, wanted: Wanted, eligible: readonly Candidate[]): Promise<Taken | null> {
  const { organizationId, channelType, preferredUserId, strategy } = wanted;
  const first = eligible[0];
  if (!first) return null;
  if (first.id === preferredUserId) {
    const [taken] = await queryPrepared<Turn>(tx, TAKE_ONE, [organizationId, first.id, channelType]);
    return taken ? { ...first, takenAt: taken.at } : null;
  }
  const byLoad = strategy === 'least_loaded' || strategy === 'skills';
  const [taken] = await queryPrepared<Turn>(tx, TAKE, [
    organizationId,
    eligible.map(({ id }) => id),
    eligible.map(({ lastAssignedAt }) => lastAssignedAt),
    eligible.map(({ used }) => (byLoad ? used : NO_LIMIT)),
    channelType,
  ]);
  const agent = eligible.find(({ id }) => id === taken?.id);
  return agent && taken ? { ...agent, takenAt: taken.at } : null;
}

const NO_LIMIT = 2_147_483_647;

/** What is kept of a decision: whoever was chosen, and at most twenty by name. */
export function decisionOf(strategy: Strategy, found: Candidates, chosenIds: readonly string[]): Decision {
  const all = [...found.eligible, ...found.others];
  const chosen = all.filter(({ id }) => chosenIds.includes(id));
  const named = [...chosen, ...all.filter(({ id }) => !chosenIds.includes(id))].slice(0, MAX_NAMED);
  return {
    strategy,
    considered: found.considered,
    eligible: found.eligibleCount,
    candidates: named.map(({ id, name, used, capacity, reason }) => ({
      id,
      name,
      outcome: chosenIds.includes(id) ? 'chosen' : (reason ?? 'eligible'),
      load: used,
      capacity,
    })),
  };
}

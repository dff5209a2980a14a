import { Injectable } from '@nestjs/common';
import { QueueSignal } from '@hub/assignment/routing/queue-signal.js';
import type { Actor } from '@hub/identity/actor.js';
import { InsufficientPermissionsError, TokenRevokedError } from '@hub/identity/identity.errors.js';
import { Database } from '@hub/model/database.js';
import { PresenceQueries } from './presence.queries.js';
import { HEARTBEAT_GRACE_SECONDS, type PresenceView, type SetPresence } from './presence.types.js';

interface Caller {
  readonly organizationId: string;
  readonly userId: string;
  readonly sessionId: string;
}

/** Who is here. What an agent has in hand is counted by the database; this only says whether they can take more. */
@Injectable()
export class PresenceService {
  constructor(
    private readonly db: Database,
    private readonly queries: PresenceQueries,
    private readonly signal: QueueSignal,
  ) {}

  /**
   * Sets the caller's status and keeps it alive. The same status again only moves the time of the last heartbeat:
   * one statement. Whoever becomes online starts without missed offers, and their queues drain.
   * @throws TokenRevokedError when the session has ended, even while the call was under way; then nothing changes
   */
  async set(actor: Actor, { status, reassign }: SetPresence): Promise<PresenceView> {
    const { organizationId, userId, sessionId } = callerOf(actor);
    const key = [organizationId, sessionId, userId];
    const beaten = await this.db.prepared(organizationId, HEARTBEAT, [...key, status, reassign ?? null]);
    if (beaten.length > 0) return this.queries.getPresence(organizationId, userId);
    return this.db.transaction(organizationId, async (tx) => {
      const [session] = await tx.query<unknown[]>(LIVE_SESSION, key);
      if (!session) throw new TokenRevokedError();
      await tx.query(SET, [organizationId, userId, status, reassign ?? null]);
      this.signal.afterCommit(tx, organizationId, { userId });
      return this.queries.getPresence(organizationId, userId, tx);
    });
  }

  /**
   * A heartbeat and nothing else: whatever the product has set in the meantime – away after missed offers – stays.
   * @throws TokenRevokedError
   */
  async beat(actor: Actor): Promise<PresenceView> {
    const { organizationId, userId, sessionId } = callerOf(actor);
    const key = [organizationId, sessionId, userId];
    const [session] = await this.db.prepared(organizationId, BEAT, key);
    if (!session) throw new TokenRevokedError();
    return this.queries.getPresence(organizationId, userId);
  }

  /** The caller's own. @throws InsufficientPermissionsError */
  async get(actor: Actor): Promise<PresenceView> {
    const { organizationId, userId } = callerOf(actor);
    return this.queries.getPresence(organizationId, userId);
  }

  /**
   * Sets offline whose heartbeat is older than the grace, any number of workers at once. Their conversations go back if
   * they asked for that with their last presence.
   * @returns how many
   */
  async expire(limit: number): Promise<number> {
    return this.db.system('routing', async (tx) => {
      const [lost] = await tx.query<[{ organizationId: string; userId: string }[], number]>(EXPIRE, [limit]);
      for (const { organizationId, userId } of lost) this.signal.afterCommit(tx, organizationId, { userId });
      return lost.length;
    });
  }
}

/** @throws InsufficientPermissionsError unless it is a user who has signed in */
function callerOf({ organizationId, principal, sessionId }: Actor): Caller {
  if (principal.type !== 'user' || !principal.id || !sessionId) {
    throw new InsufficientPermissionsError('Only staff who have signed in have a presence');
  }
  return { organizationId, userId: principal.id, sessionId };
}

/** Locked, so that the session cannot end before what it does is committed. */
const LIVE_SESSION = `
  SELECT 1 FROM session WHERE organization_id = $1 AND id = $2 AND user_id = $3 AND revoked_at IS NULL
    AND expires_at > now() FOR SHARE`;

const HEARTBEAT = {
  name: 'presence-heartbeat',
  text: `
    WITH s AS MATERIALIZED (${LIVE_SESSION})
    UPDATE agent_state a SET seen_at = now()
    WHERE a.organization_id = $1 AND a.user_id = $3 AND a.status = $4 AND a.reason IS NULL
      AND ($5::boolean IS NULL OR a.reassigns = $5) AND EXISTS (SELECT FROM s)
    RETURNING 1 AS beaten`,
};

const BEAT = {
  name: 'presence-beat',
  text: `
    WITH s AS MATERIALIZED (${LIVE_SESSION}), beaten AS (
      UPDATE agent_state a SET seen_at = now()
      WHERE a.organization_id = $1 AND a.user_id = $3 AND EXISTS (SELECT FROM s))
    SELECT 1 AS live FROM s`,
};

const SET = `
  INSERT INTO agent_state AS a (organization_id, user_id, status, reassigns, seen_at, idle_since)
  VALUES ($1, $2, $3, coalesce($4, false), now(), CASE WHEN $3 = 'online' THEN now() END)
  ON CONFLICT (organization_id, user_id) DO UPDATE SET
    status = excluded.status, reason = NULL, seen_at = now(),
    reassigns = coalesce($4, a.reassigns AND a.status = excluded.status),
    changed_at = CASE WHEN a.status = excluded.status AND a.seen_at IS NOT NULL THEN a.changed_at ELSE now() END,
    misses = CASE WHEN excluded.status = 'online' AND a.status <> 'online' THEN 0 ELSE a.misses END,
    idle_since = CASE WHEN excluded.status = 'online' AND a.status <> 'online' THEN now() ELSE a.idle_since END`;

const EXPIRE = `
  UPDATE agent_state a SET status = 'offline', reason = 'heartbeat', changed_at = now()
  FROM (
    SELECT organization_id, user_id FROM agent_state
    WHERE status <> 'offline' AND seen_at < now() - interval '${HEARTBEAT_GRACE_SECONDS} seconds'
    ORDER BY seen_at LIMIT $1 FOR UPDATE SKIP LOCKED) AS lost
  WHERE a.organization_id = lost.organization_id AND a.user_id = lost.user_id
  RETURNING a.organization_id AS "organizationId", a.user_id AS "userId"`;

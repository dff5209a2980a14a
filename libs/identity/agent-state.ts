import type { Tx } from '@hub/model/database.js';

/** The PostgreSQL notification channel on which the workers hear that the queues of a user may drain. */
const ROUTING_CHANNEL = 'switchboard_routing';

const lineOf = (organizationId: string, userId: string): string => `user:${organizationId}:${userId}`;

/**
 * Says so where a user can take other conversations than before, or none. Part of the transaction: for what
 * administrators do now and then, not for the hot paths.
 */
export async function signalRouting(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await tx.query(`SELECT pg_notify('${ROUTING_CHANNEL}', $1)`, [lineOf(organizationId, userId)]);
}

/**
 * Sets a user offline who has no session any more that goes on. Their conversations go back if they have asked for it
 * with their last presence.
 */
export async function goOfflineUnlessSignedIn(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await tx.query(
    `WITH gone AS (
       UPDATE agent_state SET status = 'offline', reason = 'signed_out', changed_at = now()
       WHERE organization_id = $1 AND user_id = $2 AND status <> 'offline' AND NOT EXISTS (
         SELECT FROM session s WHERE s.organization_id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL
           AND s.expires_at > now())
       RETURNING organization_id)
     SELECT pg_notify('${ROUTING_CHANNEL}', $3) FROM gone`,
    [organizationId, userId, lineOf(organizationId, userId)],
  );
}

/** Takes somebody out of everything that only staff take part in: teams and presence. */
export async function leaveStaff(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await tx.query('DELETE FROM team_member WHERE organization_id = $1 AND user_id = $2', [organizationId, userId]);
  await tx.query(
    `UPDATE agent_state SET status = 'offline', reason = 'signed_out', changed_at = now()
     WHERE organization_id = $1 AND user_id = $2 AND status <> 'offline'`,
    [organizationId, userId],
  );
  await signalRouting(tx, organizationId, userId);
}

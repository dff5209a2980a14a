import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Reader, Tx } from '@hub/model/database.js';

/** Conversations of the same contact in which the last agent is looked for. */
const LOOK_BACK = 5;

export interface LastHand {
  readonly type: 'user' | 'bot';
  readonly id: string;
}

/**
 * Whether the one who has a conversation that is open again keeps it: a user who is online and within their capacity,
 * this conversation counted, unless it was closed longer ago than `window` seconds; a bot that is active.
 */
export async function mayKeep(tx: Tx, conversation: Conversation, last: LastHand, window: number): Promise<boolean> {
  const { organizationId, id, channelId } = conversation;
  const found =
    last.type === 'bot'
      ? await tx.query<unknown[]>(
          `SELECT 1 FROM bot WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL AND status = 'active'`,
          [organizationId, last.id],
        )
      : await tx.query<unknown[]>(
          `SELECT 1 FROM users u
           JOIN agent_state s ON s.organization_id = u.organization_id AND s.user_id = u.id
           JOIN channel ch ON ch.organization_id = u.organization_id AND ch.id = $3
           LEFT JOIN LATERAL (
             SELECT e.type, e.created_at FROM event e WHERE e.organization_id = $1 AND e.order_key = $4
               AND e.type IN ('conversation.closed','conversation.snoozed') ORDER BY e.sequence DESC LIMIT 1) AS ended ON true
           WHERE u.organization_id = $1 AND u.id = $2 AND u.deleted_at IS NULL AND u.status <> 'suspended'
             AND s.status = 'online' AND s.load + s.reserved <= (u.capacity->>'total')::integer
             AND ((s.load_by->>ch.type)::integer > (u.capacity->'perChannel'->>ch.type)::integer) IS NOT TRUE
             AND (ended.type = 'conversation.closed' AND ended.created_at < now() - $5::integer * interval '1 second') IS NOT TRUE`,
          [organizationId, last.id, channelId, id, window],
        );
  return found.length > 0;
}

/** The user who had this conversation last, or another one of its contact, within `window` seconds. */
export async function findStickyAgent(on: Reader, conversation: Conversation, window: number): Promise<string | null> {
  const { organizationId, id, contactId } = conversation;
  const [last] = await on.query<{ userId: string }[]>(
    `SELECT a.to_id AS "userId" FROM (
       SELECT c.id, c.closed_at, 0 AS turn FROM conversation c WHERE c.organization_id = $1 AND c.id = $2
       UNION ALL (
         SELECT c.id, c.closed_at, 1 FROM conversation c WHERE c.organization_id = $1 AND c.contact_id = $3 AND c.id <> $2
         ORDER BY c.updated_at DESC, c.id DESC LIMIT ${LOOK_BACK})) AS c
     CROSS JOIN LATERAL (
       SELECT a.to_id, a.id, coalesce(a.ended_at, c.closed_at, now()) AS until FROM assignment a
       WHERE a.organization_id = $1 AND a.conversation_id = c.id AND a.to_type = 'user' ORDER BY a.id DESC LIMIT 1) AS a
     WHERE a.until > now() - $4::integer * interval '1 second'
     ORDER BY c.turn, a.until DESC LIMIT 1`,
    [organizationId, id, contactId, window],
  );
  return last?.userId ?? null;
}

import type { Tx } from '@hub/model/database.js';

export interface RoomFor {
  readonly organizationId: string;
  readonly conversationId: string;
  readonly channelId: string;
  /** Who is to get it. */
  readonly userId: string;
  /** Who has it now. */
  readonly fromUserId: string | null;
}

/**
 * Locks everybody whose load a change of hands touches, in the order of their ids, and tells whether it puts the new
 * assignee over their capacity: a person may do that, and it is flagged.
 */
export async function isOverCapacity(tx: Tx, room: RoomFor): Promise<boolean> {
  const [row] = await tx.query<{ over: boolean }[]>(
    `WITH locked AS (
       SELECT s.user_id, s.load_by, s.load + s.reserved - (
           SELECT count(*) FROM offer o WHERE o.organization_id = $1 AND o.conversation_id = $2 AND o.state = 'open'
             AND o.kind = 'queue' AND o.user_id = s.user_id) AS used
       FROM agent_state s
       WHERE s.organization_id = $1 AND (s.user_id = ANY ($3::uuid[]) OR s.user_id IN (
         SELECT o.user_id FROM offer o WHERE o.organization_id = $1 AND o.conversation_id = $2 AND o.state = 'open'
           AND o.kind = 'queue'))
       ORDER BY s.user_id FOR NO KEY UPDATE)
     SELECT coalesce(l.used, 0) >= (u.capacity->>'total')::integer
       OR coalesce(coalesce((l.load_by->>ch.type)::integer, 0) >= (u.capacity->'perChannel'->>ch.type)::integer, false) AS over
     FROM users u
     JOIN channel ch ON ch.organization_id = $1 AND ch.id = $4
     LEFT JOIN locked l ON l.user_id = u.id
     WHERE u.organization_id = $1 AND u.id = $5`,
    [
      room.organizationId,
      room.conversationId,
      room.fromUserId ? [room.fromUserId, room.userId] : [room.userId],
      room.channelId,
      room.userId,
    ],
  );
  return row?.over ?? false;
}

import type { Tx } from '@hub/model/database.js';
import type { ParticipantKind, ParticipantRole } from '@hub/model/participant.entity.js';

export interface Joining {
  readonly conversationId: string;
  readonly kind: ParticipantKind;
  readonly refId: string;
  readonly role: ParticipantRole;
}

/** Makes somebody a participant, again if they had left. */
export async function joinIn(tx: Tx, organizationId: string, who: Joining): Promise<void> {
  await tx.query(
    `INSERT INTO participant (organization_id, conversation_id, kind, ref_id, role) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (organization_id, conversation_id, kind, ref_id)
     DO UPDATE SET joined_at = now(), left_at = NULL, role = excluded.role WHERE participant.left_at IS NOT NULL`,
    [organizationId, who.conversationId, who.kind, who.refId, who.role],
  );
}

/** Ends a participation; the row stays, with the time. */
export async function leaveIn(tx: Tx, organizationId: string, who: Omit<Joining, 'role'>): Promise<void> {
  await tx.query(
    `UPDATE participant SET left_at = now()
     WHERE organization_id = $1 AND conversation_id = $2 AND kind = $3 AND ref_id = $4 AND left_at IS NULL`,
    [organizationId, who.conversationId, who.kind, who.refId],
  );
}

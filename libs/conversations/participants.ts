import type { Reader, Tx } from '@hub/model/database.js';
import type { ParticipantKind, ParticipantRole } from '@hub/model/participant.entity.js';

export interface Joining {
  readonly conversationId: string;
  readonly kind: ParticipantKind;
  readonly refId: string;
  readonly role: ParticipantRole;
}

export interface ParticipantView {
  readonly id: string;
  /** The integer under which integer clients know the user, bot or contact. */
  readonly number: number;
  readonly kind: ParticipantKind;
  readonly role: ParticipantRole;
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  readonly joinedAt: Date;
  /** Null of whoever takes part now. */
  readonly leftAt: Date | null;
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

/** Who takes part in each of these conversations, the contact first; with `left`, those who did before, too. */
export async function loadParticipants(
  tx: Reader,
  organizationId: string,
  conversationIds: readonly string[],
  left = false,
): Promise<Map<string, ParticipantView[]>> {
  const found = new Map<string, ParticipantView[]>();
  if (conversationIds.length === 0) return found;
  const rows = await tx.query<(ParticipantView & { conversationId: string })[]>(
    `SELECT p.conversation_id AS "conversationId", p.ref_id AS id, coalesce(k.number, u.number, b.number) AS number,
       p.kind, p.role, coalesce(k.name, u.name, b.name) AS name, k.phone, coalesce(k.email, u.email) AS email,
       p.joined_at AS "joinedAt", p.left_at AS "leftAt"
     FROM participant p
     LEFT JOIN contact k ON p.kind = 'contact' AND k.organization_id = p.organization_id AND k.id = p.ref_id
     LEFT JOIN users u ON p.kind = 'user' AND u.organization_id = p.organization_id AND u.id = p.ref_id
     LEFT JOIN bot b ON p.kind = 'bot' AND b.organization_id = p.organization_id AND b.id = p.ref_id
     WHERE p.organization_id = $1 AND p.conversation_id = ANY ($2::uuid[]) ${left ? '' : 'AND p.left_at IS NULL'}
     ORDER BY p.kind <> 'contact', p.joined_at, p.ref_id`,
    [organizationId, conversationIds],
  );
  for (const { conversationId, ...view } of rows) {
    found.set(conversationId, [...(found.get(conversationId) ?? []), view]);
  }
  return found;
}

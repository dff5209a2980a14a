import { Injectable } from '@nestjs/common';
import type { AssignmentKind } from '@hub/model/assignment.entity.js';
import type { AssigneeType, PartyRef } from '@hub/model/conversation.entity.js';
import { Database } from '@hub/model/database.js';
import type { OfferDecision } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { decodeCursor, encodeCursor, type CursorPage } from '@hub/platform/paging.js';

interface Hand {
  readonly type: AssigneeType;
  readonly id: string;
  readonly name: string | null;
}

/** One change of hands: from whom to whom, by whom and why; ended by the next one. */
export interface AssignmentView {
  readonly id: string;
  readonly kind: AssignmentKind;
  readonly from: Hand | null;
  readonly to: Hand | null;
  readonly actor: PartyRef;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly note: string | null;
  readonly queue: { readonly id: string; readonly name: string } | null;
  readonly team: { readonly id: string; readonly name: string } | null;
  readonly notifyContact: boolean;
  readonly overCapacity: boolean;
  readonly decision: OfferDecision | null;
  readonly waitingSince: Date | null;
  readonly returnAt: Date | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

export interface ListAssignments {
  readonly cursor?: string;
  readonly limit: number;
}

/** The side `from` or `to` of an assignment, with its name of today. */
const side = (name: 'from' | 'to'): string => `
  CASE WHEN a.${name}_id IS NOT NULL THEN jsonb_build_object('type', a.${name}_type, 'id', a.${name}_id,
    'name', coalesce(${name}_user.name, ${name}_bot.name)) END AS "${name}"`;
const joins = (name: 'from' | 'to'): string => `
  LEFT JOIN users ${name}_user ON a.${name}_type = 'user' AND ${name}_user.organization_id = a.organization_id
    AND ${name}_user.id = a.${name}_id
  LEFT JOIN bot ${name}_bot ON a.${name}_type = 'bot' AND ${name}_bot.organization_id = a.organization_id
    AND ${name}_bot.id = a.${name}_id`;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@Injectable()
export class AssignmentQueries {
  constructor(private readonly db: Database) {}

  /** Through which hands a conversation has gone, newest first: one index scan. @throws ValidationError naming `cursor` */
  async listAssignments(
    organizationId: string,
    conversationId: string,
    { cursor, limit }: ListAssignments,
  ): Promise<CursorPage<AssignmentView>> {
    const before = cursor === undefined ? null : decodeCursor(cursor, ['string'])[0];
    if (before !== null && !UUID.test(before)) {
      throw ValidationError.of('cursor', 'cursor is not one that this list has given out');
    }
    const rows = await this.db.reader(organizationId).query<AssignmentView[]>(
      `SELECT a.id, a.kind, ${side('from')}, ${side('to')}, a.actor, a.reason, a.summary, a.note,
         CASE WHEN q.id IS NOT NULL THEN jsonb_build_object('id', q.id, 'name', q.name) END AS queue,
         CASE WHEN t.id IS NOT NULL THEN jsonb_build_object('id', t.id, 'name', t.name) END AS team,
         a.over_capacity AS "overCapacity", a.decision, a.waiting_since AS "waitingSince", a.return_at AS "returnAt",
         a.notify_contact AS "notifyContact", a.created_at AS "createdAt", a.ended_at AS "endedAt"
       FROM assignment a ${joins('from')} ${joins('to')}
       LEFT JOIN queue q ON q.organization_id = a.organization_id AND q.id = a.queue_id
       LEFT JOIN team t ON t.organization_id = a.organization_id AND t.id = a.team_id
       WHERE a.organization_id = $1 AND a.conversation_id = $2 AND ($3::uuid IS NULL OR a.id < $3)
       ORDER BY a.id DESC LIMIT ${limit + 1}`,
      [organizationId, conversationId, before],
    );
    const hasMore = rows.length > limit;
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, next: hasMore && last ? encodeCursor([last.id]) : null, hasMore };
  }
}

import { Injectable } from '@nestjs/common';
import type { ConversationStatus } from '@hub/model/conversation.entity.js';
import { Database } from '@hub/model/database.js';
import type { ParticipantKind, ParticipantRole } from '@hub/model/participant.entity.js';
import type { ConversationView } from '@hub/model/views.js';
import { CountCache, type Page, type PageRequest } from '@hub/platform/paging.js';
import { containing } from '@hub/platform/sql.js';
import { loadView, loadViews } from './conversation-view.js';
import { ConversationNotFoundError } from './conversations.errors.js';

export const CONVERSATION_SORTS = ['updatedAt', 'createdAt', 'lastMessageAt'] as const;
export type ConversationSort = (typeof CONVERSATION_SORTS)[number];

export interface ConversationFilter {
  readonly status?: ConversationStatus;
  readonly channelId?: string;
  readonly channelType?: string;
  /** A user or a bot. */
  readonly assigneeId?: string;
  readonly contactId?: string;
  /** The attached bot. */
  readonly botId?: string;
  /** Created at or after, and at or before. */
  readonly startDate?: Date;
  readonly endDate?: Date;
  /** Part of the contact's name or of a message, whatever the case. */
  readonly search?: string;
}

export interface ListConversations extends ConversationFilter, PageRequest {
  readonly sortBy: ConversationSort;
  readonly sortOrder: 'asc' | 'desc';
}

export interface ParticipantView {
  readonly id: string;
  readonly kind: ParticipantKind;
  readonly role: ParticipantRole;
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
}

const SORT_COLUMN: Record<ConversationSort, string> = {
  updatedAt: 'updated_at',
  createdAt: 'created_at',
  lastMessageAt: 'last_message_at',
};

@Injectable()
export class ConversationsQueries {
  private readonly counts = new CountCache();

  constructor(private readonly db: Database) {}

  /** @throws ConversationNotFoundError */
  getConversation(organizationId: string, id: string): Promise<ConversationView> {
    return loadView(this.db.reader(organizationId), organizationId, id);
  }

  /** @throws ConversationNotFoundError unless the conversation is this contact's */
  async requireContact(organizationId: string, id: string, contactId: string): Promise<void> {
    const [own] = await this.db
      .reader(organizationId)
      .query<unknown[]>(`SELECT 1 FROM conversation WHERE organization_id = $1 AND id = $2 AND contact_id = $3`, [
        organizationId,
        id,
        contactId,
      ]);
    if (!own) throw new ConversationNotFoundError();
  }

  /**
   * The same statements whatever the page: one index scan gives the page's ids, their rows come by primary key, and
   * the total is counted beside it.
   */
  async listConversations(organizationId: string, request: ListConversations): Promise<Page<ConversationView>> {
    const { where, values } = toWhere(organizationId, request);
    const { page, perPage } = request;
    const db = this.db.reader(organizationId);
    const [ids, totalCount] = await Promise.all([
      db.query<{ id: string }[]>(
        `SELECT c.id FROM conversation c WHERE ${where} ${toOrder(request)} LIMIT ${perPage} OFFSET ${(page - 1) * perPage}`,
        values,
      ),
      this.counts.total(JSON.stringify([where, values]), async () => {
        const [row] = await db.query<{ n: number }[]>(
          `SELECT count(*) AS n FROM conversation c WHERE ${where}`,
          values,
        );
        return row?.n ?? 0;
      }),
    ]);
    const items = await loadViews(
      db,
      organizationId,
      ids.map(({ id }) => id),
    );
    return { items, totalCount, page, perPage };
  }

  /** Who takes part now, the contact first. @throws ConversationNotFoundError */
  async listParticipants(organizationId: string, conversationId: string): Promise<ParticipantView[]> {
    const rows = await this.db.reader(organizationId).query<(ParticipantView | { id: null })[]>(
      `SELECT p.ref_id AS id, p.kind, p.role, coalesce(k.name, u.name, b.name) AS name, k.phone,
         coalesce(k.email, u.email) AS email
       FROM conversation c
       LEFT JOIN participant p ON p.organization_id = c.organization_id AND p.conversation_id = c.id AND p.left_at IS NULL
       LEFT JOIN contact k ON p.kind = 'contact' AND k.organization_id = c.organization_id AND k.id = p.ref_id
       LEFT JOIN users u ON p.kind = 'user' AND u.organization_id = c.organization_id AND u.id = p.ref_id
       LEFT JOIN bot b ON p.kind = 'bot' AND b.organization_id = c.organization_id AND b.id = p.ref_id
       WHERE c.organization_id = $1 AND c.id = $2 ORDER BY p.kind <> 'contact', p.joined_at, p.ref_id`,
      [organizationId, conversationId],
    );
    if (rows.length === 0) throw new ConversationNotFoundError();
    return rows.filter((row): row is ParticipantView => row.id !== null);
  }
}

/** As the sort indexes have it, so that no page is ever sorted: a conversation without messages comes last, going down. */
function toOrder({ sortBy, sortOrder }: ListConversations): string {
  const nulls = sortBy !== 'lastMessageAt' ? '' : sortOrder === 'desc' ? 'NULLS LAST' : 'NULLS FIRST';
  return `ORDER BY c.${SORT_COLUMN[sortBy]} ${sortOrder} ${nulls}, c.id ${sortOrder}`;
}

function toWhere(organizationId: string, filter: ConversationFilter): { where: string; values: unknown[] } {
  const values: unknown[] = [organizationId];
  const where = ['c.organization_id = $1'];
  const add = (value: unknown, sql: (n: string) => string): void => {
    if (value === undefined) return;
    values.push(value);
    where.push(sql(`$${values.length}`));
  };
  add(filter.status, (n) => `c.status = ${n}`);
  add(filter.channelId, (n) => `c.channel_id = ${n}`);
  add(filter.assigneeId, (n) => `c.assignee_id = ${n}`);
  add(filter.contactId, (n) => `c.contact_id = ${n}`);
  add(filter.botId, (n) => `c.bot_id = ${n}`);
  add(filter.startDate, (n) => `c.created_at >= ${n}`);
  add(filter.endDate, (n) => `c.created_at <= ${n}`);
  add(filter.channelType, (n) => `c.channel_id IN (SELECT id FROM channel WHERE organization_id = $1 AND type = ${n})`);
  add(
    filter.search === undefined ? undefined : containing(filter.search),
    (n) => `c.id = ANY (ARRAY(SELECT conversations_matching(${n})))`,
  );
  return { where: where.join(' AND '), values };
}

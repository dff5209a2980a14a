import { Injectable } from '@nestjs/common';
import { CONVERSATION_STATUSES, type ConversationStatus } from '@hub/model/conversation.entity.js';
import { Database } from '@hub/model/database.js';
import type { ConversationView } from '@hub/model/views.js';
import { CountCache, offsetOf, type Page, type PageRequest } from '@hub/platform/paging.js';
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
  readonly ticketId?: string;
  readonly entityType?: string;
  /** Goes with `entityType`. */
  readonly entityId?: string;
  /** Only those that are put away, or only those that are not. */
  readonly archived?: boolean;
  /** Has all of them. */
  readonly tags?: readonly string[];
}

export interface ListConversations extends ConversationFilter, PageRequest {
  readonly sortBy: ConversationSort;
  readonly sortOrder: 'asc' | 'desc';
}

/** How many there are; exact up to 10,000, beyond at most ten seconds old. */
export interface ConversationCounts {
  readonly byStatus: Readonly<Record<ConversationStatus, number>>;
  /** Not closed, and assigned to whoever asks. */
  readonly mine: number;
  /** Not closed, and nobody's. */
  readonly unassigned: number;
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

  /** @throws ConversationNotFoundError */
  async requireConversation(organizationId: string, id: string): Promise<void> {
    const [found] = await this.db
      .reader(organizationId)
      .query<unknown[]>('SELECT 1 FROM conversation WHERE organization_id = $1 AND id = $2', [organizationId, id]);
    if (!found) throw new ConversationNotFoundError();
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
        `SELECT c.id FROM conversation c WHERE ${where} ${toOrder(request)} LIMIT ${perPage} OFFSET ${offsetOf(request)}`,
        values,
      ),
      this.count(organizationId, where, values),
    ]);
    const items = await loadViews(
      db,
      organizationId,
      ids.map(({ id }) => id),
    );
    return { items, totalCount, page, perPage };
  }

  /** @param assigneeId whoever asks: a user or a bot; null for a caller that cannot be an assignee */
  async countConversations(organizationId: string, assigneeId: string | null): Promise<ConversationCounts> {
    const count = (condition: string, ...values: unknown[]): Promise<number> =>
      this.count(organizationId, `c.organization_id = $1 AND ${condition}`, [organizationId, ...values]);
    const [mine, unassigned, ...statuses] = await Promise.all([
      assigneeId === null ? 0 : count(`c.assignee_id = $2 AND c.status <> 'closed'`, assigneeId),
      count(`c.status IN ('open', 'pending', 'snoozed') AND c.assignee_id IS NULL`),
      ...CONVERSATION_STATUSES.map((status) => count('c.status = $2', status)),
    ]);
    const byStatus = Object.fromEntries(CONVERSATION_STATUSES.map((status, i) => [status, statuses[i] ?? 0]));
    return { byStatus: byStatus as ConversationCounts['byStatus'], mine, unassigned };
  }

  private count(organizationId: string, where: string, values: unknown[]): Promise<number> {
    return this.counts.total(JSON.stringify([where, values]), async () => {
      const [row] = await this.db
        .reader(organizationId)
        .query<{ n: number }[]>(`SELECT count(*) AS n FROM conversation c WHERE ${where}`, values);
      return row?.n ?? 0;
    });
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
  add(filter.ticketId, (n) => `c.ticket_id = ${n}`);
  add(filter.entityType, (n) => `c.entity_type = ${n}`);
  add(filter.entityId, (n) => `c.entity_id = ${n}`);
  add(filter.tags?.length ? filter.tags : undefined, (n) => `c.tags @> ${n}::text[]`);
  if (filter.archived !== undefined) where.push(`c.archived_at IS ${filter.archived ? 'NOT ' : ''}NULL`);
  add(filter.startDate, (n) => `c.created_at >= ${n}`);
  add(filter.endDate, (n) => `c.created_at <= ${n}`);
  add(filter.channelType, (n) => `c.channel_id IN (SELECT id FROM channel WHERE organization_id = $1 AND type = ${n})`);
  add(
    filter.search === undefined ? undefined : containing(filter.search),
    (n) => `c.id = ANY (ARRAY(SELECT conversations_matching(${n})))`,
  );
  return { where: where.join(' AND '), values };
}

import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import type { ConversationView } from '@hub/model/views.js';
import { CountCache, offsetOf, type Page } from '@hub/platform/paging.js';
import { loadViews } from './conversation-view.js';
import { ConversationNotFoundError } from './conversations.errors.js';
import { loadParticipants, type ParticipantView } from './participants.js';

/** Conversations newest first, of one kind of record or about one record where that is named. */
export interface ListByParticipant {
  readonly entityType?: string;
  readonly entityId?: string;
  /** 1-based. */
  readonly page: number;
  readonly limit: number;
}

@Injectable()
export class ParticipantsQueries {
  private readonly counts = new CountCache();

  constructor(private readonly db: Database) {}

  /**
   * Who takes part, the contact first; with `left`, those who did before, too.
   * @throws ConversationNotFoundError
   */
  async listParticipants(organizationId: string, conversationId: string, left = false): Promise<ParticipantView[]> {
    const db = this.db.reader(organizationId);
    const found = (await loadParticipants(db, organizationId, [conversationId], left)).get(conversationId);
    if (found) return found;
    const known = await db.query<unknown[]>('SELECT 1 FROM conversation WHERE organization_id = $1 AND id = $2', [
      organizationId,
      conversationId,
    ]);
    if (known.length === 0) throw new ConversationNotFoundError();
    return [];
  }

  /** Who takes part in each of these conversations now, in one query. A conversation of nobody is left out. */
  participantsOf(
    organizationId: string,
    conversationIds: readonly string[],
  ): Promise<ReadonlyMap<string, ParticipantView[]>> {
    return loadParticipants(this.db.reader(organizationId), organizationId, conversationIds);
  }

  /** @throws ConversationNotFoundError unless the user takes part now */
  async requireParticipant(organizationId: string, conversationId: string, userId: string): Promise<void> {
    const [own] = await this.db.reader(organizationId).query<unknown[]>(
      `SELECT 1 FROM participant WHERE organization_id = $1 AND conversation_id = $2 AND kind = 'user' AND ref_id = $3
         AND left_at IS NULL`,
      [organizationId, conversationId, userId],
    );
    if (!own) throw new ConversationNotFoundError();
  }

  /** The conversations that a user takes part in now. */
  listForParticipant(
    organizationId: string,
    userId: string,
    request: ListByParticipant,
  ): Promise<Page<ConversationView>> {
    const values: unknown[] = [organizationId, userId];
    const about = entityFilter(request, values);
    const join = `JOIN conversation c ON c.organization_id = p.organization_id AND c.id = p.conversation_id ${about}`;
    const from = `participant p ${about && join}
      WHERE p.organization_id = $1 AND p.kind = 'user' AND p.ref_id = $2 AND p.left_at IS NULL`;
    return this.page(organizationId, 'p.conversation_id', from, values, request);
  }

  /** All conversations of the organization. */
  listOfOrganization(organizationId: string, request: ListByParticipant): Promise<Page<ConversationView>> {
    const values: unknown[] = [organizationId];
    const from = `conversation c WHERE c.organization_id = $1 ${entityFilter(request, values)}`;
    return this.page(organizationId, 'c.id', from, values, request);
  }

  private async page(
    organizationId: string,
    id: string,
    from: string,
    values: unknown[],
    { page, limit: perPage }: ListByParticipant,
  ): Promise<Page<ConversationView>> {
    const offset = offsetOf({ page, perPage });
    const db = this.db.reader(organizationId);
    const [ids, totalCount] = await Promise.all([
      db.query<{ id: string }[]>(
        `SELECT ${id} AS id FROM ${from} ORDER BY ${id} DESC LIMIT ${perPage} OFFSET ${offset}`,
        values,
      ),
      this.counts.total(JSON.stringify([from, values]), async () => {
        const [row] = await db.query<{ n: number }[]>(`SELECT count(*) AS n FROM ${from}`, values);
        return row?.n ?? 0;
      }),
    ]);
    const items = await loadViews(
      db,
      organizationId,
      ids.map((row) => row.id),
    );
    return { items, totalCount, page, perPage };
  }
}

/** A condition on `c`, or nothing; its values are added to `values`. */
function entityFilter({ entityType, entityId }: ListByParticipant, values: unknown[]): string {
  const equals = (column: string, value: string): string => `AND c.${column} = $${values.push(value)}`;
  return [
    ...(entityType === undefined ? [] : [equals('entity_type', entityType)]),
    ...(entityId === undefined ? [] : [equals('entity_id', entityId)]),
  ].join(' ');
}

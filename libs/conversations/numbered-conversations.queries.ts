import { Injectable } from '@nestjs/common';
import { Database, queryPrepared, type Prepared, type Reader } from '@hub/model/database.js';
import type { ConversationView } from '@hub/model/views.js';
import { loadView, loadViews } from './conversation-view.js';
import { ConversationNotFoundError } from './conversations.errors.js';
import { NumbersQueries } from './numbers.queries.js';

/** A conversation, and by which address its contact is known on its channel. */
export interface NumberedConversation {
  readonly view: ConversationView;
  /** The identity there, else phone (E.164), email, the caller's own id; null where there is none, or no contact. */
  readonly address: string | null;
}

export interface ListByNumber {
  /** The number of the last one seen; null for the start. */
  readonly after: number | null;
  readonly direction: 'asc' | 'desc';
  readonly limit: number;
}

/** Conversations as clients that know integers only read them. */
@Injectable()
export class NumberedConversationsQueries {
  constructor(
    private readonly db: Database,
    private readonly numbers: NumbersQueries,
  ) {}

  /** All conversations by number. Three statements, the first of them one index scan, however far the page is. */
  async listByNumber(
    organizationId: string,
    { after, direction, limit }: ListByNumber,
  ): Promise<{ items: NumberedConversation[]; hasMore: boolean }> {
    const db = this.db.reader(organizationId);
    const start = after ?? (direction === 'asc' ? 0 : Number.MAX_SAFE_INTEGER);
    const rows = await queryPrepared<{ id: string }>(db, PAGE[direction], [organizationId, start, limit + 1]);
    const ids = rows.slice(0, limit).map(({ id }) => id);
    const [views, addresses] = await Promise.all([
      loadViews(db, organizationId, ids),
      addressesOf(db, organizationId, ids),
    ]);
    const items = views.map((view) => ({ view, address: addresses.get(view.id) ?? null }));
    return { items, hasMore: rows.length > limit };
  }

  /** @throws ConversationNotFoundError */
  async getByNumber(organizationId: string, number: number): Promise<NumberedConversation> {
    const id = await this.numbers.findThing(organizationId, 'conversation', number);
    if (!id) throw new ConversationNotFoundError();
    return this.getConversation(organizationId, id);
  }

  /** @throws ConversationNotFoundError */
  async getConversation(organizationId: string, id: string): Promise<NumberedConversation> {
    const db = this.db.reader(organizationId);
    const [view, addresses] = await Promise.all([
      loadView(db, organizationId, id),
      addressesOf(db, organizationId, [id]),
    ]);
    return { view, address: addresses.get(id) ?? null };
  }
}

async function addressesOf(
  db: Reader,
  organizationId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  if (ids.length === 0) return new Map();
  const rows = await queryPrepared<{ id: string; address: string | null }>(db, ADDRESSES, [organizationId, ids]);
  return new Map(rows.map(({ id, address }) => [id, address]));
}

const PAGE: Record<ListByNumber['direction'], Prepared> = {
  asc: {
    name: 'conversations-by-number-up',
    text: `SELECT id FROM conversation WHERE organization_id = $1 AND number > $2 ORDER BY number LIMIT $3`,
  },
  desc: {
    name: 'conversations-by-number-down',
    text: `SELECT id FROM conversation WHERE organization_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3`,
  },
};

const ADDRESSES: Prepared = {
  name: 'conversation-addresses',
  text: `
    SELECT c.id, coalesce(
      (SELECT i.identifier FROM contact_identity i
       WHERE i.organization_id = $1 AND i.contact_id = c.contact_id AND i.channel_id = c.channel_id
       ORDER BY i.created_at DESC, i.id DESC LIMIT 1),
      k.phone, k.email, k.external_id) AS address
    FROM conversation c JOIN contact k ON k.organization_id = $1 AND k.id = c.contact_id
    WHERE c.organization_id = $1 AND c.id = ANY ($2::uuid[])`,
};

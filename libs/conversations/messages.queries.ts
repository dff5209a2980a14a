import { Injectable } from '@nestjs/common';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Database } from '@hub/model/database.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { MessageView } from '@hub/model/views.js';
import { decodeCursor, encodeCursor, type CursorPage } from '@hub/platform/paging.js';
import { ConversationNotFoundError, MessageNotFoundError } from './conversations.errors.js';
import { toMessageWhere, type SearchMessages } from './message-filter.js';
import { loadMessage, MESSAGE_SELECT } from './message-view.js';

/** What the contact may see: what was really sent, by either side. */
export const SEEN_BY_CONTACT = `(m.direction = 'inbound' OR m.direction = 'outbound' AND m.sent_at IS NOT NULL)`;

export interface ListMessages {
  readonly conversationId: string;
  readonly cursor?: string;
  readonly limit: number;
  /** `before` goes back from the latest, `after` forward from the first. */
  readonly direction: 'before' | 'after';
  /** `contact` leaves out notes, drafts and whatever has not been sent; the staff sees everything. */
  readonly audience?: 'staff' | 'contact';
}

export interface MessageDetail extends MessageView {
  readonly channelType: ChannelType;
  /** The address of the side that wrote it, as the channel knows it; null of notes. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface ReadMark {
  readonly conversationId: string;
  readonly userId: string;
  /** Messages up to this `seq` have been read. */
  readonly seq: number;
  readonly readAt: Date;
}

@Injectable()
export class MessagesQueries {
  constructor(private readonly db: Database) {}

  /** @throws MessageNotFoundError */
  getMessage(organizationId: string, id: string): Promise<MessageView> {
    return loadMessage(this.db.reader(organizationId), organizationId, id);
  }

  /** With the two ends of its way. @throws MessageNotFoundError */
  async getDetail(organizationId: string, id: string): Promise<MessageDetail> {
    const db = this.db.reader(organizationId);
    const [message, ends] = await Promise.all([
      loadMessage(db, organizationId, id),
      db.query<{ channelType: ChannelType; ours: string; theirs: string | null }[]>(ENDS, [organizationId, id]),
    ]);
    const [found] = ends;
    if (!found) throw new MessageNotFoundError();
    const { channelType, ours, theirs } = found;
    if (message.direction === 'internal') return { ...message, channelType, from: null, to: null };
    const [from, to] = message.direction === 'inbound' ? [theirs, ours] : [ours, theirs];
    return { ...message, channelType, from, to };
  }

  /**
   * Messages of the whole organization, notes and drafts included, newest first; one index scan whatever the filter: the
   * conversation's, the channel's or the organization's own order. @throws ValidationError naming `cursor`
   */
  async searchMessages(organizationId: string, request: SearchMessages): Promise<CursorPage<MessageView>> {
    const { where, values, key } = toMessageWhere(organizationId, request);
    const { limit } = request;
    const rows = await this.db
      .reader(organizationId)
      .query<MessageView[]>(`${MESSAGE_SELECT} WHERE ${where} ORDER BY m.${key} DESC LIMIT ${limit + 1}`, values);
    const hasMore = rows.length > limit;
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, next: hasMore && last ? encodeCursor([last[key]]) : null, hasMore };
  }

  /**
   * A page of a conversation, oldest first whichever way it goes; the cursor leads on in the same direction.
   * @throws ConversationNotFoundError; ValidationError naming `cursor`
   */
  async listMessages(organizationId: string, request: ListMessages): Promise<CursorPage<MessageView>> {
    const { conversationId, cursor, limit, direction, audience = 'staff' } = request;
    const from = cursor === undefined ? null : decodeCursor(cursor, ['number'])[0];
    const [compare, order] = direction === 'before' ? ['<', 'DESC'] : ['>', 'ASC'];
    const rows = await this.db.reader(organizationId).query<MessageView[]>(
      `${MESSAGE_SELECT}
       WHERE m.organization_id = $1 AND m.conversation_id = $2 AND ($3::bigint IS NULL OR m.seq ${compare} $3)
         ${audience === 'contact' ? `AND ${SEEN_BY_CONTACT}` : ''}
       ORDER BY m.seq ${order} LIMIT ${limit + 1}`,
      [organizationId, conversationId, from],
    );
    if (rows.length === 0) await this.requireConversation(organizationId, conversationId);
    const hasMore = rows.length > limit;
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    if (direction === 'before') items.reverse();
    return { items, next: hasMore && last ? encodeCursor([last.seq]) : null, hasMore };
  }

  /** The latest messages that the contact could see, oldest first. */
  async latestMessages(organizationId: string, conversationId: string, limit: number): Promise<MessageView[]> {
    const latest = await this.latestOf(organizationId, [conversationId], limit);
    return latest.get(conversationId) ?? [];
  }

  /** As {@link latestMessages}, of many conversations in one query; those without any are left out. */
  async latestOf(
    organizationId: string,
    conversationIds: readonly string[],
    limit: number,
  ): Promise<ReadonlyMap<string, MessageView[]>> {
    const found = new Map<string, MessageView[]>();
    if (conversationIds.length === 0) return found;
    const rows = await this.db.reader(organizationId).query<MessageView[]>(
      `SELECT l.* FROM unnest($2::uuid[]) AS wanted(id) CROSS JOIN LATERAL (
         ${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.conversation_id = wanted.id AND ${SEEN_BY_CONTACT}
         ORDER BY m.seq DESC LIMIT ${Math.trunc(limit)}) AS l ORDER BY l."conversationId", l.seq`,
      [organizationId, [...new Set(conversationIds)]],
    );
    for (const row of rows) {
      const list = found.get(row.conversationId) ?? [];
      found.set(row.conversationId, [...list, row]);
    }
    return found;
  }

  /**
   * Every message of these conversations, notes and drafts included, in the order in which they were written, across the
   * conversations; in batches by keyset, one query each. `after`: the id of the last one seen.
   */
  async *streamAll(
    organizationId: string,
    conversationIds: readonly string[],
    { batch = 500, after = null }: { readonly batch?: number; readonly after?: string | null } = {},
  ): AsyncGenerator<MessageView[]> {
    const db = this.db.reader(organizationId);
    let from = after;
    for (let isLast = conversationIds.length === 0; !isLast;) {
      const rows: MessageView[] = await db.query<MessageView[]>(
        `WITH chunk AS MATERIALIZED (
           SELECT id FROM (SELECT id FROM message WHERE organization_id = $1 AND conversation_id = ANY ($2::uuid[])
             OFFSET 0) AS every_one
           WHERE $3::uuid IS NULL OR id > $3 ORDER BY id LIMIT ${Math.trunc(batch)})
         ${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.id IN (SELECT id FROM chunk) ORDER BY m.id`,
        [organizationId, conversationIds, from],
      );
      if (rows.length > 0) yield rows;
      from = rows.at(-1)?.id ?? from;
      isLast = rows.length < batch;
    }
  }

  /** What these messages were made from, by their ids; those without a source are left out. */
  async rawOf(organizationId: string, messageIds: readonly string[]): Promise<ReadonlyMap<string, JsonObject>> {
    if (messageIds.length === 0) return new Map();
    const rows = await this.db
      .reader(organizationId)
      .query<{ id: string; raw: JsonObject }[]>(
        'SELECT message_id AS id, raw FROM message_raw WHERE organization_id = $1 AND message_id = ANY ($2::uuid[])',
        [organizationId, messageIds],
      );
    return new Map(rows.map(({ id, raw }) => [id, raw]));
  }

  /** How far each user, or one of them, has read in these conversations, in one query. */
  async readMarks(organizationId: string, conversationIds: readonly string[], userId?: string): Promise<ReadMark[]> {
    if (conversationIds.length === 0) return [];
    return this.db.reader(organizationId).query<ReadMark[]>(
      `SELECT conversation_id AS "conversationId", user_id AS "userId", seq, read_at AS "readAt" FROM read_mark
       WHERE organization_id = $1 AND conversation_id = ANY ($2::uuid[]) AND ($3::uuid IS NULL OR user_id = $3)`,
      [organizationId, conversationIds, userId ?? null],
    );
  }

  /**
   * Everything that has really been said in a conversation until now, by either side, in the order in which it was said;
   * in batches, one index scan each: however long it is, little of it is held. No notes, no drafts, nothing unsent.
   */
  async *streamSaid(organizationId: string, conversationId: string): AsyncGenerator<MessageView[]> {
    const db = this.db.reader(organizationId);
    const [until] = await db.query<{ seq: number }[]>(
      'SELECT message_seq AS seq FROM conversation WHERE organization_id = $1 AND id = $2',
      [organizationId, conversationId],
    );
    const last = until?.seq ?? 0;
    for (let from: number | undefined = 0; from !== undefined;) {
      const rows: MessageView[] = await db.query<MessageView[]>(SAID, [organizationId, conversationId, from, last]);
      if (rows.length > 0) yield rows;
      from = rows.length < SAID_BATCH ? undefined : rows.at(-1)?.seq;
    }
  }

  private async requireConversation(organizationId: string, id: string): Promise<void> {
    const [found] = await this.db
      .reader(organizationId)
      .query<unknown[]>('SELECT 1 FROM conversation WHERE organization_id = $1 AND id = $2', [organizationId, id]);
    if (!found) throw new ConversationNotFoundError();
  }
}

/** Our address and the contact's on a message's channel. */
const ENDS = `
  SELECT ch.type AS "channelType", coalesce(ch.config->>'phoneNumber', ch.config->>'fromEmail', ch.name) AS ours,
    coalesce((SELECT i.identifier FROM contact_identity i WHERE i.organization_id = $1 AND i.contact_id = c.contact_id
        AND i.channel_id = ch.id ORDER BY i.id LIMIT 1),
      CASE WHEN ch.type = 'email' THEN k.email END, k.phone, k.email) AS theirs
  FROM message m
  JOIN conversation c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channel ch ON ch.organization_id = m.organization_id AND ch.id = m.channel_id
  LEFT JOIN contact k ON k.organization_id = c.organization_id AND k.id = c.contact_id
  WHERE m.organization_id = $1 AND m.id = $2`;
/** A batch at its largest – each with half a MiB of HTML – is what a process can hold. */
const SAID_BATCH = 200;

const SAID = `${MESSAGE_SELECT}
  WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.seq > $3 AND m.seq <= $4
    AND ${SEEN_BY_CONTACT} ORDER BY m.seq LIMIT ${SAID_BATCH}`;

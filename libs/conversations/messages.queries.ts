import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import type { MessageView } from '@hub/model/views.js';
import { decodeCursor, encodeCursor, type CursorPage } from '@hub/platform/paging.js';
import { ConversationNotFoundError, MessageNotFoundError } from './conversations.errors.js';
import { MESSAGE_SELECT } from './message-view.js';

export interface ListMessages {
  readonly conversationId: string;
  readonly cursor?: string;
  readonly limit: number;
  /** `before` goes back from the latest, `after` forward from the first. */
  readonly direction: 'before' | 'after';
  /** Private notes included, unless false. */
  readonly notes?: boolean;
}

@Injectable()
export class MessagesQueries {
  constructor(private readonly db: Database) {}

  /** @throws MessageNotFoundError */
  async getMessage(organizationId: string, id: string): Promise<MessageView> {
    const [row] = await this.db
      .reader(organizationId)
      .query<MessageView[]>(`${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.id = $2`, [organizationId, id]);
    if (!row) throw new MessageNotFoundError();
    return row;
  }

  /**
   * A page of a conversation with its private notes, oldest first whichever way it goes; the cursor leads on in the
   * same direction. @throws ConversationNotFoundError; ValidationError naming `cursor`
   */
  async listMessages(organizationId: string, request: ListMessages): Promise<CursorPage<MessageView>> {
    const { conversationId, cursor, limit, direction, notes = true } = request;
    const from = cursor === undefined ? null : decodeCursor(cursor, ['number'])[0];
    const [compare, order] = direction === 'before' ? ['<', 'DESC'] : ['>', 'ASC'];
    const rows = await this.db.reader(organizationId).query<MessageView[]>(
      `${MESSAGE_SELECT}
       WHERE m.organization_id = $1 AND m.conversation_id = $2 AND ($3::bigint IS NULL OR m.seq ${compare} $3)
         ${notes ? '' : `AND m.direction <> 'internal'`}
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
    const rows = await this.db.reader(organizationId).query<MessageView[]>(
      `${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.direction <> 'internal'
       ORDER BY m.seq DESC LIMIT ${limit}`,
      [organizationId, conversationId],
    );
    return rows.reverse();
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

/** A batch at its largest – each with half a MiB of HTML – is what a process can hold. */
const SAID_BATCH = 200;

const SAID = `${MESSAGE_SELECT}
  WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.seq > $3 AND m.seq <= $4
    AND (m.direction = 'inbound' OR m.direction = 'outbound' AND m.sent_at IS NOT NULL)
  ORDER BY m.seq LIMIT ${SAID_BATCH}`;

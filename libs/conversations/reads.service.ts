import { Injectable } from '@nestjs/common';
import type { Author } from '@hub/events/outbox.js';
import { Conversation } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { ConversationView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { lockConversation } from './conversation-lock.js';
import { loadView } from './conversation-view.js';
import { MessageNotFoundError } from './conversations.errors.js';
import { ConversationsService } from './conversations.service.js';
import type { ConversationCommand } from './conversations.types.js';
import { lockMessage } from './message-view.js';

export interface Marked {
  readonly conversationId: string;
  /** Messages of the contact that the caller had not read before: a user by their own mark, a key by the staff's. */
  readonly markedCount: number;
}

/**
 * How far a conversation has been read. A user has a mark of their own; the staff as a whole has one, which every user
 * and key moves and which `unreadCount` counts from. Marks only go ahead.
 */
@Injectable()
export class ReadsService {
  constructor(
    private readonly db: Database,
    private readonly conversations: ConversationsService,
  ) {}

  /** Up to this message. @throws MessageNotFoundError */
  async readTo(author: Author, messageId: string): Promise<Marked> {
    return this.db.transaction(author.organizationId, async (tx) => {
      const { conversation, message } = await lockMessage(tx, author.organizationId, messageId);
      return this.markIn(tx, author, conversation, message.seq);
    });
  }

  /**
   * Up to the latest of these messages, which are of one conversation: the given one, where one is given.
   * @throws ConversationNotFoundError; MessageNotFoundError and ValidationError naming `messageIds`
   */
  async readMany(author: Author, messageIds: readonly string[], conversationId?: string): Promise<Marked> {
    return this.db.transaction(author.organizationId, async (tx) => {
      if (conversationId) await lockConversation(tx, author.organizationId, { conversationId });
      const wanted = [...new Set(messageIds)];
      const rows = await tx.query<{ conversationId: string; seq: number; n: number }[]>(
        `SELECT conversation_id AS "conversationId", max(seq) AS seq, count(*)::int AS n FROM message
         WHERE organization_id = $1 AND id = ANY ($2::uuid[]) AND ($3::uuid IS NULL OR conversation_id = $3)
         GROUP BY conversation_id`,
        [author.organizationId, wanted, conversationId ?? null],
      );
      if (rows.reduce((sum, { n }) => sum + n, 0) < wanted.length) throw new MessageNotFoundError('messageIds');
      const [row] = rows;
      if (!row || rows.length > 1) throw ValidationError.of('messageIds', 'messageIds must be of one conversation');
      const conversation = await lockConversation(tx, author.organizationId, row);
      return this.markIn(tx, author, conversation, row.seq);
    });
  }

  /** Up to the last message written at or before the time; to the end without one. @throws ConversationNotFoundError */
  async readBefore(author: Author, conversationId: string, before: Date | null): Promise<Marked> {
    return this.db.transaction(author.organizationId, async (tx) => {
      const conversation = await lockConversation(tx, author.organizationId, { conversationId });
      if (!before) return this.markIn(tx, author, conversation, conversation.messageSeq);
      const [last] = await tx.query<{ seq: number }[]>(
        `SELECT seq FROM message WHERE organization_id = $1 AND conversation_id = $2 AND occurred_at <= $3
         ORDER BY seq DESC LIMIT 1`,
        [author.organizationId, conversationId, before],
      );
      return this.markIn(tx, author, conversation, last?.seq ?? 0);
    });
  }

  /** To the end. @throws ConversationNotFoundError, VersionMismatchError */
  async readAll(author: Author, command: ConversationCommand): Promise<ConversationView> {
    return this.db.transaction(author.organizationId, async (tx) => {
      const conversation = await lockConversation(tx, author.organizationId, command);
      await this.markIn(tx, author, conversation, conversation.messageSeq);
      return loadView(tx, author.organizationId, conversation.id);
    });
  }

  private async markIn(tx: Tx, author: Author, conversation: Conversation, upTo: number): Promise<Marked> {
    const { organizationId, id: conversationId, readSeq } = conversation;
    const own = await this.moveOwn(tx, author, conversationId, upTo);
    const from = own ?? readSeq;
    const markedCount = upTo > from ? await inboundBetween(tx, conversation, from, upTo) : 0;
    if (upTo > readSeq) {
      const unreadCount = await inboundBetween(tx, conversation, upTo, null);
      if (unreadCount !== conversation.unreadCount) {
        const fields = { unreadCount, readSeq: upTo };
        await this.conversations.change(tx, author, conversation, 'conversation.updated', fields);
      } else {
        await tx.update(Conversation, { organizationId, id: conversationId }, { readSeq: upTo });
      }
    }
    return { conversationId, markedCount };
  }

  /** Moves the mark of a user. @returns where it was; null for whoever has none of their own */
  private async moveOwn(tx: Tx, author: Author, conversationId: string, upTo: number): Promise<number | null> {
    const { organizationId, principal } = author;
    if (principal.type !== 'user') return null;
    const values = [organizationId, conversationId, principal.id];
    const [mark] = await tx.query<{ seq: number }[]>(
      'SELECT seq FROM read_mark WHERE organization_id = $1 AND conversation_id = $2 AND user_id = $3',
      values,
    );
    await tx.query(
      `INSERT INTO read_mark (organization_id, conversation_id, user_id, seq) VALUES ($1, $2, $3, $4)
       ON CONFLICT (organization_id, conversation_id, user_id)
       DO UPDATE SET seq = excluded.seq, read_at = now() WHERE read_mark.seq < excluded.seq`,
      [...values, upTo],
    );
    return mark?.seq ?? 0;
  }
}

/** How many messages of the contact come after one place, up to another or the end. */
async function inboundBetween(
  tx: Tx,
  { organizationId, id }: Conversation,
  after: number,
  upTo: number | null,
): Promise<number> {
  const [row] = await tx.query<{ n: number }[]>(
    `SELECT count(*)::int AS n FROM message WHERE organization_id = $1 AND conversation_id = $2
       AND seq > $3 AND ($4::bigint IS NULL OR seq <= $4) AND direction = 'inbound'`,
    [organizationId, id, after, upTo],
  );
  return row?.n ?? 0;
}

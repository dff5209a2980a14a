import { Injectable } from '@nestjs/common';
import { Outbox, type Author } from '@hub/events/outbox.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { MessageContent } from '@hub/model/message.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { PLAIN_MESSAGE, type MessageView } from '@hub/model/views.js';
import { newId } from '@hub/platform/ids.js';

/** A message that is ready to be written. */
export interface Draft {
  readonly conversationId: string;
  readonly channelId: string;
  readonly number: number;
  readonly direction: 'inbound' | 'outbound';
  readonly content: MessageContent;
  readonly sender: PartyRef;
  readonly externalId: string | null;
  readonly clientMessageId: string | null;
  readonly metadata: JsonObject;
  readonly occurredAt: Date;
  /** Whether a person answers with it, which makes the conversation read. */
  readonly marksRead: boolean;
}

/** What there is to search in a message: its words. */
export function searchableText(content: MessageContent): string | null {
  const words = [content['text'], content['caption'], content['name'], content['filename']];
  return words.filter((word) => typeof word === 'string').join(' ') || null;
}

/**
 * Writes a message, the counters of its conversation and its event in one statement: the hot path of the product.
 * The conversation's row lock gives the message its place (`seq`) and the event its sequence.
 */
@Injectable()
export class MessageWriter {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
  ) {}

  /**
   * @param tx joins this transaction, or null to commit by itself
   * @returns the message, or null when the conversation is closed or (for an outbound one) its channel not active
   */
  async write(tx: Tx | null, author: Author, draft: Draft): Promise<MessageView | null> {
    const { organizationId } = author;
    const id = newId();
    const createdAt = new Date();
    const { marksRead, ...fields } = draft;
    const view = {
      ...PLAIN_MESSAGE,
      ...fields,
      organizationId,
      id,
      seq: 0,
      status: draft.direction === 'inbound' ? ('delivered' as const) : ('sent' as const),
      sentAt: draft.direction === 'outbound' ? createdAt : null,
      createdAt,
    };
    const event = this.outbox.prepare({
      type: draft.direction === 'inbound' ? 'message.received' : 'message.sent',
      author,
      conversationId: draft.conversationId,
      channelId: draft.channelId,
      subject: view,
    });
    const values = [
      organizationId,
      draft.conversationId,
      id,
      draft.number,
      draft.direction,
      draft.content.type,
      draft.content,
      searchableText(draft.content),
      view.status,
      draft.sender,
      draft.externalId,
      draft.clientMessageId,
      draft.metadata,
      draft.occurredAt,
      createdAt,
      event.id,
      draft.direction === 'inbound' ? 'message.received' : 'message.sent',
      event.bodyBefore,
      event.bodyAfter,
      event.at,
      marksRead,
    ];
    const rows = tx
      ? await tx.query<{ seq: number }[]>(WRITE.text, values)
      : await this.db.prepared<{ seq: number }>(organizationId, WRITE, values);
    if (!rows[0]) return null;
    this.outbox.signal.afterCommit(tx);
    return { ...view, seq: rows[0].seq };
  }
}

/** $5 direction, $14 when it was written, $21 whether it makes the conversation read. */
export const WRITE = {
  name: 'message-write',
  text: `
    WITH c AS (
      UPDATE conversation c SET
        message_seq = c.message_seq + 1,
        event_seq = c.event_seq + 1,
        message_count = c.message_count + 1,
        unread_count = CASE WHEN $5 = 'inbound' THEN c.unread_count + 1 WHEN $21::boolean THEN 0 ELSE c.unread_count END,
        first_message_at = least(c.first_message_at, $14::timestamptz),
        last_message_at = greatest(c.last_message_at, $14::timestamptz),
        last_inbound_at = CASE WHEN $5 = 'inbound' THEN greatest(c.last_inbound_at, $14::timestamptz)
          ELSE c.last_inbound_at END,
        last_message_id = CASE WHEN c.last_message_at > $14::timestamptz THEN c.last_message_id ELSE $3 END,
        updated_at = clock_timestamp()
      FROM channel ch
      WHERE c.organization_id = $1 AND c.id = $2 AND c.status <> 'closed'
        AND ch.organization_id = $1 AND ch.id = c.channel_id AND ($5 = 'inbound' OR ch.status = 'active')
      RETURNING c.channel_id, c.message_seq, c.event_seq
    ), m AS (
      INSERT INTO message (organization_id, id, number, conversation_id, channel_id, seq, direction, content_type, content,
        text, status, sender, external_id, client_message_id, metadata, occurred_at, sent_at, created_at)
      SELECT $1::uuid, $3::uuid, $4::bigint, $2::uuid, c.channel_id, c.message_seq, $5::text, $6::text, $7::jsonb,
        $8::text, $9::text, $10::jsonb, $11::text, $12::text, $13::jsonb, $14::timestamptz,
        CASE WHEN $5 = 'outbound' THEN $15::timestamptz END, $15::timestamptz FROM c
    ), e AS (
      INSERT INTO event (organization_id, id, type, order_key, sequence, subject_id, channel_id, body, created_at)
      SELECT $1::uuid, $16::uuid, $17::text, $2::uuid, c.event_seq, $3::uuid, c.channel_id,
        $18::text || c.event_seq || $19::text, $20::timestamptz FROM c
    )
    SELECT message_seq AS seq FROM c`,
};

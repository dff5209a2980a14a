import { Injectable } from '@nestjs/common';
import { Outbox, type Author } from '@hub/events/outbox.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import { Database, type Prepared, type Tx } from '@hub/model/database.js';
import type { MessageContent, Recipients } from '@hub/model/message.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { PLAIN_MESSAGE, type AttachmentView, type MessageView } from '@hub/model/views.js';
import { newId } from '@hub/platform/ids.js';
import { writeAside } from './message-aside.js';
import { searchableText } from './message-text.js';

/** A message that is ready to be written. */
export interface NewMessage {
  readonly conversationId: string;
  readonly channelId: string;
  readonly number: number;
  readonly direction: 'inbound' | 'outbound';
  readonly content: MessageContent;
  readonly sender: PartyRef;
  readonly externalId: string | null;
  readonly clientMessageId: string | null;
  readonly metadata: JsonObject;
  readonly recipients: Recipients | null;
  /** Taken already; the caller links them to the message in the same transaction. */
  readonly attachments: readonly AttachmentView[];
  readonly occurredAt: Date;
  /** Whether a person answers with it, which makes the conversation read. */
  readonly marksRead: boolean;
}

/** An answer that does not go out yet: a draft, or what has its time. */
export interface PendingMessage extends Omit<NewMessage, 'direction' | 'externalId' | 'marksRead'> {
  readonly draft: boolean;
  readonly scheduledAt: Date | null;
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
  async write(tx: Tx | null, author: Author, message: NewMessage): Promise<MessageView | null> {
    const { organizationId, principal } = author;
    const id = newId();
    const createdAt = new Date();
    const { marksRead, ...fields } = message;
    const isInbound = message.direction === 'inbound';
    const type = isInbound ? 'message.received' : 'message.sent';
    const view = {
      ...PLAIN_MESSAGE,
      ...fields,
      organizationId,
      id,
      seq: 0,
      status: isInbound ? ('delivered' as const) : ('sent' as const),
      readByStaff: !isInbound,
      sentAt: isInbound ? null : createdAt,
      createdAt,
    };
    const { conversationId, channelId, content } = message;
    const event = this.outbox.prepare({ type, author, conversationId, channelId, subject: view });
    const reader = marksRead && principal.type === 'user' ? principal.id : null;
    const values = [
      organizationId,
      conversationId,
      id,
      message.number,
      message.direction,
      content.type,
      content,
      searchableText(content),
      view.status,
      message.sender,
      message.externalId,
      message.clientMessageId,
      message.metadata,
      message.occurredAt,
      createdAt,
      event.id,
      type,
      event.bodyBefore,
      event.bodyAfter,
      event.at,
      marksRead,
      message.recipients,
      message.attachments.length,
      event.trace,
      ...(reader ? [reader] : []),
    ];
    const statement = reader ? WRITE_AS_USER : WRITE;
    const rows = tx
      ? await tx.query<{ seq: number }[]>(statement.text, values)
      : await this.db.prepared<{ seq: number }>(organizationId, statement, values);
    if (!rows[0]) return null;
    this.outbox.signal.afterCommit(tx);
    return { ...view, seq: rows[0].seq };
  }

  /**
   * Puts down what does not go out yet: it has its place among the messages and counts for nothing until it is sent.
   * A draft is told as submitted. The caller holds the conversation's lock.
   */
  async setAside(tx: Tx, author: Author, message: PendingMessage): Promise<MessageView> {
    const view = await writeAside(tx, author, { ...message, direction: 'outbound', status: 'pending' });
    if (message.draft) {
      const { conversationId, channelId } = message;
      const type = 'message.draft.submitted';
      await this.outbox.append(tx, { type, author, conversationId, channelId, subject: view });
    }
    return view;
  }

  /**
   * Sends what was set aside: it becomes the latest message, and counts. The caller holds the conversation's lock and
   * has seen that it is not closed and its channel active.
   */
  async release(tx: Tx, author: Author, message: MessageView, marksRead: boolean): Promise<MessageView> {
    const { organizationId, id, conversationId, channelId } = message;
    const now = new Date();
    const [rows] = await tx.query<[{ seq: number }[], number]>(COUNT_RELEASED, [
      organizationId,
      conversationId,
      id,
      now,
      marksRead,
    ]);
    const seq = rows[0]?.seq ?? message.seq;
    await tx.query(
      `UPDATE message SET seq = $3, status = 'sent', sent_at = $4, occurred_at = $4
       WHERE organization_id = $1 AND id = $2`,
      [organizationId, id, seq, now],
    );
    const subject: MessageView = { ...message, seq, status: 'sent', sentAt: now, occurredAt: now };
    await this.outbox.append(tx, { type: 'message.sent', author, conversationId, channelId, subject });
    return subject;
  }
}

const COUNT_RELEASED = `
  UPDATE conversation SET
    message_seq = message_seq + 1,
    message_count = message_count + 1,
    unread_count = CASE WHEN $5 THEN 0 ELSE unread_count END,
    read_seq = CASE WHEN $5 THEN message_seq + 1 ELSE read_seq END,
    first_message_at = least(first_message_at, $4),
    last_message_at = greatest(last_message_at, $4),
    last_message_id = CASE WHEN last_message_at > $4 THEN last_message_id ELSE $3 END,
    updated_at = clock_timestamp()
  WHERE organization_id = $1 AND id = $2
  RETURNING message_seq AS seq`;

/** $5 direction, $14 when it was written, $21 whether it makes the conversation read. */
export const WRITE: Prepared = {
  name: 'message-write',
  text: `
    WITH c AS (
      UPDATE conversation c SET
        message_seq = c.message_seq + 1,
        event_seq = c.event_seq + 1,
        message_count = c.message_count + 1,
        unread_count = CASE WHEN $5 = 'inbound' THEN c.unread_count + 1 WHEN $21::boolean THEN 0 ELSE c.unread_count END,
        read_seq = CASE WHEN $21::boolean THEN c.message_seq + 1 ELSE c.read_seq END,
        first_message_at = least(c.first_message_at, $14::timestamptz),
        last_message_at = greatest(c.last_message_at, $14::timestamptz),
        last_inbound_at = CASE WHEN $5 = 'inbound' THEN greatest(c.last_inbound_at, $14::timestamptz)
          ELSE c.last_inbound_at END,
        last_message_id = CASE WHEN c.last_message_at > $14::timestamptz THEN c.last_message_id ELSE $3 END,
        updated_at = clock_timestamp()
      FROM channel ch
      WHERE c.organization_id = $1 AND c.id = $2 AND c.status <> 'closed'
        AND ch.organization_id = $1 AND ch.id = c.channel_id AND ($5 = 'inbound' OR ch.status = 'active')
      RETURNING c.channel_id, c.message_seq, c.event_seq, c.team_id
    ), m AS (
      INSERT INTO message (organization_id, id, number, conversation_id, channel_id, seq, direction, content_type, content,
        text, status, sender, external_id, client_message_id, metadata, occurred_at, sent_at, created_at, recipients,
        attachment_count)
      SELECT $1::uuid, $3::uuid, $4::bigint, $2::uuid, c.channel_id, c.message_seq, $5::text, $6::text, $7::jsonb,
        $8::text, $9::text, $10::jsonb, $11::text, $12::text, $13::jsonb, $14::timestamptz,
        CASE WHEN $5 = 'outbound' THEN $15::timestamptz END, $15::timestamptz, $22::jsonb, $23::integer FROM c
    ), e AS (
      INSERT INTO event (organization_id, id, type, order_key, sequence, subject_id, channel_id, body, created_at, trace,
        team_id)
      SELECT $1::uuid, $16::uuid, $17::text, $2::uuid, c.event_seq, $3::uuid, c.channel_id,
        $18::text || c.event_seq || $19::text, $20::timestamptz, $24::text, c.team_id FROM c
    )
    SELECT message_seq AS seq FROM c`,
};

/** As {@link WRITE}, by a person who has read by it: $25. */
const WRITE_AS_USER: Prepared = {
  name: 'message-write-as-user',
  text: WRITE.text.replace(
    /\n {4}\)\n {4}SELECT message_seq AS seq FROM c$/,
    `
    ), r AS (
      INSERT INTO read_mark (organization_id, conversation_id, user_id, seq)
      SELECT $1::uuid, $2::uuid, $25::uuid, c.message_seq FROM c
      ON CONFLICT (organization_id, conversation_id, user_id)
      DO UPDATE SET seq = greatest(read_mark.seq, excluded.seq), read_at = now()
    )
    SELECT message_seq AS seq FROM c`,
  ),
};

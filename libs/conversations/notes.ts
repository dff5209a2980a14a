import type { Author } from '@hub/events/outbox.js';
import { newId } from '@hub/platform/ids.js';
import type { MessageContent } from '@hub/model/message.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { PLAIN_MESSAGE, type MessageView } from '@hub/model/views.js';
import { searchableText } from './message-writer.js';

/** A private note ready to be written. */
export interface NoteDraft {
  readonly conversationId: string;
  readonly channelId: string;
  readonly content: MessageContent;
  readonly clientMessageId?: string | null;
  readonly metadata?: JsonObject;
}

/**
 * Writes a private note among the messages: seen by the staff, never by the contact, not counted as a message.
 * The caller holds the conversation's lock and tells the event.
 */
export async function writeNote(tx: Tx, author: Author, draft: NoteDraft): Promise<MessageView> {
  const { organizationId, principal } = author;
  const { conversationId, channelId, content, clientMessageId = null, metadata = {} } = draft;
  const id = newId();
  const now = new Date();
  const values = [
    organizationId,
    conversationId,
    id,
    channelId,
    content.type,
    content,
    searchableText(content),
    principal,
    clientMessageId,
    metadata,
    now,
  ];
  const [place] = await tx.query<{ seq: number; number: number }[]>(WRITE_NOTE, values);
  return {
    ...PLAIN_MESSAGE,
    organizationId,
    id,
    number: place?.number ?? 0,
    conversationId,
    channelId,
    seq: place?.seq ?? 0,
    direction: 'internal',
    content,
    status: 'sent',
    sender: principal,
    externalId: null,
    clientMessageId,
    metadata,
    occurredAt: now,
    createdAt: now,
  };
}

const WRITE_NOTE = `
  WITH c AS (
    UPDATE conversation SET message_seq = message_seq + 1 WHERE organization_id = $1 AND id = $2 RETURNING message_seq
  )
  INSERT INTO message (organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, text, status,
    sender, client_message_id, metadata, occurred_at, created_at)
  SELECT $1::uuid, $3::uuid, $2::uuid, $4::uuid, c.message_seq, 'internal', $5::text, $6::jsonb, $7::text, 'sent',
    $8::jsonb, $9::text, $10::jsonb, $11::timestamptz, $11::timestamptz FROM c
  RETURNING seq, number`;

/** The content of a note that a command leaves behind. */
export const noteText = (text: string): MessageContent => ({ type: 'text', text });

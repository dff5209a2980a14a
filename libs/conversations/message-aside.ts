import type { Author } from '@hub/events/outbox.js';
import type { Tx } from '@hub/model/database.js';
import type { MessageContent, Recipients } from '@hub/model/message.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { PLAIN_MESSAGE, type AttachmentView, type MessageView } from '@hub/model/views.js';
import { newId } from '@hub/platform/ids.js';
import { searchableText } from './message-text.js';

/** A message that the contact does not get, or not yet. */
export interface AsideMessage {
  readonly conversationId: string;
  readonly channelId: string;
  readonly direction: 'internal' | 'outbound';
  readonly status: 'sent' | 'pending';
  readonly content: MessageContent;
  readonly clientMessageId: string | null;
  readonly metadata: JsonObject;
  readonly recipients: Recipients | null;
  readonly attachments: readonly AttachmentView[];
  readonly draft: boolean;
  readonly scheduledAt: Date | null;
}

/**
 * Writes a message that takes its place among the others without being counted: not the last message, never unread.
 * The caller holds the conversation's lock, links the attachments and tells the event.
 */
export async function writeAside(tx: Tx, author: Author, message: AsideMessage): Promise<MessageView> {
  const { organizationId, principal } = author;
  const id = newId();
  const now = new Date();
  const { draft, attachments, ...fields } = message;
  const [place] = await tx.query<{ seq: number; number: number }[]>(WRITE_ASIDE, [
    organizationId,
    message.conversationId,
    id,
    message.channelId,
    message.direction,
    message.content.type,
    message.content,
    searchableText(message.content),
    message.status,
    principal,
    message.clientMessageId,
    message.metadata,
    message.recipients,
    attachments.length,
    draft ? 'pending' : null,
    message.scheduledAt,
    now,
  ]);
  return {
    ...PLAIN_MESSAGE,
    ...fields,
    organizationId,
    id,
    number: place?.number ?? 0,
    seq: place?.seq ?? 0,
    sender: principal,
    externalId: null,
    attachments,
    draft: draft ? { state: 'pending', reason: null, reviewedBy: null, reviewedAt: null } : null,
    readByStaff: true,
    occurredAt: now,
    createdAt: now,
  };
}

const WRITE_ASIDE = `
  WITH c AS (
    UPDATE conversation SET message_seq = message_seq + 1 WHERE organization_id = $1 AND id = $2 RETURNING message_seq
  )
  INSERT INTO message (organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, text, status,
    sender, client_message_id, metadata, recipients, attachment_count, draft_state, scheduled_at, occurred_at, created_at)
  SELECT $1::uuid, $3::uuid, $2::uuid, $4::uuid, c.message_seq, $5::text, $6::text, $7::jsonb, $8::text, $9::text,
    $10::jsonb, $11::text, $12::jsonb, $13::jsonb, $14::integer, $15::text, $16::timestamptz, $17::timestamptz,
    $17::timestamptz FROM c
  RETURNING seq, number`;

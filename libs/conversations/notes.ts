import type { Author } from '@hub/events/outbox.js';
import { newId } from '@hub/platform/ids.js';
import { Message, type MessageContent } from '@hub/model/message.entity.js';
import type { Tx } from '@hub/model/database.js';
import { insertRow } from '@hub/model/rows.js';
import type { MessageView } from '@hub/model/views.js';

/** A private note ready to be written. */
export interface NoteDraft {
  readonly conversationId: string;
  readonly channelId: string;
  readonly content: MessageContent;
  readonly clientMessageId?: string | null;
}

/**
 * Writes a private note among the messages: seen by the staff, never by the contact, not counted as a message.
 * The caller holds the conversation's lock and tells the event.
 */
export async function writeNote(tx: Tx, author: Author, draft: NoteDraft): Promise<MessageView> {
  const { organizationId } = author;
  const [place] = await tx.query<{ seq: number; number: number }[]>(
    `WITH c AS (
       UPDATE conversation SET message_seq = message_seq + 1 WHERE organization_id = $1 AND id = $2 RETURNING message_seq
     ) SELECT message_seq AS seq, nextval('number_message') AS number FROM c`,
    [organizationId, draft.conversationId],
  );
  const now = new Date();
  const view: MessageView = {
    organizationId,
    id: newId(),
    number: place?.number ?? 0,
    conversationId: draft.conversationId,
    channelId: draft.channelId,
    seq: place?.seq ?? 0,
    direction: 'internal',
    content: draft.content,
    status: 'sent',
    sender: author.principal,
    externalId: null,
    clientMessageId: draft.clientMessageId ?? null,
    metadata: {},
    occurredAt: now,
    createdAt: now,
  };
  const text = typeof draft.content['text'] === 'string' ? draft.content['text'] : null;
  await insertRow(tx, Message, { ...view, contentType: draft.content.type, text });
  return view;
}

/** The content of a note that a command leaves behind. */
export const noteText = (text: string): MessageContent => ({ type: 'text', text });

import type { Author } from '@hub/events/outbox.js';
import type { Tx } from '@hub/model/database.js';
import type { MessageContent } from '@hub/model/message.entity.js';
import type { MessageView } from '@hub/model/views.js';
import { writeAside, type AsideMessage } from './message-aside.js';

/** A private note ready to be written. */
export type NoteDraft = Pick<AsideMessage, 'conversationId' | 'channelId' | 'content'> &
  Partial<Pick<AsideMessage, 'clientMessageId' | 'metadata' | 'attachments'>>;

/**
 * Writes a private note among the messages: seen by the staff, never by the contact, not counted as a message.
 * The caller holds the conversation's lock, links the attachments and tells the event.
 */
export const writeNote = (tx: Tx, author: Author, note: NoteDraft): Promise<MessageView> =>
  writeAside(tx, author, { ...AS_NOTE, ...note });

const AS_NOTE = {
  direction: 'internal',
  status: 'sent',
  clientMessageId: null,
  metadata: {},
  recipients: null,
  attachments: [],
  draft: false,
  scheduledAt: null,
} as const;

/** The content of a note that a command leaves behind. */
export const noteText = (text: string): MessageContent => ({ type: 'text', text });

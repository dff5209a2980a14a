import type { ContactHint } from '@hub/contacts/contacts.types.js';
import type { MessageContent } from '@hub/model/message.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';

export interface PostMessage {
  readonly conversationId: string;
  readonly content: MessageContent;
  /** The sender's own id of it: the same one again gives the first message back. */
  readonly clientMessageId: string | null;
  readonly metadata: JsonObject;
}

/** What a channel has received from a person. */
export interface ReceiveMessage {
  readonly channelId: string;
  /** The provider's id: the same one again gives the first message back. */
  readonly externalId: string;
  readonly contact: ContactHint;
  readonly content: MessageContent;
  readonly occurredAt: Date;
  readonly metadata: JsonObject;
}

import type { ContactHint } from '@hub/contacts/contacts.types.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import type { MessageContent, Recipients } from '@hub/model/message.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { NewAttachment } from './attachments.js';

/** What is to be said, wherever. */
export interface NewPost {
  readonly content: MessageContent;
  /** The sender's own id of it: the same one again gives the first message back. */
  readonly clientMessageId: string | null;
  readonly metadata: JsonObject;
  readonly recipients?: Recipients | null;
  readonly attachments?: readonly NewAttachment[];
  /** Goes nowhere until it is approved. */
  readonly draft?: boolean;
  /** Goes out then; at once unless set. */
  readonly scheduledAt?: Date | null;
}

export interface PostMessage extends NewPost {
  readonly conversationId: string;
  /** The channel that the caller believes the conversation to be on. */
  readonly channelId?: string;
}

/** A first message to somebody, or one more: whoever it is, the conversation is found or made. */
export interface SendMessage extends NewPost {
  readonly channelId: string;
  readonly to: { readonly contactId: string } | AddressedTo;
}

/** A person by one of the addresses that the channel knows people by. */
export interface AddressedTo {
  readonly phone?: string;
  readonly email?: string;
  /** The channel's own id of the person. */
  readonly externalId?: string;
  readonly name?: string;
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
  readonly recipients?: Recipients | null;
  readonly attachments?: readonly NewAttachment[];
  /** What it was made from; kept apart, and read by `MessagesQueries.rawOf` only. */
  readonly raw?: JsonObject | null;
}

/** What a channel tells of a message that was sent. */
export interface Receipt {
  readonly channelId: string;
  /** What the channel must be: nobody speaks for the channel of a provider but its adapter. */
  readonly channelType: ChannelType;
  /** By our id, or by the provider's on this channel. */
  readonly message: { readonly id: string } | { readonly externalId: string };
  readonly status: 'sent' | 'delivered' | 'read' | 'failed';
  /** Why it failed. */
  readonly error: string | null;
  readonly at: Date;
}

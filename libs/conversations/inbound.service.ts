import { Injectable } from '@nestjs/common';
import { ContactsService } from '@hub/contacts/contacts.service.js';
import type { Author } from '@hub/events/outbox.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Conversation } from '@hub/model/conversation.entity.js';
import type { MessageContent, Recipients } from '@hub/model/message.entity.js';
import { violatedUnique, type Tx, Database } from '@hub/model/database.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { AttachmentView, MessageView } from '@hub/model/views.js';
import { ConflictError } from '@hub/platform/errors.js';
import { mergeJson } from '@hub/platform/json.js';
import { linkAttachments, takeAttachments } from './attachments.js';
import {
  findContinuable,
  freshConversation,
  PERSON_RACES,
  requireType,
  useChannel,
  type ChannelInUse,
} from './channel-target.js';
import {
  ConversationClosedError,
  ConversationExistsError,
  ConversationNotFoundError,
  UnsupportedContentTypeError,
} from './conversations.errors.js';
import { ConversationsService } from './conversations.service.js';
import { MESSAGE_SELECT } from './message-view.js';
import { MessageWriter } from './message-writer.js';
import type { PostMessage, ReceiveMessage } from './messages.types.js';

/** Rounds against other writers of the same person; one is enough unless they race. */
const MAX_TRIES = 4;

/** What people may send themselves; templates, buttons and the like are for the other side. */
const FROM_CONTACTS = new Set(['text', 'image', 'document', 'audio', 'video', 'location', 'contact', 'sticker']);

interface Received {
  readonly conversationId: string;
  readonly channelId: string;
  readonly content: MessageContent;
  readonly externalId: string | null;
  readonly clientMessageId: string | null;
  readonly occurredAt: Date;
  readonly metadata: JsonObject;
  readonly recipients: Recipients | null;
  readonly attachments: readonly AttachmentView[];
}

@Injectable()
export class InboundService {
  constructor(
    private readonly db: Database,
    private readonly contacts: ContactsService,
    private readonly conversations: ConversationsService,
    private readonly writer: MessageWriter,
  ) {}

  /**
   * Takes in what a person wrote: finds or makes the contact; continues the live conversation, reopens the last one
   * within the channel's window, or opens a new one; writes the message. All in one transaction, once per `externalId`
   * however often and however parallel it is delivered.
   * @returns the message and whether this call has written it
   * @throws ChannelNotFoundError; ValidationError when the channel is not of the given type
   */
  async receive(
    author: Author,
    channelType: ChannelType,
    command: ReceiveMessage,
  ): Promise<{ message: MessageView; created: boolean }> {
    const { organizationId } = author;
    for (let attempt = 1; ; attempt++) {
      const known = await this.known(organizationId, command);
      if (known) return { message: known, created: false };
      try {
        const message = await this.db.transaction(organizationId, (tx) => this.take(tx, author, channelType, command));
        return { message, created: true };
      } catch (error) {
        const raced = RACES.has(violatedUnique(error) ?? '') || error instanceof ConversationExistsError;
        if (!raced || attempt === MAX_TRIES) throw error;
      }
    }
  }

  /**
   * What the contact `author` writes into one of its own conversations. A closed one reopens within the channel's window,
   * unless `reopens` is false. The same `clientMessageId` again gives the first message back.
   * @throws ConversationNotFoundError when it is not the contact's; ConversationClosedError, ConversationExistsError,
   *   UnsupportedContentTypeError
   */
  async write(author: Author, command: PostMessage, { reopens = true } = {}): Promise<MessageView> {
    const { organizationId } = author;
    try {
      return await this.db.transaction(organizationId, (tx) => this.writeIn(tx, author, command, reopens));
    } catch (error) {
      const known = command.clientMessageId && (await this.firstOf(author, command));
      if (known) return known;
      const violated = violatedUnique(error);
      if (violated === 'conversation_live') throw new ConversationExistsError();
      if (violated === 'message_client_id') {
        throw new ConflictError(
          'RESOURCE_ALREADY_EXISTS',
          'Another message of the conversation has this clientMessageId',
        );
      }
      throw error;
    }
  }

  private async firstOf({ organizationId, principal }: Author, command: PostMessage): Promise<MessageView | undefined> {
    const [row] = await this.db.reader(organizationId).query<MessageView[]>(
      `${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.client_message_id = $3
         AND m.sender->>'type' = 'contact' AND m.sender->>'id' = $4`,
      [organizationId, command.conversationId, command.clientMessageId, principal.id],
    );
    return row;
  }

  private async writeIn(tx: Tx, author: Author, command: PostMessage, reopens: boolean): Promise<MessageView> {
    const { organizationId, principal } = author;
    const where = { organizationId, id: command.conversationId, contactId: principal.id ?? '' };
    const sender = await this.seen(tx, organizationId, where.contactId); // contact before conversation, as a merge does
    const conversation = await tx.findOne(Conversation, { where, lock: { mode: 'pessimistic_write' } });
    if (!conversation) throw new ConversationNotFoundError();
    const { channelId, status, closedAt } = conversation;
    const [channel] = await tx.query<{ type: ChannelType; window: number }[]>(
      'SELECT type, reopen_window_seconds AS window FROM channel WHERE organization_id = $1 AND id = $2',
      [organizationId, channelId],
    );
    if (!channel || !FROM_CONTACTS.has(command.content.type)) {
      throw new UnsupportedContentTypeError(command.content.type, channel?.type ?? 'api');
    }
    const isOver = (closedAt?.getTime() ?? 0) + channel.window * 1000 < Date.now();
    if (status === 'closed' && (isOver || !reopens)) throw new ConversationClosedError();
    await this.wake(tx, author, conversation);
    const person: Author = { organizationId, principal: { type: 'contact', ...sender } };
    const { conversationId, content, clientMessageId, metadata } = command;
    const attachments = await takeAttachments(tx, author, command.attachments);
    const received = { conversationId, content, clientMessageId, metadata, attachments };
    return this.append(tx, person, {
      ...received,
      channelId,
      recipients: null,
      externalId: null,
      occurredAt: new Date(),
    });
  }

  private async take(tx: Tx, author: Author, channelType: ChannelType, command: ReceiveMessage): Promise<MessageView> {
    const { organizationId } = author;
    const channel = await useChannel(tx, organizationId, command.channelId);
    requireType(channel, channelType);
    const attachments = await takeAttachments(tx, author, command.attachments);
    const contact = await this.contacts.resolveIn(tx, author, command.contact);
    const sender = await this.seen(tx, organizationId, contact.id);
    const person: Author = { organizationId, principal: { type: 'contact', ...sender } };
    const conversationId = await this.conversationFor(tx, person, channel, contact.id);
    const { channelId, externalId, content, occurredAt, metadata, recipients = null, raw } = command;
    const received = { channelId, externalId, content, occurredAt, metadata, recipients };
    const message = await this.append(tx, person, { ...received, conversationId, clientMessageId: null, attachments });
    if (raw) {
      await tx.query('INSERT INTO message_raw (organization_id, message_id, raw) VALUES ($1, $2, $3)', [
        organizationId,
        message.id,
        raw,
      ]);
    }
    return message;
  }

  private async append(tx: Tx, person: Author, received: Received): Promise<MessageView> {
    const [row] = await tx.query<{ number: number }[]>(`SELECT nextval('number_message') AS number`);
    const message = await this.writer.write(tx, person, {
      ...received,
      number: row?.number ?? 0,
      direction: 'inbound',
      sender: person.principal,
      metadata: mergeJson({}, received.metadata),
      marksRead: false,
    });
    if (!message) throw new ConversationExistsError(received.conversationId);
    await linkAttachments(tx, person.organizationId, message.id, received.attachments);
    return message;
  }

  /** Opens what is closed, snoozed or pending, now that the person has written. */
  private async wake(tx: Tx, author: Author, conversation: Conversation): Promise<void> {
    if (conversation.status === 'pending') {
      await this.conversations.change(tx, author, conversation, 'conversation.updated', { status: 'open' });
    } else {
      await this.conversations.reopenIn(tx, author, conversation);
    }
  }

  private async conversationFor(tx: Tx, author: Author, channel: ChannelInUse, contactId: string): Promise<string> {
    const conversation = await findContinuable(tx, author.organizationId, channel, contactId);
    if (!conversation) {
      return (await this.conversations.openIn(tx, author, freshConversation(channel.id, contactId))).id;
    }
    await this.wake(tx, author, conversation);
    return conversation.id;
  }

  private async seen(tx: Tx, organizationId: string, id: string): Promise<{ id: string; name: string }> {
    const [rows] = await tx.query<[{ name: string | null; phone: string | null; email: string | null }[], number]>(
      `UPDATE contact SET last_seen_at = now() WHERE organization_id = $1 AND id = $2 RETURNING name, phone, email`,
      [organizationId, id],
    );
    const contact = rows[0];
    return { id, name: contact?.name ?? contact?.phone ?? contact?.email ?? 'Unknown' };
  }

  private async known(organizationId: string, command: ReceiveMessage): Promise<MessageView | undefined> {
    const [row] = await this.db
      .reader(organizationId)
      .query<MessageView[]>(
        `${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.channel_id = $2 AND m.external_id = $3`,
        [organizationId, command.channelId, command.externalId],
      );
    return row;
  }
}

const RACES = new Set(['message_external_id', ...PERSON_RACES]);

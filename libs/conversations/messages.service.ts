import { Injectable } from '@nestjs/common';
import { capabilitiesOf, type Capability } from '@hub/channels/capabilities.js';
import type { Author } from '@hub/events/outbox.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import type { MessageView } from '@hub/model/views.js';
import { HubError } from '@hub/platform/errors.js';
import { mergeJson } from '@hub/platform/json.js';
import { lockConversation } from './conversation-lock.js';
import {
  ChannelNotConnectedError,
  ConversationClosedError,
  ConversationNotFoundError,
  UnsupportedContentTypeError,
} from './conversations.errors.js';
import { ConversationsService } from './conversations.service.js';
import { MESSAGE_SELECT } from './message-view.js';
import { MessageWriter } from './message-writer.js';
import type { PostMessage } from './messages.types.js';
import { writeNote } from './notes.js';

interface Target {
  readonly channelId: string;
  readonly channelType: ChannelType;
  readonly channelActive: boolean;
  readonly closed: boolean;
  readonly number: number;
}

/** What a channel must be able to carry for each content type; a type that is not here needs nothing special. */
const NEEDS: Record<string, Capability> = {
  text: 'text',
  image: 'image',
  document: 'document',
  audio: 'audio',
  video: 'video',
  location: 'location',
  contact: 'text',
  sticker: 'image',
  buttons: 'buttons',
  list: 'buttons',
  template: 'templates',
  html: 'text',
};
/** Types that only some channels have a form for, whatever else they can do. */
const HTML_CHANNELS: ReadonlySet<ChannelType> = new Set<ChannelType>(['email', 'webchat', 'api', 'internal']);

@Injectable()
export class MessagesService {
  constructor(
    private readonly db: Database,
    private readonly writer: MessageWriter,
    private readonly conversations: ConversationsService,
  ) {}

  /**
   * Sends to the contact. The same `clientMessageId` again gives the first message back and sends nothing, whatever has
   * become of conversation and channel since.
   * @throws ConversationNotFoundError, ConversationClosedError, ChannelNotConnectedError, UnsupportedContentTypeError
   */
  async reply(author: Author, command: PostMessage): Promise<MessageView> {
    try {
      return await this.send(author, command);
    } catch (error) {
      const isRefused = error instanceof HubError || violatedUnique(error) === 'message_client_id';
      const known = isRefused && command.clientMessageId && (await this.first(author.organizationId, command));
      if (known) return known;
      throw error;
    }
  }

  /** A notice to the contact, in the caller's transaction, which holds the conversation's lock. No answer: unread stays. */
  async notifyIn(tx: Tx, author: Author, command: PostMessage): Promise<MessageView> {
    const target = await this.check(author.organizationId, command, tx);
    const message = await this.writer.write(tx, author, { ...this.draft(author, command, target), marksRead: false });
    if (!message) throw new ChannelNotConnectedError();
    return message;
  }

  /** A private note. It goes on closed conversations too. */
  async note(author: Author, command: PostMessage): Promise<MessageView> {
    const { organizationId } = author;
    try {
      return await this.db.transaction(organizationId, async (tx) => {
        const { conversationId, content, clientMessageId, metadata } = command;
        const conversation = await lockConversation(tx, organizationId, { conversationId });
        const note = await writeNote(tx, author, {
          conversationId,
          channelId: conversation.channelId,
          content,
          clientMessageId,
          metadata: mergeJson({}, metadata),
        });
        const noted = { note: { before: null, after: { id: note.id } } };
        await this.conversations.change(tx, author, conversation, 'conversation.updated', {}, noted);
        return note;
      });
    } catch (error) {
      const known = violatedUnique(error) === 'message_client_id' && (await this.first(organizationId, command));
      if (known) return known;
      throw error;
    }
  }

  private async send(author: Author, command: PostMessage): Promise<MessageView> {
    const target = await this.check(author.organizationId, command);
    const marksRead = author.principal.type === 'user' || author.principal.type === 'api_key';
    const message = await this.writer.write(null, author, { ...this.draft(author, command, target), marksRead });
    if (message) return message;
    await this.check(author.organizationId, command); // closed or disconnected in between: says which
    throw new ConversationClosedError();
  }

  private draft(author: Author, command: PostMessage, target: Target) {
    return {
      conversationId: command.conversationId,
      channelId: target.channelId,
      number: target.number,
      direction: 'outbound' as const,
      content: command.content,
      sender: author.principal,
      externalId: null,
      clientMessageId: command.clientMessageId,
      metadata: mergeJson({}, command.metadata),
      occurredAt: new Date(),
    };
  }

  private async check(organizationId: string, { conversationId, content }: PostMessage, tx?: Tx): Promise<Target> {
    const values = [organizationId, conversationId];
    const [target] = tx
      ? await tx.query<Target[]>(TARGET.text, values)
      : await this.db.prepared<Target>(organizationId, TARGET, values);
    if (!target) throw new ConversationNotFoundError();
    if (target.closed) throw new ConversationClosedError();
    const need = NEEDS[content.type];
    const carried = need !== undefined && capabilitiesOf(target.channelType)[need];
    const hasForm = content.type !== 'html' || HTML_CHANNELS.has(target.channelType);
    if (!carried || !hasForm) throw new UnsupportedContentTypeError(content.type, target.channelType);
    if (!target.channelActive) throw new ChannelNotConnectedError();
    return target;
  }

  private async first(organizationId: string, command: PostMessage): Promise<MessageView | undefined> {
    const [row] = await this.db
      .reader(organizationId)
      .query<MessageView[]>(
        `${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.client_message_id = $3`,
        [organizationId, command.conversationId, command.clientMessageId],
      );
    return row;
  }
}

const TARGET = {
  name: 'message-target',
  text: `
    SELECT c.channel_id AS "channelId", ch.type AS "channelType", ch.status = 'active' AS "channelActive",
      c.status = 'closed' AS closed, nextval('number_message') AS number
    FROM conversation c JOIN channel ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
    WHERE c.organization_id = $1 AND c.id = $2`,
};

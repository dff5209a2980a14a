import { Injectable } from '@nestjs/common';
import type { Author } from '@hub/events/outbox.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import type { AttachmentView, MessageView } from '@hub/model/views.js';
import { HubError } from '@hub/platform/errors.js';
import { mergeJson } from '@hub/platform/json.js';
import { linkAttachments, takeAttachments } from './attachments.js';
import { lockConversation } from './conversation-lock.js';
import {
  ChannelNotConnectedError,
  ConversationClosedError,
  ConversationNotFoundError,
  OtherChannelError,
} from './conversations.errors.js';
import { ConversationsService } from './conversations.service.js';
import { assertAhead, assertCarries, assertRecipients } from './message-target.js';
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

@Injectable()
export class MessagesService {
  constructor(
    private readonly db: Database,
    private readonly writer: MessageWriter,
    private readonly conversations: ConversationsService,
  ) {}

  /**
   * Sends to the contact, now or at its time; a draft waits for its approval. The same `clientMessageId` again gives the
   * first message back and sends nothing, whatever has become of conversation and channel since.
   * @throws ConversationNotFoundError, OtherChannelError, UnsupportedContentTypeError, ConversationClosedError, InvalidRecipientError;
   *   ChannelNotConnectedError of what is to be sent now; NotFoundError and ValidationError naming `attachments.<n>`;
   *   ValidationError naming `scheduledAt`
   */
  async reply(author: Author, command: PostMessage): Promise<MessageView> {
    try {
      return await (isPlain(command)
        ? this.send(author, command)
        : this.db.transaction(author.organizationId, (tx) => this.postIn(tx, author, command)));
    } catch (error) {
      const isRefused = error instanceof HubError || violatedUnique(error) === 'message_client_id';
      const known = isRefused && command.clientMessageId && (await this.findPosted(author.organizationId, command));
      if (known) return known;
      throw error;
    }
  }

  /** As {@link reply}, in the caller's transaction; a `clientMessageId` that is known already breaks the unique index. */
  async postIn(tx: Tx, author: Author, command: PostMessage): Promise<MessageView> {
    const { organizationId } = author;
    const { conversationId, draft = false, scheduledAt = null } = command;
    await lockConversation(tx, organizationId, { conversationId });
    const target = await this.check(organizationId, command, tx);
    if (scheduledAt) assertAhead(scheduledAt);
    const attachments = await takeAttachments(tx, author, command.attachments);
    const message = this.compose(author, command, target, attachments);
    const written =
      draft || scheduledAt
        ? await this.writer.setAside(tx, author, { ...message, draft, scheduledAt })
        : await this.writer.write(tx, author, { ...message, ...NOW, marksRead: marksRead(author) });
    if (!written) throw new ChannelNotConnectedError();
    await linkAttachments(tx, organizationId, written.id, attachments);
    return written;
  }

  /** A notice to the contact, in the caller's transaction, which holds the conversation's lock. No answer: unread stays. */
  async notifyIn(tx: Tx, author: Author, command: PostMessage): Promise<MessageView> {
    const target = await this.check(author.organizationId, command, tx);
    const notice = { ...this.compose(author, command, target), ...NOW, marksRead: false };
    const message = await this.writer.write(tx, author, notice);
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
        const attachments = await takeAttachments(tx, author, command.attachments);
        const note = await writeNote(tx, author, {
          conversationId,
          channelId: conversation.channelId,
          content,
          clientMessageId,
          metadata: mergeJson({}, metadata),
          attachments,
        });
        await linkAttachments(tx, organizationId, note.id, attachments);
        const noted = { note: { before: null, after: { id: note.id } } };
        await this.conversations.change(tx, author, conversation, 'conversation.updated', {}, noted);
        return note;
      });
    } catch (error) {
      const known = violatedUnique(error) === 'message_client_id' && (await this.findPosted(organizationId, command));
      if (known) return known;
      throw error;
    }
  }

  /** The message that was posted with this `clientMessageId` before, if any. */
  async findPosted(
    organizationId: string,
    { conversationId, clientMessageId }: Pick<PostMessage, 'conversationId' | 'clientMessageId'>,
  ): Promise<MessageView | undefined> {
    const [row] = await this.db
      .reader(organizationId)
      .query<MessageView[]>(
        `${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.client_message_id = $3`,
        [organizationId, conversationId, clientMessageId],
      );
    return row;
  }

  private async send(author: Author, command: PostMessage): Promise<MessageView> {
    const target = await this.check(author.organizationId, command);
    const reply = { ...this.compose(author, command, target), ...NOW, marksRead: marksRead(author) };
    const message = await this.writer.write(null, author, reply);
    if (message) return message;
    await this.check(author.organizationId, command); // closed or disconnected in between: says which
    throw new ConversationClosedError();
  }

  private compose(author: Author, command: PostMessage, target: Target, attachments: readonly AttachmentView[] = []) {
    return {
      conversationId: command.conversationId,
      channelId: target.channelId,
      number: target.number,
      content: command.content,
      sender: author.principal,
      clientMessageId: command.clientMessageId,
      metadata: mergeJson({}, command.metadata),
      recipients: command.recipients ?? null,
      attachments,
      occurredAt: new Date(),
    };
  }

  private async check(organizationId: string, command: PostMessage, tx?: Tx): Promise<Target> {
    const values = [organizationId, command.conversationId];
    const [target] = tx
      ? await tx.query<Target[]>(TARGET.text, values)
      : await this.db.prepared<Target>(organizationId, TARGET, values);
    if (!target) throw new ConversationNotFoundError();
    if (command.channelId && command.channelId !== target.channelId) throw new OtherChannelError();
    assertCarries(target.channelType, command.content.type);
    if (target.closed) throw new ConversationClosedError();
    assertRecipients(target.channelType, command.recipients);
    const goesNow = !command.draft && !command.scheduledAt;
    if (goesNow && !target.channelActive) throw new ChannelNotConnectedError();
    return target;
  }
}

const NOW = { direction: 'outbound', externalId: null } as const;

/** What one statement can write: the hot path. */
const isPlain = ({ draft, scheduledAt, attachments }: PostMessage): boolean =>
  !draft && !scheduledAt && !attachments?.length;

/** Whoever answers has read; a bot has not. */
export const marksRead = ({ principal }: Author): boolean => principal.type === 'user' || principal.type === 'api_key';

const TARGET = {
  name: 'message-target',
  text: `
    SELECT c.channel_id AS "channelId", ch.type AS "channelType", ch.status = 'active' AS "channelActive",
      c.status = 'closed' AS closed, nextval('number_message') AS number
    FROM conversation c JOIN channel ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
    WHERE c.organization_id = $1 AND c.id = $2`,
};

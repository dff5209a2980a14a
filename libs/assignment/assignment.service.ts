import { Injectable } from '@nestjs/common';
import { BotNotFoundError, ConversationClosedError } from '@hub/conversations/conversations.errors.js';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import { loadView } from '@hub/conversations/conversation-view.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import type { ConversationCommand } from '@hub/conversations/conversations.types.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { noteText, writeNote } from '@hub/conversations/notes.js';
import { joinIn, leaveIn } from '@hub/conversations/participants.js';
import type { EventType } from '@hub/events/catalog.js';
import type { Author } from '@hub/events/outbox.js';
import { UserNotFoundError } from '@hub/identity/identity.errors.js';
import { Assignment, type AssignmentKind } from '@hub/model/assignment.entity.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { insertRow } from '@hub/model/rows.js';
import type { ConversationView } from '@hub/model/views.js';
import { UnprocessableError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import type { AssignConversation, AssigneeRef, OpenAssigned, TransferConversation } from './assignment.types.js';

interface Assignee extends AssigneeRef {
  readonly name: string;
}

interface Context {
  readonly kind: AssignmentKind;
  readonly reason?: string | null;
  readonly summary?: string | null;
  readonly note?: string | null;
  readonly notifyContact?: boolean;
}

type HandEvent = Extract<EventType, 'conversation.assigned' | 'conversation.transferred' | 'conversation.unassigned'>;

/**
 * The one path by which a conversation changes hands. Each change locks the conversation, ends the running assignment,
 * writes the next one, the participants and the event in one transaction: two at once go one after the other.
 */
@Injectable()
export class AssignmentService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
  ) {}

  /** Opens a conversation, in the hands of `assignee` from the start if one is named. Errors of both steps. */
  async open(author: Author, command: OpenAssigned): Promise<ConversationView> {
    return this.conversations.transaction(author, async (tx) => {
      const assignee = command.assignee && (await this.find(tx, author.organizationId, command.assignee));
      const opened = await this.conversations.openIn(tx, author, command);
      if (!assignee) return opened;
      const conversation = await lockConversation(tx, author.organizationId, { conversationId: opened.id });
      return this.hand(tx, author, conversation, assignee, 'conversation.assigned', { kind: 'manual' });
    });
  }

  /**
   * Makes a user or bot the assignee. Assigning to the present assignee changes and tells nothing.
   * @throws UserNotFoundError, BotNotFoundError; UnprocessableError ASSIGNEE_UNAVAILABLE; ConversationClosedError
   */
  async assign(author: Author, command: AssignConversation): Promise<ConversationView> {
    return this.conversations.transaction(author, async (tx) => {
      const conversation = await this.lockLive(tx, author, command);
      const assignee = await this.find(tx, author.organizationId, command.to);
      if (command.note) await this.addNote(tx, author, conversation, command.note);
      if (isAssignee(conversation, assignee)) return this.unchanged(tx, author, conversation, command.note);
      const context = { kind: 'manual' as const, note: command.note };
      return this.hand(tx, author, conversation, assignee, 'conversation.assigned', context);
    });
  }

  /**
   * Hands a conversation on with its context: the summary stays as a private note, the contact is told if wanted.
   * Nothing is handed over when the contact was to be told and the channel cannot send.
   * @throws as {@link assign}; ChannelNotConnectedError with `notifyContact`
   */
  async transfer(author: Author, command: TransferConversation): Promise<ConversationView> {
    return this.conversations.transaction(author, async (tx) => {
      const conversation = await this.lockLive(tx, author, command);
      const assignee = await this.find(tx, author.organizationId, command.to, 'toAssigneeId');
      if (isAssignee(conversation, assignee)) return this.unchanged(tx, author, conversation, null);
      if (command.summary) await this.addNote(tx, author, conversation, command.summary);
      const { reason, summary, notifyContact } = command;
      const context = { kind: 'transfer' as const, reason, summary, notifyContact };
      const view = await this.hand(tx, author, conversation, assignee, 'conversation.transferred', context);
      if (!notifyContact) return view;
      await this.messages.notifyIn(tx, author, {
        conversationId: conversation.id,
        content: { type: 'text', text: `You are now talking to ${assignee.name}.` },
        clientMessageId: null,
        metadata: { notice: 'transfer' },
      });
      return loadView(tx, author.organizationId, conversation.id);
    });
  }

  /** Takes a conversation out of its assignee's hands. Without an assignee it changes and tells nothing. */
  async unassign(author: Author, command: ConversationCommand): Promise<ConversationView> {
    return this.conversations.transaction(author, async (tx) => {
      const conversation = await this.lockLive(tx, author, command);
      if (!conversation.assigneeId) return loadView(tx, author.organizationId, conversation.id);
      return this.hand(tx, author, conversation, null, 'conversation.unassigned', { kind: 'unassign' });
    });
  }

  private async hand(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    to: Assignee | null,
    event: HandEvent,
    context: Context,
  ): Promise<ConversationView> {
    const { organizationId, principal } = author;
    const from = await this.present(tx, conversation);
    const conversationId = conversation.id;
    await tx.query(
      `UPDATE assignment SET ended_at = now() WHERE organization_id = $1 AND conversation_id = $2 AND ended_at IS NULL`,
      [organizationId, conversationId],
    );
    await insertRow(tx, Assignment, {
      organizationId,
      id: newId(),
      conversationId,
      fromType: from?.type ?? null,
      fromId: from?.id ?? null,
      toType: to?.type ?? null,
      toId: to?.id ?? null,
      actor: principal,
      ...context,
    });
    // a bot stays for as long as it is attached
    const botId = to?.type === 'bot' ? to.id : conversation.botId;
    if (from && from.id !== botId)
      await leaveIn(tx, organizationId, { conversationId, kind: from.type, refId: from.id });
    if (conversation.botId && conversation.botId !== botId) {
      await leaveIn(tx, organizationId, { conversationId, kind: 'bot', refId: conversation.botId });
    }
    if (to) {
      const role = to.type === 'user' ? 'agent' : 'bot';
      await joinIn(tx, organizationId, { conversationId, kind: to.type, refId: to.id, role });
    }
    const fields: Partial<Conversation> = {
      assigneeType: to?.type ?? null,
      assigneeId: to?.id ?? null,
      assignedAt: to ? new Date() : null,
      assignedBy: to ? principal : null,
      botId,
    };
    const { reason, summary } = context;
    return this.conversations.change(tx, author, conversation, event, fields, {
      assignee: { before: from, after: to },
      ...(reason && { reason: { before: null, after: reason } }),
      ...(summary && { summary: { before: null, after: summary } }),
    });
  }

  private async lockLive(tx: Tx, author: Author, command: ConversationCommand): Promise<Conversation> {
    const conversation = await lockConversation(tx, author.organizationId, command);
    if (conversation.status === 'closed') throw new ConversationClosedError();
    return conversation;
  }

  private async find(
    tx: Tx,
    organizationId: string,
    { type, id }: AssigneeRef,
    field = 'assigneeId',
  ): Promise<Assignee> {
    const [found] = await tx.query<{ name: string; available: boolean }[]>(
      type === 'user'
        ? `SELECT name, status <> 'suspended' AND role <> 'customer' AS available FROM users
           WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE`
        : `SELECT name, true AS available FROM bot
           WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE`,
      [organizationId, id],
    );
    if (!found) throw type === 'user' ? new UserNotFoundError(field) : new BotNotFoundError(field);
    if (!found.available)
      throw new UnprocessableError('ASSIGNEE_UNAVAILABLE', `${found.name} does not take conversations`);
    return { type, id, name: found.name };
  }

  private async present(tx: Tx, conversation: Conversation): Promise<Assignee | null> {
    const { assignee } = await loadView(tx, conversation.organizationId, conversation.id);
    return assignee && { type: assignee.type, id: assignee.id, name: assignee.name };
  }

  private async addNote(tx: Tx, author: Author, conversation: Conversation, text: string): Promise<void> {
    const { id: conversationId, channelId } = conversation;
    await writeNote(tx, author, { conversationId, channelId, content: noteText(text) });
  }

  private async unchanged(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    note: string | null,
  ): Promise<ConversationView> {
    if (!note) return loadView(tx, author.organizationId, conversation.id);
    const told = { note: { before: null, after: { text: note } } };
    return this.conversations.change(tx, author, conversation, 'conversation.updated', {}, told);
  }
}

const isAssignee = (conversation: Conversation, { type, id }: AssigneeRef): boolean =>
  conversation.assigneeType === type && conversation.assigneeId === id;

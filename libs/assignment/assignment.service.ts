import { Injectable } from '@nestjs/common';
import { ConversationClosedError, ConversationExistsError } from '@hub/conversations/conversations.errors.js';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import { requireBot, requireChannel, requireStaff } from '@hub/conversations/conversation-parties.js';
import { loadView } from '@hub/conversations/conversation-view.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import type { ConversationCommand } from '@hub/conversations/conversations.types.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { noteText, writeNote } from '@hub/conversations/notes.js';
import { joinIn, leaveIn } from '@hub/conversations/participants.js';
import { TicketsService } from '@hub/conversations/tickets.service.js';
import type { EventType } from '@hub/events/catalog.js';
import type { Author } from '@hub/events/outbox.js';
import { Assignment, type AssignmentKind } from '@hub/model/assignment.entity.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { insertRow } from '@hub/model/rows.js';
import type { ConversationView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import type {
  AssignConversation,
  AssigneeRef,
  OpenAssigned,
  Opened,
  TransferConversation,
} from './assignment.types.js';

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

/** Rounds against others who open the same conversation; two are enough unless it is closed in between. */
const MAX_TRIES = 4;

type HandEvent = Extract<EventType, 'conversation.assigned' | 'conversation.transferred' | 'conversation.unassigned'>;

/**
 * The one path by which a conversation changes hands. Each change locks the conversation, ends the running assignment,
 * writes the next one, the participants and the event in one transaction: two at once go one after the other. The user
 * who gets a conversation of a ticket gets the ticket, too.
 */
@Injectable()
export class AssignmentService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly tickets: TicketsService,
  ) {}

  /**
   * Opens a conversation, in the hands of `assignee` from the start if one is named – or, as `onExisting` says, takes
   * the one that is there. Of any number of callers at once one opens it; the others find it.
   * @throws as {@link ConversationsService.openIn} and {@link assign}; ValidationError naming `onExisting` for `create`
   *   where the channel takes one live conversation of each contact
   */
  async open(author: Author, command: OpenAssigned): Promise<Opened> {
    const takesExisting = command.onExisting === 'reopen' || command.onExisting === 'return';
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.conversations.transaction(author, (tx) => this.openOrTake(tx, author, command));
      } catch (error) {
        const raced = takesExisting && error instanceof ConversationExistsError;
        if (!raced || attempt === MAX_TRIES) throw error;
      }
    }
  }

  /** Opens a conversation in the caller's transaction, in the hands of `assignee` if one is named. */
  async openIn(tx: Tx, author: Author, command: OpenAssigned): Promise<ConversationView> {
    const assignee = command.assignee && (await this.find(tx, author.organizationId, command.assignee));
    const opened = await this.conversations.openIn(tx, author, command);
    if (!assignee) return opened;
    const conversation = await lockConversation(tx, author.organizationId, { conversationId: opened.id });
    return this.hand(tx, author, conversation, assignee, 'conversation.assigned', { kind: 'manual' });
  }

  /** As {@link assign}, on a conversation that the caller has locked and that is not closed. */
  async assignIn(tx: Tx, author: Author, conversation: Conversation, to: AssigneeRef): Promise<ConversationView> {
    const assignee = await this.find(tx, author.organizationId, to);
    if (isAssignee(conversation, assignee)) return loadView(tx, author.organizationId, conversation.id);
    return this.hand(tx, author, conversation, assignee, 'conversation.assigned', { kind: 'manual' });
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

  private async openOrTake(tx: Tx, author: Author, command: OpenAssigned): Promise<Opened> {
    const { onExisting = 'conflict', channelId } = command;
    const { organizationId } = author;
    if (onExisting === 'create' && (await requireChannel(tx, organizationId, channelId)).single) {
      const message = 'onExisting cannot be create: the channel takes one live conversation of each contact';
      throw ValidationError.of('onExisting', message);
    }
    if (onExisting === 'conflict' || onExisting === 'create') {
      return { conversation: await this.openIn(tx, author, command), outcome: 'created' };
    }
    await requireChannel(tx, organizationId, channelId);
    const contactId = await this.conversations.contactIn(tx, author, command);
    const [found] = await tx.query<{ id: string }[]>(
      `SELECT id FROM conversation WHERE organization_id = $1 AND channel_id = $2 AND contact_id = $3
         AND (status <> 'closed' OR $4) ORDER BY status = 'closed', created_at DESC, id DESC LIMIT 1`,
      [organizationId, channelId, contactId, onExisting === 'reopen'],
    );
    if (!found) {
      const known = { ...command, contact: contactId === null ? null : { id: contactId } };
      return { conversation: await this.openIn(tx, author, known), outcome: 'created' };
    }
    const existing = await lockConversation(tx, organizationId, { conversationId: found.id });
    if (existing.status !== 'closed') {
      return { conversation: await loadView(tx, organizationId, existing.id), outcome: 'unchanged' };
    }
    if (onExisting === 'return') throw new ConversationExistsError(existing.id); // closed meanwhile: another look
    return { conversation: await this.conversations.reopenIn(tx, author, existing), outcome: 'reopened' };
  }

  /** Ends the participation that the running assignment began: whoever took part before it goes on doing so. */
  private async letGo(tx: Tx, organizationId: string, conversationId: string, who: Assignee): Promise<void> {
    await tx.query(
      `UPDATE participant p SET left_at = now()
       WHERE p.organization_id = $1 AND p.conversation_id = $2 AND p.kind = $3 AND p.ref_id = $4 AND p.left_at IS NULL
         AND NOT EXISTS (
           SELECT FROM assignment a WHERE a.organization_id = $1 AND a.conversation_id = $2
             AND a.ended_at IS NULL AND a.created_at > p.joined_at)`,
      [organizationId, conversationId, who.type, who.id],
    );
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
    // a bot stays for as long as it is attached
    const botId = to?.type === 'bot' ? to.id : conversation.botId;
    if (from && from.id !== botId) await this.letGo(tx, organizationId, conversationId, from);
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
    const view = await this.conversations.change(tx, author, conversation, event, fields, {
      assignee: { before: from, after: to },
      ...(reason && { reason: { before: null, after: reason } }),
      ...(summary && { summary: { before: null, after: summary } }),
    });
    if (to?.type === 'user' && conversation.ticketId) {
      await this.tickets.followIn(tx, author, conversation.ticketId, to.id);
    }
    return view;
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
    if (type === 'bot') return { type, id, name: await requireBot(tx, organizationId, id, field) };
    return { type, id, name: (await requireStaff(tx, organizationId, [id], field)).get(id) ?? '' };
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

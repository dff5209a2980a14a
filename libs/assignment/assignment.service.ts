import { Injectable } from '@nestjs/common';
import { ConversationClosedError, ConversationExistsError } from '@hub/conversations/conversations.errors.js';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import { requireChannel } from '@hub/conversations/conversation-parties.js';
import { loadView } from '@hub/conversations/conversation-view.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import type { ConversationCommand } from '@hub/conversations/conversations.types.js';
import type { Author } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { ConversationView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { Handover } from '@hub/assignment/offers/handover.js';
import { OffersService } from '@hub/assignment/offers/offers.service.js';
import { Hands, type Assignee } from '@hub/assignment/routing/hands.js';
import type { QueueRow } from '@hub/assignment/routing/routing.types.js';
import { RoutingService, type EnqueueContext } from '@hub/assignment/routing/routing.service.js';
import { AssigneeUnavailableError, findTarget } from '@hub/assignment/routing/targets.js';
import { AlreadyAssignedError, UsersOnlyError } from './assignment.errors.js';
import type {
  AssignConversation,
  AssigneeRef,
  OpenAssigned,
  Opened,
  TransferConversation,
} from './assignment.types.js';

/** Rounds against others who open the same conversation; two are enough unless it is closed in between. */
const MAX_TRIES = 4;

/** Seconds in which a warm transfer must be accepted. */
const WARM_TIMEOUT = 60;

/**
 * The commands by which people and programs change hands: open, assign, claim, transfer, unassign. Each locks the
 * conversation and goes through {@link Hands}: two at once go one after the other.
 */
@Injectable()
export class AssignmentService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly hands: Hands,
    private readonly routing: RoutingService,
    private readonly offers: OffersService,
    private readonly handover: Handover,
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

  /** Opens a conversation in the caller's transaction, in the hands or the queue of `assignee` if one is named. */
  async openIn(tx: Tx, author: Author, command: OpenAssigned): Promise<ConversationView> {
    const { organizationId } = author;
    const target = command.assignee && (await findTarget(tx, organizationId, command.assignee, 'assigneeId', command));
    const opened = await this.conversations.openIn(tx, author, command);
    if (!target) return opened;
    const conversation = await lockConversation(tx, organizationId, { conversationId: opened.id });
    if (target.queue) return this.routing.enqueueIn(tx, author, conversation, { queueId: target.queue.id });
    return this.hands.hand(tx, author, conversation, target.assignee, MANUAL);
  }

  /** As {@link assign}, on a conversation that the caller has locked and that is not closed. */
  async assignIn(tx: Tx, author: Author, conversation: Conversation, to: AssigneeRef): Promise<ConversationView> {
    const assignee = await this.findAssignee(tx, author, to, conversation);
    if (isAssignee(conversation, assignee)) return loadView(tx, author.organizationId, conversation.id);
    return this.hands.hand(tx, author, conversation, assignee, MANUAL);
  }

  /**
   * Gives it to a user or bot, or puts it into a queue; of a team into its oldest queue or, if it has none, to the least
   * loaded member who is there. Where it is already it stays, and nothing is told.
   * @throws the NOT_FOUND of each; UnprocessableError ASSIGNEE_UNAVAILABLE; ConversationClosedError
   */
  async assign(author: Author, command: AssignConversation): Promise<ConversationView> {
    return this.conversations.transaction(author, async (tx) => {
      const conversation = await this.lockLive(tx, author, command);
      const target = await findTarget(tx, author.organizationId, command.to, 'assigneeId', conversation);
      if (command.note) await this.handover.noteIn(tx, author, conversation, command.note);
      if (await this.isThere(tx, conversation, target)) return this.unchanged(tx, author, conversation, command.note);
      const { note } = command;
      if (target.queue) return this.routing.enqueueIn(tx, author, conversation, { queueId: target.queue.id }, { note });
      return this.hands.hand(tx, author, conversation, target.assignee, { ...MANUAL, note });
    });
  }

  /**
   * The caller takes it, if nobody has it: of any number at once one gets it, the others are told who. Doing it again
   * changes and tells nothing.
   * @throws UsersOnlyError; AlreadyAssignedError; ConversationClosedError
   */
  async claim(author: Author, command: ConversationCommand): Promise<ConversationView> {
    const { id, type, name } = author.principal;
    return this.conversations.transaction(author, async (tx) => {
      const conversation = await this.lockLive(tx, author, command);
      if (type !== 'user' || id === null) throw new UsersOnlyError('claim a conversation');
      if (isAssignee(conversation, { type, id })) return loadView(tx, author.organizationId, conversation.id);
      const { assignee } = await loadView(tx, author.organizationId, conversation.id);
      if (assignee) throw new AlreadyAssignedError(assignee);
      return this.hands.hand(tx, author, conversation, { type, id, name }, { ...MANUAL, kind: 'claim' });
    });
  }

  /**
   * Hands a conversation on with its context: the summary stays as a private note, the contact is told if wanted. `warm`
   * offers it to a user who is there: whoever has it keeps it until then, and for good if it is declined or not answered.
   * Nothing is handed over when the contact was to be told and the channel cannot send. To where it is already changes
   * and tells nothing.
   * @throws as {@link assign}; ChannelNotConnectedError with `notifyContact`; ValidationError naming `mode`
   */
  async transfer(author: Author, command: TransferConversation): Promise<ConversationView> {
    return this.conversations.transaction(author, async (tx) => {
      const conversation = await this.lockLive(tx, author, command);
      const target = await findTarget(tx, author.organizationId, command.to, 'toAssigneeId', conversation);
      if (await this.isThere(tx, conversation, target)) return this.unchanged(tx, author, conversation, null);
      const { reason, summary, notifyContact } = command;
      const handed = { by: author.principal, reason, summary, notifyContact };
      if (command.mode === 'warm') {
        return this.offerTransfer(tx, author, conversation, target.queue ? null : target.assignee, handed);
      }
      if (!target.queue) return this.handover.transferIn(tx, author, conversation, target.assignee, handed);
      return this.transferToQueue(tx, author, conversation, target.queue, command);
    });
  }

  /** Takes a conversation out of its assignee's hands. Without an assignee it changes and tells nothing. */
  async unassign(author: Author, command: ConversationCommand): Promise<ConversationView> {
    return this.conversations.transaction(author, async (tx) => {
      const conversation = await this.lockLive(tx, author, command);
      if (!conversation.assigneeId) return loadView(tx, author.organizationId, conversation.id);
      return this.hands.hand(tx, author, conversation, null, { kind: 'unassign', event: 'conversation.unassigned' });
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

  private async transferToQueue(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    queue: QueueRow,
    { reason, summary, notifyContact }: TransferConversation,
  ): Promise<ConversationView> {
    if (summary) await this.handover.noteIn(tx, author, conversation, summary);
    const { assigneeType, assigneeId } = conversation;
    // not straight back to whoever has just passed it on
    const passed = assigneeType === 'user' && assigneeId ? [assigneeId] : [];
    const context: EnqueueContext = {
      kind: 'transfer',
      event: 'conversation.transferred',
      summary,
      notifyContact,
    };
    const view = await this.routing.enqueueIn(tx, author, conversation, { queueId: queue.id, reason, passed }, context);
    if (!notifyContact) return view;
    await this.handover.notifyIn(tx, author, conversation, `You are being passed on to ${queue.name}.`);
    return loadView(tx, author.organizationId, conversation.id);
  }

  private async offerTransfer(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    to: Assignee | null,
    transfer: Parameters<Handover['transferIn']>[4],
  ): Promise<ConversationView> {
    const { organizationId } = author;
    if (to?.type !== 'user') throw ValidationError.of('mode', 'mode can be warm only where toAssigneeId is a user');
    const [present] = await tx.query<unknown[]>(
      `SELECT 1 FROM agent_state WHERE organization_id = $1 AND user_id = $2 AND status IN ('online','busy')`,
      [organizationId, to.id],
    );
    if (!present) throw new AssigneeUnavailableError(`${to.name} is not there to accept it`);
    await this.offers.withdrawIn(tx, conversation);
    await this.offers.offerIn(tx, author, conversation, {
      kind: 'transfer',
      queueId: null,
      userIds: [to.id],
      timeout: WARM_TIMEOUT,
      decision: null,
      transfer,
      takenAt: null,
    });
    return loadView(tx, organizationId, conversation.id);
  }

  private async lockLive(tx: Tx, author: Author, command: ConversationCommand): Promise<Conversation> {
    const conversation = await lockConversation(tx, author.organizationId, command);
    if (conversation.status === 'closed') throw new ConversationClosedError();
    return conversation;
  }

  private async findAssignee(
    tx: Tx,
    { organizationId }: Author,
    to: AssigneeRef,
    conversation: { readonly channelId: string },
  ): Promise<Assignee> {
    const target = await findTarget(tx, organizationId, to, 'assigneeId', conversation);
    if (target.queue) throw new Error('A user or a bot is no queue');
    return target.assignee;
  }

  private async isThere(
    tx: Tx,
    conversation: Conversation,
    target: Awaited<ReturnType<typeof findTarget>>,
  ): Promise<boolean> {
    if (!target.queue) return isAssignee(conversation, target.assignee);
    const waits = await tx.query<unknown[]>(
      'SELECT 1 FROM queue_item WHERE organization_id = $1 AND conversation_id = $2 AND queue_id = $3',
      [conversation.organizationId, conversation.id, target.queue.id],
    );
    return waits.length > 0;
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

const MANUAL = { kind: 'manual', event: 'conversation.assigned' } as const;

const isAssignee = (conversation: Conversation, { type, id }: AssigneeRef): boolean =>
  conversation.assigneeType === type && conversation.assigneeId === id;

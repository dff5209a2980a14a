import { Injectable } from '@nestjs/common';
import { ChannelsService } from '@hub/channels/channels.service.js';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import { loadView } from '@hub/conversations/conversation-view.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import { TicketsQueries } from '@hub/conversations/tickets.queries.js';
import { TicketsService } from '@hub/conversations/tickets.service.js';
import type { Author } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { Ticket } from '@hub/model/ticket.entity.js';
import type { ConversationView } from '@hub/model/views.js';
import { AssignmentService } from './assignment.service.js';
import type { AssigneeRef, Opened } from './assignment.types.js';

/** Where each ticket has one conversation: that of its contact and its staff, in the built-in channel. */
@Injectable()
export class TicketDeskService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly assignment: AssignmentService,
    private readonly tickets: TicketsService,
    private readonly queries: TicketsQueries,
    private readonly channels: ChannelsService,
  ) {}

  /**
   * The ticket's conversation, live: opened when there is none, reopened when it is closed – both into the hands of the
   * ticket's staff, if they take conversations now –, and left as it is otherwise, which tells nothing. Of any number of
   * callers at once one opens or reopens it.
   * @throws TicketNotFoundError; ContactNotFoundError when the ticket's contact is gone; ConversationExistsError when it
   *   cannot be reopened beside another one
   */
  async openForTicket(author: Author, ticketId: string): Promise<Opened> {
    const { organizationId } = author;
    return this.conversations.transaction(author, async (tx) => {
      // openings of one ticket go one after the other, before any row is locked: then its conversation, then the ticket
      await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`ticket-desk ${ticketId}`]);
      const known = await this.queries.findDeskConversation(organizationId, ticketId, tx);
      const conversation = known && (await lockConversation(tx, organizationId, { conversationId: known }));
      if (conversation && conversation.status !== 'closed') {
        return { conversation: await loadView(tx, organizationId, conversation.id), outcome: 'unchanged' };
      }
      const ticket = await this.tickets.lockIn(tx, organizationId, ticketId);
      const staff = await this.staffOf(tx, ticket);
      if (!conversation) return { conversation: await this.create(tx, author, ticket, staff), outcome: 'created' };
      return { conversation: await this.reopen(tx, author, conversation, staff), outcome: 'reopened' };
    });
  }

  private async create(tx: Tx, author: Author, ticket: Ticket, staff: AssigneeRef | null): Promise<ConversationView> {
    const { id: ticketId, contactId, subject, priority } = ticket;
    return this.assignment.openIn(tx, author, {
      channelId: await this.channels.builtinIn(tx, author),
      contact: { id: contactId },
      ticketId,
      assignee: staff,
      botId: null,
      subject,
      priority,
      metadata: {},
      tags: [],
    });
  }

  private async reopen(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    staff: AssigneeRef | null,
  ): Promise<ConversationView> {
    const reopened = await this.conversations.reopenIn(tx, author, conversation);
    return staff ? this.assignment.assignIn(tx, author, conversation, staff) : reopened;
  }

  private async staffOf(tx: Tx, { organizationId, staffId }: Ticket): Promise<AssigneeRef | null> {
    if (staffId === null) return null;
    const [staff] = await tx.query<unknown[]>(
      `SELECT 1 FROM users WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL AND status <> 'suspended'
         AND role <> 'customer' FOR SHARE`,
      [organizationId, staffId],
    );
    return staff ? { type: 'user', id: staffId } : null;
  }
}

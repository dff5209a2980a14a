import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { changesOf } from '@hub/events/audit.js';
import { Outbox, type Author } from '@hub/events/outbox.js';
import { Database, type Tx } from '@hub/model/database.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import { Ticket } from '@hub/model/ticket.entity.js';
import type { TicketView } from '@hub/model/views.js';
import { newId } from '@hub/platform/ids.js';
import { mergeJson } from '@hub/platform/json.js';
import { requireContact, requireStaff } from './conversation-parties.js';
import { TicketNotFoundError } from './conversations.errors.js';
import { TicketsQueries } from './tickets.queries.js';
import type { OpenTicket, UpdateTicket } from './tickets.types.js';

const TOLD = ['subject', 'status', 'priority', 'staff', 'metadata'] as const;

/**
 * Tickets. Whoever needs a conversation and its ticket locks the conversation first, so that nobody waits in a circle;
 * a ticket's lock lets conversations be hung on it all the while.
 */
@Injectable()
export class TicketsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly queries: TicketsQueries,
  ) {}

  /** @throws ContactNotFoundError, UserNotFoundError; UnprocessableError ASSIGNEE_UNAVAILABLE */
  async open(author: Author, command: OpenTicket): Promise<TicketView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      await requireContact(tx, organizationId, command.contactId);
      if (command.staffId) await requireStaff(tx, organizationId, [command.staffId], 'staffId');
      const id = newId();
      await insertRow(tx, Ticket, {
        ...command,
        organizationId,
        id,
        metadata: mergeJson({}, command.metadata),
        closedAt: command.status === 'closed' ? new Date() : null,
      });
      const subject = await this.queries.getTicket(organizationId, id, tx);
      await this.outbox.append(tx, { type: 'ticket.created', author, conversationId: null, channelId: null, subject });
      return subject;
    });
  }

  /**
   * Changes a ticket; its conversations stay in the hands they are in. Nothing changed, nothing told.
   * @throws TicketNotFoundError, UserNotFoundError; UnprocessableError ASSIGNEE_UNAVAILABLE
   */
  async update(author: Author, { ticketId, metadata, ...command }: UpdateTicket): Promise<TicketView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      const ticket = await this.lockIn(tx, organizationId, ticketId);
      const { staffId } = command;
      if (staffId && staffId !== ticket.staffId) await requireStaff(tx, organizationId, [staffId], 'staffId');
      return this.changeIn(tx, author, ticket, {
        ...command,
        ...(metadata && { metadata: mergeJson(ticket.metadata, metadata) }),
      });
    });
  }

  /** Gives a ticket to whoever has just got one of its conversations, which the caller has locked. */
  async followIn(tx: Tx, author: Author, ticketId: string, staffId: string): Promise<void> {
    const ticket = await this.lockIn(tx, author.organizationId, ticketId);
    await this.changeIn(tx, author, ticket, { staffId });
  }

  /** The ticket, which nobody else changes until the transaction ends. @throws TicketNotFoundError */
  async lockIn(tx: Tx, organizationId: string, id: string): Promise<Ticket> {
    const where = { organizationId, id };
    const ticket = await tx.findOne(Ticket, { where, lock: { mode: 'for_no_key_update' } });
    if (!ticket) throw new TicketNotFoundError();
    return ticket;
  }

  private async changeIn(tx: Tx, author: Author, ticket: Ticket, wanted: Partial<Ticket>): Promise<TicketView> {
    const { organizationId, id } = ticket;
    const before = await this.queries.getTicket(organizationId, id, tx);
    const fields = Object.fromEntries(
      Object.entries(wanted).filter(
        ([field, value]) => value !== undefined && !isDeepStrictEqual(ticket[field as keyof Ticket], value),
      ),
    ) as Partial<Ticket>;
    if (Object.keys(fields).length === 0) return before;
    const ends = fields.status && (fields.status === 'closed') !== (ticket.status === 'closed');
    if (ends) fields.closedAt = fields.status === 'closed' ? new Date() : null;
    await updateRow(tx, Ticket, ticket, fields);
    const subject = await this.queries.getTicket(organizationId, id, tx);
    const changes = changesOf(before, subject, TOLD);
    const told = { author, conversationId: null, channelId: null, subject, changes };
    await this.outbox.append(tx, { type: 'ticket.updated', ...told });
    return subject;
  }
}

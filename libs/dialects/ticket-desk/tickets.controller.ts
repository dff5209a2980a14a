import { Controller, Get, Param, Post, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { TicketDeskService } from '@hub/assignment/ticket-desk.service.js';
import { ConversationNotFoundError, TicketNotFoundError } from '@hub/conversations/conversations.errors.js';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { NumbersQueries } from '@hub/conversations/numbers.queries.js';
import { TicketsQueries } from '@hub/conversations/tickets.queries.js';
import { CurrentActor } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { requireOwn } from './ticket-desk.access.js';
import { TicketDeskGuard } from './ticket-desk.guard.js';
import { historyObject, numberOf, startedMessage } from './ticket-desk.mapper.js';
import { Operation } from './ticket-desk.operation.js';

@Controller('conversation/ticket')
@UseGuards(TicketDeskGuard)
@ApiTags('Tickets')
export class DeskTicketsController {
  constructor(
    private readonly desk: TicketDeskService,
    private readonly tickets: TicketsQueries,
    private readonly conversations: ConversationsQueries,
    private readonly numbers: NumbersQueries,
  ) {}

  @Get(':ticketId/history')
  @Operation({
    scope: 'conversations:read',
    customer: true,
    id: 'ticketId',
    summary: 'Get the history of a ticket’s conversation',
    description: 'A ticket has one conversation, which is re-opened in place; before the first there is none.',
    answer: 'History',
  })
  async history(@CurrentActor() actor: Actor, @Param('ticketId') number: string): Promise<object> {
    const { organizationId } = actor;
    const ticketId = await this.find(actor, number);
    const ticket = await this.tickets.getTicket(organizationId, ticketId);
    requireOwn(actor, ticket.contact.id);
    const id = await this.tickets.findDeskConversation(organizationId, ticketId);
    if (!id) throw new ConversationNotFoundError();
    const conversation = await this.conversations.getConversation(organizationId, id);
    requireOwn(actor, conversation.contact?.id);
    return historyObject(conversation, ticket);
  }

  @Post(':id')
  @Operation({
    scope: 'conversations:write',
    id: 'id',
    summary: 'Start or re-open a ticket’s conversation',
    description:
      'For the staff. It gets into the hands of the ticket’s staff. While it is open, nothing is changed or told.',
    changes: true,
    answer: 'Started',
    conflict: 'It cannot be re-opened beside another conversation',
  })
  async start(@CurrentActor() actor: Actor, @Param('id') number: string): Promise<object> {
    return { message: startedMessage(await this.desk.openForTicket(actor, await this.find(actor, number))) };
  }

  /** @returns its UUID @throws TicketNotFoundError */
  private async find({ organizationId }: Actor, number: string): Promise<string> {
    const id = await this.numbers.findThing(organizationId, 'ticket', numberOf(number));
    if (!id) throw new TicketNotFoundError();
    return id;
  }
}

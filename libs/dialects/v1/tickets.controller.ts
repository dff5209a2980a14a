import { Get, Param, Patch, Post } from '@nestjs/common';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import { TicketsQueries } from '@hub/conversations/tickets.queries.js';
import { TicketsService } from '@hub/conversations/tickets.service.js';
import type { Actor } from '@hub/identity/actor.js';
import { conversationResource } from './conversation.mapper.js';
import { CreateTicketBody, ListTicketsQuery, UpdateTicketBody } from './ticket.dto.js';
import { ticketResource, toListTickets, toOpenTicket, toUpdateTicket } from './ticket.mapper.js';
import { PageQuery } from './v1.dto.js';
import { many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('tickets', 'Tickets')
export class TicketsController {
  constructor(
    private readonly tickets: TicketsService,
    private readonly queries: TicketsQueries,
    private readonly conversations: ConversationsQueries,
  ) {}

  @Get()
  @Operation({ scope: 'conversations:read', summary: 'List tickets', query: ListTicketsQuery, many: 'Ticket' })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListTicketsQuery) query: ListTicketsQuery): Promise<Envelope> {
    return many(await this.queries.listTickets(actor.organizationId, toListTickets(query)), ticketResource);
  }

  @Post()
  @Operation({
    scope: 'conversations:write',
    summary: 'Open a ticket',
    description: 'The folder that conversations with a contact about one matter hang on: theirs name it as `ticketId`.',
    body: CreateTicketBody,
    status: 201,
    one: 'Ticket',
    errors: ['CONTACT_NOT_FOUND', 'USER_NOT_FOUND', 'ASSIGNEE_UNAVAILABLE'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateTicketBody) body: CreateTicketBody): Promise<Envelope> {
    return one(ticketResource(await this.tickets.open(actor, toOpenTicket(body))));
  }

  @Get(':id')
  @Operation({ scope: 'conversations:read', summary: 'Get a ticket', one: 'Ticket', errors: ['TICKET_NOT_FOUND'] })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(ticketResource(await this.queries.getTicket(actor.organizationId, idOf('ticket', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'conversations:write',
    summary: 'Change a ticket',
    description:
      'Its conversations stay in the hands they are in. The other way round, the user who gets one of its ' +
      'conversations becomes its staff.',
    body: UpdateTicketBody,
    one: 'Ticket',
    errors: ['TICKET_NOT_FOUND', 'USER_NOT_FOUND', 'ASSIGNEE_UNAVAILABLE'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateTicketBody) body: UpdateTicketBody,
  ): Promise<Envelope> {
    return one(ticketResource(await this.tickets.update(actor, toUpdateTicket(id, body))));
  }

  @Get(':id/conversations')
  @Operation({
    scope: 'conversations:read',
    summary: 'List the conversations of a ticket',
    query: PageQuery,
    many: 'Conversation',
    errors: ['TICKET_NOT_FOUND'],
  })
  async listConversations(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(PageQuery) query: PageQuery,
  ): Promise<Envelope> {
    const ticketId = idOf('ticket', id);
    await this.queries.getTicket(actor.organizationId, ticketId);
    const request = { ...query, ticketId, sortBy: 'updatedAt' as const };
    const page = await this.conversations.listConversations(actor.organizationId, request);
    return many(page, (view) => conversationResource(view, false));
  }
}

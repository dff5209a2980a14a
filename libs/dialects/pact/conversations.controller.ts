import { Controller, Get, Param, Post, Put, Query, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AssignmentService } from '@hub/assignment/assignment.service.js';
import { ConversationNotFoundError } from '@hub/conversations/conversations.errors.js';
import { NumberedConversationsQueries } from '@hub/conversations/numbered-conversations.queries.js';
import { NumbersQueries } from '@hub/conversations/numbers.queries.js';
import { OutreachService } from '@hub/conversations/outreach.service.js';
import { CurrentActor } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { UserNotFoundError } from '@hub/identity/identity.errors.js';
import { AssignInput, CreateInput, ListInput } from './conversation.dto.js';
import { conversationOf, nextPage, ok, toListCommand, toReachCommand } from './conversation.mapper.js';
import { PactGuard } from './pact.guard.js';
import { PactInput } from './pact.input.js';
import { Operation } from './pact.operation.js';

@Controller('p1/companies/:company/conversations')
@UseGuards(PactGuard)
@ApiTags('Conversations')
export class PactConversationsController {
  constructor(
    private readonly queries: NumberedConversationsQueries,
    private readonly numbers: NumbersQueries,
    private readonly outreach: OutreachService,
    private readonly assignment: AssignmentService,
  ) {}

  @Get()
  @Operation({
    scope: 'conversations:read',
    summary: 'Get all conversations',
    description: 'Of every channel, closed ones included, by id.',
    query: ListInput,
    answer: 'ConversationPage',
  })
  async list(
    @CurrentActor() { organizationId }: Actor,
    @PactInput(ListInput) input: ListInput,
    @Query('from') from: unknown,
  ): Promise<object> {
    const command = toListCommand(input, from);
    const page = await this.queries.listByNumber(organizationId, command);
    return ok({ conversations: page.items.map(conversationOf), next_page: nextPage(command, page) });
  }

  @Post()
  @Operation({
    scope: 'conversations:write',
    summary: 'Create a conversation',
    description:
      'On the oldest active WhatsApp channel, else the oldest. A conversation with this phone that is there already is ' +
      'given back, a closed one reopened.',
    body: CreateInput,
    answer: 'ConversationAnswer',
  })
  async create(@CurrentActor() actor: Actor, @PactInput(CreateInput) input: CreateInput): Promise<object> {
    const { id } = await this.outreach.reach(actor, toReachCommand(input));
    return ok({ conversation: conversationOf(await this.queries.getConversation(actor.organizationId, id)) });
  }

  @Get(':id')
  @Operation({ scope: 'conversations:read', summary: 'Get conversation details', answer: 'ConversationAnswer' })
  async get(@CurrentActor() { organizationId }: Actor, @Param('id') id: string): Promise<object> {
    return ok({ conversation: conversationOf(await this.queries.getByNumber(organizationId, numberOf(id))) });
  }

  @Put(':id/assign')
  @Operation({
    scope: 'conversations:write',
    summary: 'Update the assignee of a conversation',
    description: 'Without an assignee, the conversation is taken from whoever has it.',
    body: AssignInput,
    answer: 'AssignedAnswer',
    conflicts: 'The conversation is closed',
    unprocessable: 'The user does not take conversations',
  })
  async assign(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @PactInput(AssignInput) { assignee_id }: AssignInput,
  ): Promise<object> {
    const { organizationId } = actor;
    const conversationId = await this.numbers.findThing(organizationId, 'conversation', numberOf(id));
    if (!conversationId) throw new ConversationNotFoundError();
    if (assignee_id === undefined) {
      await this.assignment.unassign(actor, { conversationId });
    } else {
      const to = await this.numbers.findParty(organizationId, assignee_id);
      if (!to || to.type === 'contact') throw new UserNotFoundError('assignee_id');
      await this.assignment.assign(actor, { conversationId, to: { type: to.type, id: to.id }, note: null });
    }
    return ok({ conversation: { external_id: numberOf(id) } });
  }
}

/** What is no number is nobody's. */
const numberOf = (text: string): number => (/^[1-9]\d{0,15}$/.test(text) ? Number(text) : 0);

import { Delete, Get, Headers, Param, Patch, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AssignmentService } from '@hub/assignment/assignment.service.js';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import { MessagesQueries } from '@hub/conversations/messages.queries.js';
import { ReadsService } from '@hub/conversations/reads.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import { contactOf, type Actor } from '@hub/identity/actor.js';
import { toDate } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import {
  AssignBody,
  ChangeBody,
  CloseBody,
  CreateConversationBody,
  GetConversationQuery,
  ListConversationsQuery,
  SnoozeBody,
  TagsBody,
  TransferBody,
  UpdateConversationBody,
} from './conversation.dto.js';
import {
  conversationResource,
  forContact,
  refuseStaffFilters,
  toCommand,
  toListCommand,
  toOpenCommand,
  toUpdateCommand,
  withMessages,
} from './conversation.mapper.js';
import { flat, many, one, type Envelope } from './v1.envelope.js';
import { idOf, targetOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

const CHANGE_ERRORS = ['CONVERSATION_NOT_FOUND', 'VERSION_MISMATCH'] as const;
const HAND_ERRORS = [
  ...CHANGE_ERRORS,
  'USER_NOT_FOUND',
  'BOT_NOT_FOUND',
  'TEAM_NOT_FOUND',
  'QUEUE_NOT_FOUND',
  'RESOURCE_NOT_FOUND',
  'CONVERSATION_CLOSED',
  'ASSIGNEE_UNAVAILABLE',
] as const;

@V1Controller('conversations', 'Conversations')
export class ConversationsController {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly queries: ConversationsQueries,
    private readonly messages: MessagesQueries,
    private readonly assignment: AssignmentService,
    private readonly reads: ReadsService,
  ) {}

  @Get()
  @Operation({
    scope: 'conversations:read',
    customer: true,
    summary: 'List conversations',
    query: ListConversationsQuery,
    many: 'Conversation',
  })
  async list(
    @CurrentActor() actor: Actor,
    @WireQuery(ListConversationsQuery) query: ListConversationsQuery,
  ): Promise<Envelope> {
    const contactId = contactOf(actor);
    const command = { ...toListCommand(query), ...(contactId && { contactId }) };
    if (contactId) refuseStaffFilters(query);
    const page = await this.queries.listConversations(actor.organizationId, command);
    return many(page, (view) =>
      contactId ? forContact(conversationResource(view)) : conversationResource(view, false),
    );
  }

  @Get('counts')
  @Operation({
    scope: 'conversations:read',
    summary: 'Count conversations',
    description:
      'By status; `mine` are those assigned to the caller and `unassigned` those that are nobody’s, both without the ' +
      'closed ones. Exact up to 10,000, beyond at most ten seconds old.',
    flat: 'ConversationCounts',
  })
  async counts(@CurrentActor() { organizationId, principal }: Actor): Promise<Envelope> {
    const assigneeId = principal.type === 'user' || principal.type === 'bot' ? principal.id : null;
    return flat({ ...(await this.queries.countConversations(organizationId, assigneeId)) });
  }

  @Get(':id')
  @Operation({
    scope: 'conversations:read',
    customer: true,
    summary: 'Get a conversation',
    description: 'With `includeMessages`, the latest `messageLimit` messages, oldest first.',
    query: GetConversationQuery,
    one: 'Conversation',
    errors: ['CONVERSATION_NOT_FOUND'],
  })
  async get(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(GetConversationQuery) query: GetConversationQuery,
  ): Promise<Envelope> {
    const { organizationId } = actor;
    const uuid = idOf('conv', id);
    const contactId = contactOf(actor);
    if (contactId) await this.queries.requireContact(organizationId, uuid, contactId);
    const [view, messages] = await Promise.all([
      this.queries.getConversation(organizationId, uuid),
      query.includeMessages ? this.messages.latestMessages(organizationId, uuid, query.messageLimit) : null,
    ]);
    const resource = contactId ? forContact(conversationResource(view)) : conversationResource(view);
    return one(messages ? withMessages(resource, messages) : resource);
  }

  @Post()
  @Operation({
    scope: 'conversations:write',
    summary: 'Open a conversation',
    description:
      'With a known contact, or with the person to find by phone or email, or to make. 200 instead of 201 when ' +
      '`onExisting` has found one.',
    body: CreateConversationBody,
    status: 201,
    again: 200,
    one: 'Conversation',
    errors: [
      'CHANNEL_NOT_FOUND',
      'CONTACT_NOT_FOUND',
      'USER_NOT_FOUND',
      'BOT_NOT_FOUND',
      'TEAM_NOT_FOUND',
      'QUEUE_NOT_FOUND',
      'TICKET_NOT_FOUND',
      'CONVERSATION_EXISTS',
      'ASSIGNEE_UNAVAILABLE',
    ],
  })
  async create(
    @CurrentActor() actor: Actor,
    @WireBody(CreateConversationBody) body: CreateConversationBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Envelope> {
    const { conversation, outcome } = await this.assignment.open(actor, toOpenCommand(body));
    reply.status(outcome === 'created' ? 201 : 200);
    return one(conversationResource(conversation));
  }

  @Patch(':id')
  @Operation({
    scope: 'conversations:write',
    summary: 'Change a conversation',
    description: 'Metadata is merged, tags are replaced. A status goes the same way as close, reopen and snooze.',
    body: UpdateConversationBody,
    one: 'Conversation',
    errors: [
      ...CHANGE_ERRORS,
      'CONVERSATION_CLOSED',
      'CONVERSATION_EXISTS',
      'CHANNEL_NOT_FOUND',
      'CONTACT_NOT_FOUND',
      'TICKET_NOT_FOUND',
    ],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateConversationBody) body: UpdateConversationBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const command = { ...toCommand(id, body, ifMatch), ...toUpdateCommand(body) };
    const view = await this.conversations.update(actor, command);
    return one(conversationResource(view));
  }

  @Post(':id/close')
  @Operation({
    scope: 'conversations:write',
    summary: 'Close a conversation',
    description: 'Closing a closed one changes nothing and sends no event.',
    body: CloseBody,
    bodyOptional: true,
    one: 'Conversation',
    errors: CHANGE_ERRORS,
  })
  async close(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(CloseBody) body: CloseBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const view = await this.conversations.close(actor, {
      ...toCommand(id, body, ifMatch),
      reason: body.reason ?? null,
      resolution: body.resolution ?? null,
      notes: body.notes ?? null,
    });
    return one(conversationResource(view));
  }

  @Post(':id/reopen')
  @Operation({
    scope: 'conversations:write',
    summary: 'Reopen a conversation',
    description: 'Reopening an open one changes nothing and sends no event.',
    body: ChangeBody,
    bodyOptional: true,
    one: 'Conversation',
    errors: [...CHANGE_ERRORS, 'CONVERSATION_EXISTS', 'CHANNEL_NOT_FOUND', 'CONTACT_NOT_FOUND'],
  })
  async reopen(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(ChangeBody) body: ChangeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    return one(conversationResource(await this.conversations.reopen(actor, toCommand(id, body, ifMatch))));
  }

  @Post(':id/snooze')
  @Operation({
    scope: 'conversations:write',
    summary: 'Snooze a conversation',
    description: 'It reopens at the given time, or at once when the contact writes.',
    body: SnoozeBody,
    one: 'Conversation',
    errors: [...CHANGE_ERRORS, 'CONVERSATION_CLOSED'],
  })
  async snooze(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(SnoozeBody) body: SnoozeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const snoozedUntil = toDate(body.until);
    if (snoozedUntil.getTime() <= Date.now()) throw ValidationError.of('until', 'until must be a time in the future');
    const view = await this.conversations.update(actor, {
      ...toCommand(id, body, ifMatch),
      status: 'snoozed',
      snoozedUntil,
    });
    return one(conversationResource(view));
  }

  @Post(':id/read')
  @Operation({
    scope: 'conversations:write',
    summary: 'Mark a conversation as read',
    body: ChangeBody,
    bodyOptional: true,
    one: 'Conversation',
    errors: CHANGE_ERRORS,
  })
  async read(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(ChangeBody) body: ChangeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    return one(conversationResource(await this.reads.readAll(actor, toCommand(id, body, ifMatch))));
  }

  @Post(':id/tags')
  @Operation({
    scope: 'conversations:write',
    summary: 'Add tags to a conversation',
    body: TagsBody,
    one: 'Conversation',
    errors: CHANGE_ERRORS,
  })
  async addTags(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(TagsBody) body: TagsBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const command = { ...toCommand(id, body, ifMatch), add: body.tags };
    return one(conversationResource(await this.conversations.changeTags(actor, command)));
  }

  @Delete(':id/tags')
  @Operation({
    scope: 'conversations:write',
    summary: 'Take tags from a conversation',
    body: TagsBody,
    status: 204,
    errors: CHANGE_ERRORS,
  })
  async removeTags(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(TagsBody) body: TagsBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<void> {
    await this.conversations.changeTags(actor, { ...toCommand(id, body, ifMatch), remove: body.tags });
  }

  @Post(':id/assign')
  @Operation({
    scope: 'conversations:write',
    summary: 'Assign a conversation',
    description:
      'To a user, a bot, a team’s oldest queue (or, where it has none, its least loaded member who is there) or a queue. ' +
      'Where it is already it stays: nothing changes and no event is sent.',
    body: AssignBody,
    one: 'Conversation',
    errors: HAND_ERRORS,
  })
  async assign(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(AssignBody) body: AssignBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const view = await this.assignment.assign(actor, {
      ...toCommand(id, body, ifMatch),
      to: targetOf(body.assigneeId, 'assigneeId', body.assigneeType),
      note: body.note ?? null,
    });
    return one(conversationResource(view));
  }

  @Post(':id/claim')
  @Operation({
    scope: 'conversations:write',
    summary: 'Claim a conversation',
    description:
      'The caller, a user, takes it if nobody has it. Of any number at once one gets it; the others get ALREADY_ASSIGNED ' +
      'with the winner as `assignee`. Claiming again what one has changes nothing and sends no event.',
    body: ChangeBody,
    bodyOptional: true,
    one: 'Conversation',
    errors: [...CHANGE_ERRORS, 'CONVERSATION_CLOSED', 'ALREADY_ASSIGNED'],
  })
  async claim(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(ChangeBody) body: ChangeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    return one(conversationResource(await this.assignment.claim(actor, toCommand(id, body, ifMatch))));
  }

  @Post(':id/unassign')
  @Operation({
    scope: 'conversations:write',
    summary: 'Take a conversation from its assignee',
    body: ChangeBody,
    bodyOptional: true,
    one: 'Conversation',
    errors: [...CHANGE_ERRORS, 'CONVERSATION_CLOSED'],
  })
  async unassign(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(ChangeBody) body: ChangeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    return one(conversationResource(await this.assignment.unassign(actor, toCommand(id, body, ifMatch))));
  }

  @Post(':id/transfer')
  @Operation({
    scope: 'conversations:write',
    summary: 'Transfer a conversation',
    description:
      'Hands it to another assignee or queue with reason and summary; `notifyContact` tells the contact. `mode: warm` ' +
      'offers it to a user who is there: whoever has it keeps it until then.',
    body: TransferBody,
    one: 'Conversation',
    errors: [...HAND_ERRORS, 'CHANNEL_NOT_CONNECTED'],
  })
  async transfer(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(TransferBody) body: TransferBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const view = await this.assignment.transfer(actor, {
      ...toCommand(id, body, ifMatch),
      to: targetOf(body.toAssigneeId, 'toAssigneeId'),
      reason: body.reason ?? null,
      summary: body.summary ?? null,
      notifyContact: body.notifyContact,
      mode: body.mode,
    });
    return one(conversationResource(view));
  }
}

import { Get, Headers, Param, Patch, Post } from '@nestjs/common';
import { AssignmentService } from '@hub/assignment/assignment.service.js';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import type { ConversationCommand } from '@hub/conversations/conversations.types.js';
import { MessagesQueries } from '@hub/conversations/messages.queries.js';
import { ReadsService } from '@hub/conversations/reads.service.js';
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
  TransferBody,
  UpdateConversationBody,
} from './conversation.dto.js';
import {
  conversationResource,
  forContact,
  participantResource,
  toListCommand,
  toOpenCommand,
  withMessages,
} from './conversation.mapper.js';
import { many, one, type Envelope } from './v1.envelope.js';
import { assigneeOf, idOf } from './v1.ids.js';
import { CurrentActor, Operation, V1Body, V1Controller, V1Query } from './v1.operation.js';

const CHANGE_ERRORS = ['CONVERSATION_NOT_FOUND', 'VERSION_MISMATCH'] as const;
const HAND_ERRORS = [
  ...CHANGE_ERRORS,
  'USER_NOT_FOUND',
  'BOT_NOT_FOUND',
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
    @V1Query(ListConversationsQuery) query: ListConversationsQuery,
  ): Promise<Envelope> {
    const contactId = contactOf(actor);
    const command = { ...toListCommand(query), ...(contactId && { contactId }) };
    if (contactId && query.search)
      throw ValidationError.of('search', 'search is not for contacts: it finds notes, too');
    const page = await this.queries.listConversations(actor.organizationId, command);
    return many(page, (view) =>
      contactId ? forContact(conversationResource(view)) : conversationResource(view, false),
    );
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
    @V1Query(GetConversationQuery) query: GetConversationQuery,
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
    description: 'With a known contact, or with the person to find by phone or email, or to make.',
    body: CreateConversationBody,
    status: 201,
    one: 'Conversation',
    errors: [
      'CHANNEL_NOT_FOUND',
      'CONTACT_NOT_FOUND',
      'USER_NOT_FOUND',
      'BOT_NOT_FOUND',
      'CONVERSATION_EXISTS',
      'ASSIGNEE_UNAVAILABLE',
    ],
  })
  async create(
    @CurrentActor() actor: Actor,
    @V1Body(CreateConversationBody) body: CreateConversationBody,
  ): Promise<Envelope> {
    return one(conversationResource(await this.assignment.open(actor, toOpenCommand(body))));
  }

  @Patch(':id')
  @Operation({
    scope: 'conversations:write',
    summary: 'Change a conversation',
    description: 'Metadata is merged, tags are replaced. A status goes the same way as close, reopen and snooze.',
    body: UpdateConversationBody,
    one: 'Conversation',
    errors: [...CHANGE_ERRORS, 'CONVERSATION_CLOSED', 'CONVERSATION_EXISTS', 'CHANNEL_NOT_FOUND', 'CONTACT_NOT_FOUND'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @V1Body(UpdateConversationBody) body: UpdateConversationBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const { snoozedUntil, expectedVersion: _, ...fields } = body;
    const view = await this.conversations.update(actor, {
      ...command(id, body, ifMatch),
      ...fields,
      ...(snoozedUntil && { snoozedUntil: toDate(snoozedUntil) }),
    });
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
    @V1Body(CloseBody) body: CloseBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const view = await this.conversations.close(actor, {
      ...command(id, body, ifMatch),
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
    @V1Body(ChangeBody) body: ChangeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    return one(conversationResource(await this.conversations.reopen(actor, command(id, body, ifMatch))));
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
    @V1Body(SnoozeBody) body: SnoozeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const snoozedUntil = toDate(body.until);
    if (snoozedUntil.getTime() <= Date.now()) throw ValidationError.of('until', 'until must be a time in the future');
    const view = await this.conversations.update(actor, {
      ...command(id, body, ifMatch),
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
    @V1Body(ChangeBody) body: ChangeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    return one(conversationResource(await this.reads.readAll(actor, command(id, body, ifMatch))));
  }

  @Post(':id/assign')
  @Operation({
    scope: 'conversations:write',
    summary: 'Assign a conversation',
    description: 'To a user or bot. Assigning to the present assignee changes nothing and sends no event.',
    body: AssignBody,
    one: 'Conversation',
    errors: HAND_ERRORS,
  })
  async assign(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @V1Body(AssignBody) body: AssignBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const view = await this.assignment.assign(actor, {
      ...command(id, body, ifMatch),
      to: assigneeOf(body.assigneeId, 'assigneeId', body.assigneeType),
      note: body.note ?? null,
    });
    return one(conversationResource(view));
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
    @V1Body(ChangeBody) body: ChangeBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    return one(conversationResource(await this.assignment.unassign(actor, command(id, body, ifMatch))));
  }

  @Post(':id/transfer')
  @Operation({
    scope: 'conversations:write',
    summary: 'Transfer a conversation',
    description: 'Hands it to another assignee with reason and summary; `notifyContact` tells the contact.',
    body: TransferBody,
    one: 'Conversation',
    errors: [...HAND_ERRORS, 'CHANNEL_NOT_CONNECTED'],
  })
  async transfer(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @V1Body(TransferBody) body: TransferBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const view = await this.assignment.transfer(actor, {
      ...command(id, body, ifMatch),
      to: assigneeOf(body.toAssigneeId, 'toAssigneeId'),
      reason: body.reason ?? null,
      summary: body.summary ?? null,
      notifyContact: body.notifyContact,
    });
    return one(conversationResource(view));
  }

  @Get(':id/participants')
  @Operation({
    scope: 'conversations:read',
    summary: 'List the participants of a conversation',
    list: 'Participant',
    errors: ['CONVERSATION_NOT_FOUND'],
  })
  async participants(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    const participants = await this.queries.listParticipants(actor.organizationId, idOf('conv', id));
    return { data: participants.map(participantResource) };
  }
}

/** The conversation in the address and the version the caller has seen: in the body, or as `If-Match: "3"`. */
function command(id: string, body: { expectedVersion?: number }, ifMatch: string | undefined): ConversationCommand {
  const conversationId = idOf('conv', id);
  if (body.expectedVersion !== undefined) return { conversationId, expectedVersion: body.expectedVersion };
  if (ifMatch === undefined || ifMatch.trim() === '*') return { conversationId };
  const version = /^(?:W\/)?"?(\d{1,9})"?$/.exec(ifMatch.trim())?.[1];
  if (!version) throw ValidationError.of('If-Match', 'If-Match must be a version, such as "3"');
  return { conversationId, expectedVersion: Number(version) };
}

import { Get, Param, Post } from '@nestjs/common';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { InboundService } from '@hub/conversations/inbound.service.js';
import { MessagesQueries } from '@hub/conversations/messages.queries.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import { contactOf, type Actor } from '@hub/identity/actor.js';
import { InsufficientPermissionsError } from '@hub/identity/identity.errors.js';
import { ValidationError } from '@hub/platform/errors.js';
import { ListMessagesQuery, PostMessageBody } from './message.dto.js';
import { messageForContact, messageResource, toPost } from './message.mapper.js';
import { one, stretch, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

/** What keeps a message from being sent. */
export const POST_ERRORS = [
  'CONVERSATION_NOT_FOUND',
  'CONVERSATION_CLOSED',
  'UNSUPPORTED_CONTENT_TYPE',
  'INVALID_RECIPIENT',
  'RESOURCE_NOT_FOUND',
  'CHANNEL_NOT_CONNECTED',
] as const;

@V1Controller('conversations/:id/messages', 'Messages')
export class ConversationMessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly queries: MessagesQueries,
    private readonly conversations: ConversationsQueries,
    private readonly inbound: InboundService,
  ) {}

  @Get()
  @Operation({
    scope: 'messages:read',
    customer: true,
    summary: 'List the messages of a conversation',
    description: 'Private notes included, but for the contact; oldest first, whichever way the cursor goes.',
    query: ListMessagesQuery,
    stretch: 'Message',
    errors: ['CONVERSATION_NOT_FOUND'],
  })
  async list(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(ListMessagesQuery) query: ListMessagesQuery,
  ): Promise<Envelope> {
    const { cursor, limit, direction } = query;
    const conversationId = idOf('conv', id);
    const request = { conversationId, limit, direction, ...(cursor && { cursor }) };
    const contactId = contactOf(actor);
    if (contactId) {
      await this.conversations.requireContact(actor.organizationId, conversationId, contactId);
      const seen = await this.queries.listMessages(actor.organizationId, { ...request, audience: 'contact' });
      return stretch(seen, messageForContact);
    }
    return stretch(await this.queries.listMessages(actor.organizationId, request), messageResource);
  }

  @Post()
  @Operation({
    scope: 'messages:write',
    customer: true,
    summary: 'Send a message, submit a draft, or add a private note',
    body: PostMessageBody,
    status: 201,
    one: 'Message',
    description:
      'At once, at `scheduledAt`, or, as a `draft`, once a supervisor has approved it. From a contact it is what the ' +
      'contact has written: inbound, and it reopens what was closed lately.',
    errors: [...POST_ERRORS, 'CONVERSATION_EXISTS', 'RESOURCE_ALREADY_EXISTS'],
  })
  async post(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(PostMessageBody) body: PostMessageBody,
  ): Promise<Envelope> {
    const command = { ...toPost(body), conversationId: idOf('conv', id) };
    if (contactOf(actor)) {
      const isStaffs = body.private || body.draft || body.scheduledAt !== undefined || body.recipients !== undefined;
      if (isStaffs) throw new InsufficientPermissionsError('A contact writes no notes, drafts or scheduled messages');
      return one(messageForContact(await this.inbound.write(actor, command)));
    }
    if (body.private) requireNote(body);
    const message = await (body.private ? this.messages.note(actor, command) : this.messages.reply(actor, command));
    return one(messageResource(message));
  }
}

/** @throws ValidationError naming what a note cannot be */
function requireNote({ draft, scheduledAt, recipients }: PostMessageBody): void {
  const problem = (field: string): ValidationError => ValidationError.of(field, `a private note has no ${field}`);
  if (draft) throw problem('draft');
  if (scheduledAt !== undefined) throw problem('scheduledAt');
  if (recipients) throw problem('recipients');
}

import { Get, Param, Post } from '@nestjs/common';
import { MessagesQueries } from '@hub/conversations/messages.queries.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import type { Actor } from '@hub/identity/actor.js';
import { ValidationError } from '@hub/platform/errors.js';
import { ListMessagesQuery, PostMessageBody } from './message.dto.js';
import { messageResource } from './message.mapper.js';
import { parseContent } from './v1.content.js';
import { one, stretch, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { CurrentActor, Operation, V1Body, V1Controller, V1Query } from './v1.operation.js';

@V1Controller('conversations/:id/messages', 'Messages')
export class ConversationMessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly queries: MessagesQueries,
  ) {}

  @Get()
  @Operation({
    scope: 'messages:read',
    summary: 'List the messages of a conversation',
    description: 'Private notes included; oldest first, whichever way the cursor goes.',
    query: ListMessagesQuery,
    stretch: 'Message',
    errors: ['CONVERSATION_NOT_FOUND'],
  })
  async list(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @V1Query(ListMessagesQuery) query: ListMessagesQuery,
  ): Promise<Envelope> {
    const { cursor, limit, direction } = query;
    const conversationId = idOf('conv', id);
    const request = { conversationId, limit, direction, ...(cursor && { cursor }) };
    return stretch(await this.queries.listMessages(actor.organizationId, request), messageResource);
  }

  @Post()
  @Operation({
    scope: 'messages:write',
    summary: 'Send a message, or add a private note',
    body: PostMessageBody,
    status: 201,
    one: 'Message',
    errors: ['CONVERSATION_NOT_FOUND', 'CONVERSATION_CLOSED', 'UNSUPPORTED_CONTENT_TYPE', 'CHANNEL_NOT_CONNECTED'],
  })
  async post(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @V1Body(PostMessageBody) body: PostMessageBody,
  ): Promise<Envelope> {
    if (body.draft) throw ValidationError.of('draft', 'drafts are not available in this version; nothing was sent');
    const command = {
      conversationId: idOf('conv', id),
      content: parseContent(body.content),
      clientMessageId: body.clientMessageId ?? null,
      metadata: body.metadata ?? {},
    };
    const message = await (body.private ? this.messages.note(actor, command) : this.messages.reply(actor, command));
    return one(messageResource(message));
  }
}

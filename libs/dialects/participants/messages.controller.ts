import type { Readable } from 'node:stream';
import { Controller, Get, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { ParticipantsQueries } from '@hub/conversations/participants.queries.js';
import { TranscriptsQueries } from '@hub/conversations/transcripts.queries.js';
import { CurrentActor, type ActorRequest } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { ValidationError } from '@hub/platform/errors.js';
import { ListMessagesQuery, MessageCreate } from './conversation.dto.js';
import { messageOf } from './conversation.mapper.js';
import { answerOf, messagesJson } from './json-stream.js';
import { link } from './page-links.js';
import { ParticipantsGuard } from './participants.guard.js';
import { ConversationId, JsonBody, QueryOf } from './participants.input.js';
import { JSON_TYPE, Operation } from './participants.operation.js';

@Controller('api/v2/conversations/:conversation_id/messages')
@UseGuards(ParticipantsGuard)
@ApiTags('Messages')
export class ParticipantsMessagesController {
  constructor(
    private readonly participants: ParticipantsQueries,
    private readonly transcripts: TranscriptsQueries,
    private readonly messages: MessagesService,
  ) {}

  @Get()
  @Operation({
    summary: 'List messages in a conversation',
    description:
      'All of them, oldest first. The user must be a participant. With `limit`, only so many, and `Link` says where ' +
      'it goes on.',
    query: ListMessagesQuery,
    answer: 'MessageList',
    headers: ['Link'],
    ofConversation: true,
  })
  async list(
    @CurrentActor() { organizationId, principal }: Actor,
    @ConversationId() id: string,
    @QueryOf(ListMessagesQuery) { limit, after }: ListMessagesQuery,
    @Req() request: ActorRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable | object[]> {
    await this.participants.requireParticipant(organizationId, id, principal.id ?? '');
    const place = after === undefined ? 0 : await this.transcripts.placeOf(organizationId, id, after);
    if (place === null) throw ValidationError.of('query.after', 'after is no message of this conversation');
    const read = (batch?: number) =>
      this.transcripts.read(organizationId, [{ id, messageCount: 0 }], { after: place, ...(batch && { batch }) });
    if (limit === undefined) {
      const answer = await answerOf(messagesJson(read()));
      reply.header('content-type', JSON_TYPE);
      return answer;
    }
    const { value: lines = [] } = await read(limit + 1).next();
    const page = (lines ?? []).slice(0, limit);
    const last = page.at(-1);
    if (last && lines.length > limit) reply.header('link', link(request.url, { limit, after: last.id }, 'next'));
    return page.map(messageOf);
  }

  @Post()
  @Operation({
    summary: 'Send a message in a conversation',
    description:
      'The user must be a participant. Where a contact takes part, the message is sent to them, over their channel.',
    body: MessageCreate,
    status: 201,
    answer: 'Message',
    ofConversation: true,
    conflicts: 'The conversation is closed',
    unprocessable: "the contact's channel is not active",
  })
  async create(
    @CurrentActor() actor: Actor,
    @ConversationId() conversationId: string,
    @JsonBody(MessageCreate) { body }: MessageCreate,
  ): Promise<object> {
    await this.participants.requireParticipant(actor.organizationId, conversationId, actor.principal.id ?? '');
    const content = { type: 'text', text: body };
    return messageOf(
      await this.messages.reply(actor, { conversationId, content, clientMessageId: null, metadata: {} }),
    );
  }
}

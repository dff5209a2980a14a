import { Controller, Get, Param, Patch, Post, UseGuards, type StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ConversationNotFoundError } from '@hub/conversations/conversations.errors.js';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import { InboundService } from '@hub/conversations/inbound.service.js';
import { MessagesQueries } from '@hub/conversations/messages.queries.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { NumbersQueries } from '@hub/conversations/numbers.queries.js';
import { streamArray } from '@hub/http/json-stream.js';
import { CurrentActor, WireBody } from '@hub/http/request.js';
import { contactOf, type Actor } from '@hub/identity/actor.js';
import type { ConversationView } from '@hub/model/views.js';
import { requireOwn } from './ticket-desk.access.js';
import { SendMessageBody } from './ticket-desk.dto.js';
import { TicketDeskGuard } from './ticket-desk.guard.js';
import { markerElement, messageElement, numberOf } from './ticket-desk.mapper.js';
import { Operation } from './ticket-desk.operation.js';

@Controller('conversation')
@UseGuards(TicketDeskGuard)
@ApiTags('Conversations')
export class DeskConversationsController {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly queries: ConversationsQueries,
    private readonly messages: MessagesService,
    private readonly said: MessagesQueries,
    private readonly inbound: InboundService,
    private readonly numbers: NumbersQueries,
  ) {}

  @Get(':conversationId')
  @Operation({
    scope: 'messages:read',
    customer: true,
    id: 'conversationId',
    summary: 'Get a conversation',
    description: 'All its messages; private notes and what has not been sent are in none of these answers.',
    answer: 'Conversation',
  })
  async get(@CurrentActor() actor: Actor, @Param('conversationId') number: string): Promise<StreamableFile> {
    return streamArray(this.elements(actor, await this.find(actor, number)));
  }

  @Post(':conversationId/message')
  @Operation({
    scope: 'messages:write',
    customer: true,
    id: 'conversationId',
    summary: 'Send a message',
    description: 'Into an open conversation: a closed one takes none until it is re-opened.',
    body: SendMessageBody,
    changes: true,
    answer: 'Sent',
    unprocessable: 'The channel of the conversation is not active',
  })
  async send(
    @CurrentActor() actor: Actor,
    @Param('conversationId') number: string,
    @WireBody(SendMessageBody) body: SendMessageBody,
  ): Promise<object> {
    const { id: conversationId } = await this.find(actor, number);
    const content = { type: 'text', text: body.content };
    const command = { conversationId, content, clientMessageId: null, metadata: {} };
    if (contactOf(actor)) await this.inbound.write(actor, command, { reopens: false });
    else await this.messages.reply(actor, command);
    return { message: 'message successfully sent' };
  }

  @Patch(':conversationId')
  @Operation({
    scope: 'conversations:write',
    id: 'conversationId',
    summary: 'Close a conversation',
    description: 'For the staff. What is closed stays so, and nothing is told again.',
    changes: true,
    answer: 'Closed',
  })
  async close(@CurrentActor() actor: Actor, @Param('conversationId') number: string): Promise<object> {
    const { id: conversationId } = await this.find(actor, number);
    await this.conversations.close(actor, { conversationId, reason: null, resolution: null, notes: null });
    return { message: 'Conversation successfully closed' };
  }

  /** @throws ConversationNotFoundError; InsufficientPermissionsError when it is not the caller's */
  private async find(actor: Actor, number: string): Promise<ConversationView> {
    const id = await this.numbers.findThing(actor.organizationId, 'conversation', numberOf(number));
    if (!id) throw new ConversationNotFoundError();
    const conversation = await this.queries.getConversation(actor.organizationId, id);
    requireOwn(actor, conversation.contact?.id);
    return conversation;
  }

  private async *elements(actor: Actor, conversation: ConversationView): AsyncGenerator<object[]> {
    const { organizationId, principal } = actor;
    for await (const batch of this.said.streamSaid(organizationId, conversation.id)) {
      const senders = batch.flatMap(({ sender }) => sender.id ?? []);
      const numbers = await this.numbers.numbersOf(organizationId, senders);
      yield batch.map((message) => messageElement(message, principal, numbers));
    }
    yield [markerElement(conversation)];
  }
}

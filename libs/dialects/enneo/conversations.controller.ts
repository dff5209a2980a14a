import { AsyncResource } from 'node:async_hooks';
import { Controller, Get, Param, UseGuards, type StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { TicketNotFoundError } from '@hub/conversations/conversations.errors.js';
import { MessagesQueries } from '@hub/conversations/messages.queries.js';
import { NumbersQueries } from '@hub/conversations/numbers.queries.js';
import { TicketThreadsQueries } from '@hub/conversations/ticket-threads.queries.js';
import { streamArray } from '@hub/http/json-stream.js';
import { CurrentActor, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { MediaLinks } from '@hub/media/media-links.js';
import { ConversationsQuery } from './conversation.dto.js';
import { conversationOf, isTold } from './conversation.mapper.js';
import { EnneoGuard } from './enneo.guard.js';
import { Operation } from './enneo.operation.js';

/** As many as are held at once. */
const BATCH = 250;

interface Wanted {
  readonly ticketId: string;
  readonly ticketNumber: number;
  readonly withRaw: boolean;
  readonly link: (attachmentId: string) => string;
}

@Controller('api/mind/ticket')
@UseGuards(EnneoGuard)
@ApiTags('Conversation')
export class EnneoConversationsController {
  constructor(
    private readonly numbers: NumbersQueries,
    private readonly threads: TicketThreadsQueries,
    private readonly messages: MessagesQueries,
    private readonly links: MediaLinks,
  ) {}

  @Get(':ticketId/conversation')
  @Operation({
    scope: 'conversations:read',
    operationId: 'getConversations',
    summary: 'Get conversations for a ticket',
    description:
      'Every message, private note and pending draft of all conversations of the ticket, in the order in which they were ' +
      'written, to the last one. Rejected drafts, and what is scheduled until it is sent, are left out.',
    query: ConversationsQuery,
    answer: 'Conversations',
  })
  async list(
    @CurrentActor() { organizationId }: Actor,
    @Param('ticketId') ticket: string,
    @WireQuery(ConversationsQuery) { includeRawData: withRaw }: ConversationsQuery,
  ): Promise<StreamableFile> {
    const ticketNumber = numberOf(ticket);
    const ticketId = await this.numbers.findThing(organizationId, 'ticket', ticketNumber);
    if (!ticketId) throw new TicketNotFoundError();
    // later batches are asked for by the socket, which knows of no request: a link needs its host
    const link = AsyncResource.bind((id: string) => this.links.urlFor(organizationId, id).url);
    const batches = this.batchesOf(organizationId, { ticketId, ticketNumber, withRaw, link });
    return streamArray(batches, { before: '{"conversations":', after: ',"success":true}' });
  }

  /** Two further queries a batch at most, however many messages, files and senders it has. */
  private async *batchesOf(
    organizationId: string,
    { ticketId, ticketNumber, withRaw, link }: Wanted,
  ): AsyncGenerator<object[]> {
    const threads = new Map((await this.threads.threadsOf(organizationId, ticketId)).map((one) => [one.id, one]));
    for await (const batch of this.messages.streamAll(organizationId, [...threads.keys()], { batch: BATCH })) {
      const told = batch.filter(isTold);
      const senders = told.flatMap(({ sender }) => sender.id ?? []);
      const [writers, raws] = await Promise.all([
        this.threads.writersOf(organizationId, senders),
        this.messages.rawOf(organizationId, withRaw ? told.map(({ id }) => id) : []),
      ]);
      yield told.flatMap((message) => {
        const thread = threads.get(message.conversationId);
        const [writer, raw] = [writers.get(message.sender.id ?? ''), raws.get(message.id)];
        return thread ? [conversationOf({ ticketNumber, thread, message, writer, raw, link })] : [];
      });
    }
  }
}

/** What is no number is no ticket's. */
const numberOf = (text: string): number => (/^[1-9]\d{0,15}$/.test(text) ? Number(text) : 0);

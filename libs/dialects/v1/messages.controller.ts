import { Delete, Get, Param, Post } from '@nestjs/common';
import { DraftsService } from '@hub/conversations/drafts.service.js';
import { MessagesQueries } from '@hub/conversations/messages.queries.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { OutboundService } from '@hub/conversations/outbound.service.js';
import { ReadsService, type Marked } from '@hub/conversations/reads.service.js';
import { RemovalService } from '@hub/conversations/removal.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { toDate } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import { POST_ERRORS } from './conversation-messages.controller.js';
import { BulkReadBody, DeleteMessageQuery, RejectBody, SearchMessagesQuery, SendMessageBody } from './message.dto.js';
import { messageDetails, messageResource, toPost, toSearchCommand, toSendTarget } from './message.mapper.js';
import { flat, one, stretch, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('messages', 'Messages')
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly queries: MessagesQueries,
    private readonly outbound: OutboundService,
    private readonly drafts: DraftsService,
    private readonly reads: ReadsService,
    private readonly removal: RemovalService,
  ) {}

  @Get()
  @Operation({
    scope: 'messages:read',
    summary: 'List messages',
    description: 'Of all conversations, private notes and drafts included; newest first.',
    query: SearchMessagesQuery,
    stretch: 'Message',
  })
  async list(
    @CurrentActor() actor: Actor,
    @WireQuery(SearchMessagesQuery) query: SearchMessagesQuery,
  ): Promise<Envelope> {
    return stretch(await this.queries.searchMessages(actor.organizationId, toSearchCommand(query)), messageResource);
  }

  @Post()
  @Operation({
    scope: 'messages:write',
    summary: 'Send a message',
    description:
      'Into a conversation (`conversationId`), or to somebody on a channel (`channelId` and `to`): the contact is found or ' +
      'made, their live conversation goes on, the last one is reopened within the channel’s window, else one is opened.',
    body: SendMessageBody,
    status: 201,
    one: 'Message',
    errors: [...POST_ERRORS, 'CHANNEL_NOT_FOUND', 'CONTACT_NOT_FOUND'],
  })
  async send(@CurrentActor() actor: Actor, @WireBody(SendMessageBody) body: SendMessageBody): Promise<Envelope> {
    const post = toPost(body);
    const target = toSendTarget(body);
    const message = await ('conversationId' in target
      ? this.messages.reply(actor, { ...post, ...target })
      : this.outbound.send(actor, { ...post, ...target }));
    return one(messageResource(message));
  }

  @Get(':id')
  @Operation({
    scope: 'messages:read',
    summary: 'Get a message',
    description: 'With both ends of its way and the history of its status.',
    one: 'MessageDetails',
    errors: ['MESSAGE_NOT_FOUND'],
  })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(messageDetails(await this.queries.getDetail(actor.organizationId, idOf('msg', id))));
  }

  @Delete(':id')
  @Operation({
    scope: 'messages:write',
    summary: 'Delete a message',
    description:
      'Its content is replaced by `{"type":"deleted"}`, its files and source are removed. A draft, a note and what waits ' +
      'for its time can always be deleted, and is never sent; what was delivered, on api, webchat and internal channels. ' +
      '`forEveryone`, within 48 hours, asks the other side to delete it, too: the event `message.deleted` says so.',
    query: DeleteMessageQuery,
    flat: 'MessageDeleted',
    errors: ['MESSAGE_NOT_FOUND', 'DELETE_NOT_SUPPORTED', 'DELETE_WINDOW_EXPIRED'],
  })
  async remove(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(DeleteMessageQuery) { forEveryone }: DeleteMessageQuery,
  ): Promise<Envelope> {
    const { deletedAt } = await this.removal.remove(actor, idOf('msg', id), { forEveryone });
    return flat({ id, deleted: true, deletedAt });
  }

  @Post('bulk-read')
  @Operation({
    scope: 'messages:write',
    summary: 'Mark messages as read',
    description:
      'Up to the latest of `messageIds`, which are of one conversation, or up to `beforeTimestamp` in `conversationId`. ' +
      'A user moves their own mark and the staff’s, a key the staff’s only.',
    body: BulkReadBody,
    flat: 'MessagesRead',
    errors: ['CONVERSATION_NOT_FOUND', 'MESSAGE_NOT_FOUND'],
  })
  async bulkRead(@CurrentActor() actor: Actor, @WireBody(BulkReadBody) body: BulkReadBody): Promise<Envelope> {
    const { messageIds, beforeTimestamp } = body;
    const conversationId = body.conversationId && idOf('conv', body.conversationId, 'conversationId');
    if (messageIds && messageIds.length > 0) {
      const ids = messageIds.map((id) => idOf('msg', id, 'messageIds'));
      return marked(await this.reads.readMany(actor, ids, conversationId));
    }
    if (!conversationId) throw ValidationError.of('messageIds', 'messageIds or conversationId is required');
    const before = beforeTimestamp === undefined ? null : toDate(beforeTimestamp);
    return marked(await this.reads.readBefore(actor, conversationId, before));
  }

  @Post(':id/read')
  @Operation({
    scope: 'messages:write',
    summary: 'Mark everything up to a message as read',
    description: 'A user moves their own mark and the staff’s, a key the staff’s only. Marks go ahead only.',
    flat: 'MessagesRead',
    errors: ['MESSAGE_NOT_FOUND'],
  })
  async read(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return marked(await this.reads.readTo(actor, idOf('msg', id)));
  }

  @Post(':id/approve')
  @Operation({
    scope: 'assignment:write',
    summary: 'Approve a draft',
    description:
      'For supervisors and up, and keys with that scope. It goes out as the latest message, or at its time. Approving it ' +
      'again changes nothing; a rejected one is a RESOURCE_ALREADY_EXISTS.',
    one: 'Message',
    errors: ['MESSAGE_NOT_FOUND', 'CONVERSATION_CLOSED', 'CHANNEL_NOT_CONNECTED', 'RESOURCE_ALREADY_EXISTS'],
  })
  async approve(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(messageResource(await this.drafts.approve(actor, idOf('msg', id))));
  }

  @Post(':id/reject')
  @Operation({
    scope: 'assignment:write',
    summary: 'Reject a draft',
    description:
      'For supervisors and up, and keys with that scope. It is never sent. Rejecting it again changes nothing; an approved ' +
      'one is a RESOURCE_ALREADY_EXISTS.',
    body: RejectBody,
    bodyOptional: true,
    one: 'Message',
    errors: ['MESSAGE_NOT_FOUND', 'RESOURCE_ALREADY_EXISTS'],
  })
  async reject(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(RejectBody) { reason }: RejectBody,
  ): Promise<Envelope> {
    return one(messageResource(await this.drafts.reject(actor, idOf('msg', id), reason ?? null)));
  }
}

const marked = ({ markedCount, conversationId }: Marked): Envelope =>
  flat({ markedCount, conversationId: encodeId('conv', conversationId) });

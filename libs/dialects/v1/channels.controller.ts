import { Delete, Get, Param, Patch, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ChannelStatsQueries } from '@hub/channels/channel-stats.queries.js';
import { ChannelTestService } from '@hub/channels/channel-test.service.js';
import { ChannelsQueries } from '@hub/channels/channels.queries.js';
import { ChannelsService } from '@hub/channels/channels.service.js';
import { ChannelLifecycleService } from '@hub/conversations/channel-lifecycle.service.js';
import { InboundService } from '@hub/conversations/inbound.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import {
  ChannelStatsQuery,
  CreateChannelBody,
  DeactivateBody,
  DeleteChannelQuery,
  ListChannelsQuery,
  UpdateChannelBody,
} from './channel.dto.js';
import { channelResource, setupInstructions, toCreateChannel, toUpdateChannel } from './channel.mapper.js';
import { InboundMessageBody } from './message.dto.js';
import { messageResource, toReceiveCommand } from './message.mapper.js';
import { flat, many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { encodeId } from '@hub/platform/ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('channels', 'Channels')
export class ChannelsController {
  constructor(
    private readonly channels: ChannelsService,
    private readonly queries: ChannelsQueries,
    private readonly tests: ChannelTestService,
    private readonly stats: ChannelStatsQueries,
    private readonly lifecycle: ChannelLifecycleService,
    private readonly inbound: InboundService,
  ) {}

  @Get()
  @Operation({ scope: 'channels:read', summary: 'List channels', query: ListChannelsQuery, many: 'Channel' })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListChannelsQuery) query: ListChannelsQuery): Promise<Envelope> {
    return many(await this.queries.listChannels(actor.organizationId, query), channelResource);
  }

  @Post()
  @Operation({
    scope: 'channels:write',
    summary: 'Add a channel',
    description: 'It is inactive until it is activated. The provider is not called.',
    body: CreateChannelBody,
    status: 201,
    one: 'Channel',
    errors: ['INVALID_CHANNEL_TYPE', 'BOT_NOT_FOUND', 'CHANNEL_ALREADY_EXISTS'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateChannelBody) body: CreateChannelBody): Promise<Envelope> {
    const command = toCreateChannel(body);
    const resource = channelResource(await this.channels.create(actor, command));
    return { ...one(resource), meta: { setupInstructions: setupInstructions(command.type, resource.id) } };
  }

  @Get(':id')
  @Operation({ scope: 'channels:read', summary: 'Get a channel', one: 'Channel', errors: ['CHANNEL_NOT_FOUND'] })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(channelResource(await this.queries.getChannel(actor.organizationId, idOf('ch', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'channels:write',
    summary: 'Change a channel',
    body: UpdateChannelBody,
    one: 'Channel',
    errors: ['CHANNEL_NOT_FOUND', 'BOT_NOT_FOUND', 'CHANNEL_ALREADY_EXISTS'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateChannelBody) body: UpdateChannelBody,
  ): Promise<Envelope> {
    return one(channelResource(await this.channels.update(actor, toUpdateChannel(idOf('ch', id), body))));
  }

  @Delete(':id')
  @Operation({
    scope: 'channels:write',
    summary: 'Remove a channel',
    query: DeleteChannelQuery,
    status: 204,
    errors: ['CHANNEL_NOT_FOUND', 'ACTIVE_CONVERSATIONS_EXIST'],
  })
  async remove(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(DeleteChannelQuery) query: DeleteChannelQuery,
  ): Promise<void> {
    await this.lifecycle.remove(actor, idOf('ch', id), query.force);
  }

  @Post(':id/activate')
  @Operation({
    scope: 'channels:write',
    summary: 'Activate a channel',
    one: 'Channel',
    errors: ['CHANNEL_NOT_FOUND', 'CHANNEL_NOT_CONNECTED'],
  })
  async activate(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(channelResource(await this.channels.activate(actor, idOf('ch', id))));
  }

  @Post(':id/deactivate')
  @Operation({
    scope: 'channels:write',
    summary: 'Deactivate a channel',
    description: 'It sends no more; with `closeConversations` its live conversations are closed.',
    body: DeactivateBody,
    bodyOptional: true,
    one: 'Channel',
    errors: ['CHANNEL_NOT_FOUND'],
  })
  async deactivate(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(DeactivateBody) body: DeactivateBody,
  ): Promise<Envelope> {
    const { closeConversations, reason = null } = body;
    const channel = await this.lifecycle.deactivate(actor, idOf('ch', id), { reason, closeConversations });
    return one(channelResource(channel));
  }

  @Post(':id/test')
  @Operation({
    scope: 'channels:write',
    summary: 'Test a channel',
    description:
      'Looks at its settings and, of an `api` channel, posts `{type: "channel.test", channelId, timestamp}` to its ' +
      '`webhookUrl`. A provider that this version cannot connect to yet is a failed test. Changes nothing.',
    flat: 'ChannelTest',
    errors: ['CHANNEL_NOT_FOUND'],
  })
  async test(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    const channelId = idOf('ch', id);
    const report = await this.tests.test(actor.organizationId, channelId);
    return flat({ channelId: encodeId('ch', channelId), ...report });
  }

  @Get(':id/stats')
  @Operation({
    scope: 'channels:read',
    summary: 'Statistics of a channel',
    query: ChannelStatsQuery,
    flat: 'ChannelStats',
    errors: ['CHANNEL_NOT_FOUND'],
  })
  async getStats(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(ChannelStatsQuery) { period, granularity }: ChannelStatsQuery,
  ): Promise<Envelope> {
    const channelId = idOf('ch', id);
    const stats = await this.stats.getStats(actor.organizationId, channelId, period, granularity);
    return flat({ channelId: encodeId('ch', channelId), period, ...stats });
  }

  @Post(':id/messages')
  @Operation({
    scope: 'messages:write',
    summary: 'Receive a message into an api channel',
    description:
      'Continues, reopens or opens the conversation of the contact. 201; the same `externalId` again answers 200 ' +
      'with the first message and changes nothing.',
    body: InboundMessageBody,
    status: 201,
    again: 200,
    one: 'Message',
    errors: ['CHANNEL_NOT_FOUND', 'INVALID_CHANNEL_TYPE'],
  })
  async receive(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(InboundMessageBody) body: InboundMessageBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Envelope> {
    const command = toReceiveCommand(idOf('ch', id), body);
    const { message, created } = await this.inbound.receive(actor, 'api', command);
    reply.status(created ? 201 : 200);
    return one(messageResource(message));
  }
}

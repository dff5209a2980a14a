import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { BotsQueries } from '@hub/bots/bots.queries.js';
import { BotsService } from '@hub/bots/bots.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { CreateBotBody, ListBotsQuery, UpdateBotBody } from './bot.dto.js';
import { botResource, toCreateBot, toUpdateBot } from './bot.mapper.js';
import { many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('bots', 'Bots')
export class BotsController {
  constructor(
    private readonly bots: BotsService,
    private readonly queries: BotsQueries,
  ) {}

  @Get()
  @Operation({ scope: 'bots:read', summary: 'List bots', query: ListBotsQuery, many: 'Bot' })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListBotsQuery) query: ListBotsQuery): Promise<Envelope> {
    return many(await this.queries.listBots(actor.organizationId, query), botResource);
  }

  @Post()
  @Operation({
    scope: 'bots:write',
    summary: 'Add a bot',
    description: 'An assignee like a user; inactive until it is activated.',
    body: CreateBotBody,
    status: 201,
    one: 'Bot',
    errors: ['INVALID_PROVIDER', 'CHANNEL_NOT_FOUND'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateBotBody) body: CreateBotBody): Promise<Envelope> {
    return one(botResource(await this.bots.create(actor, toCreateBot(body))));
  }

  @Get(':id')
  @Operation({ scope: 'bots:read', summary: 'Get a bot', one: 'Bot', errors: ['BOT_NOT_FOUND'] })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(botResource(await this.queries.getBot(actor.organizationId, idOf('bot', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'bots:write',
    summary: 'Change a bot',
    body: UpdateBotBody,
    one: 'Bot',
    errors: ['BOT_NOT_FOUND', 'INVALID_PROVIDER', 'CHANNEL_NOT_FOUND'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateBotBody) body: UpdateBotBody,
  ): Promise<Envelope> {
    return one(botResource(await this.bots.update(actor, toUpdateBot(idOf('bot', id), body))));
  }

  @Delete(':id')
  @Operation({
    scope: 'bots:write',
    summary: 'Remove a bot',
    status: 204,
    errors: ['BOT_NOT_FOUND', 'BOT_IS_ACTIVE', 'ACTIVE_CONVERSATIONS_EXIST'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.bots.remove(actor, idOf('bot', id));
  }

  @Post(':id/activate')
  @Operation({ scope: 'bots:write', summary: 'Activate a bot', one: 'Bot', errors: ['BOT_NOT_FOUND'] })
  async activate(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(botResource(await this.bots.setStatus(actor, idOf('bot', id), 'active')));
  }

  @Post(':id/deactivate')
  @Operation({ scope: 'bots:write', summary: 'Deactivate a bot', one: 'Bot', errors: ['BOT_NOT_FOUND'] })
  async deactivate(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(botResource(await this.bots.setStatus(actor, idOf('bot', id), 'inactive')));
  }
}

import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { ServiceLevelsService } from '@hub/assignment/service-levels/service-levels.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { HistoryQuery } from './conversation.dto.js';
import { ruleLogResource } from './rule.mapper.js';
import { CreateServiceLevelBody, UpdateServiceLevelBody } from './service-level.dto.js';
import {
  serviceLevelResource,
  timerResource,
  toCreateServiceLevel,
  toUpdateServiceLevel,
} from './service-level.mapper.js';
import { OrderedPageQuery } from './v1.dto.js';
import { many, one, stretch, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

const NAMED = [
  'USER_NOT_FOUND',
  'BOT_NOT_FOUND',
  'CHANNEL_NOT_FOUND',
  'RESOURCE_NOT_FOUND',
  'RESOURCE_ALREADY_EXISTS',
] as const;

@V1Controller('service-levels', 'Service levels')
export class ServiceLevelsController {
  constructor(private readonly levels: ServiceLevelsService) {}

  @Get()
  @Operation({
    scope: 'assignment:read',
    summary: 'List service levels',
    description: 'In the order in which they are tried.',
    query: OrderedPageQuery,
    many: 'ServiceLevel',
  })
  async list(@CurrentActor() actor: Actor, @WireQuery(OrderedPageQuery) query: OrderedPageQuery): Promise<Envelope> {
    return many(await this.levels.list(actor.organizationId, query), serviceLevelResource);
  }

  @Post()
  @Operation({
    scope: 'assignment:write',
    summary: 'Add a service level',
    description:
      'When a conversation is opened, or is open again after it was closed, it is held to the first level whose ' +
      'conditions hold. `firstResponse` runs from then on and `nextResponse` from the first message of the contact after ' +
      'an answer, each until a user or an API key has answered; what a bot or the product writes is no answer. ' +
      '`resolution` runs until it is closed. Only business time counts, and none while it is pending or snoozed. ' +
      '`sla.warning` and `sla.breached` are told once for each; a warning raises the priority in the queue by a step.',
    body: CreateServiceLevelBody,
    status: 201,
    one: 'ServiceLevel',
    errors: NAMED,
  })
  async create(
    @CurrentActor() actor: Actor,
    @WireBody(CreateServiceLevelBody) body: CreateServiceLevelBody,
  ): Promise<Envelope> {
    return one(serviceLevelResource(await this.levels.create(actor, toCreateServiceLevel(body))));
  }

  @Get(':id')
  @Operation({
    scope: 'assignment:read',
    summary: 'Get a service level',
    one: 'ServiceLevel',
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(serviceLevelResource(await this.levels.get(actor.organizationId, idOf('sla', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Change a service level',
    description: 'Holds for conversations that begin later; those that have begun keep what they were promised.',
    body: UpdateServiceLevelBody,
    one: 'ServiceLevel',
    errors: NAMED,
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateServiceLevelBody) body: UpdateServiceLevelBody,
  ): Promise<Envelope> {
    return one(serviceLevelResource(await this.levels.update(actor, toUpdateServiceLevel(idOf('sla', id), body))));
  }

  @Delete(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Remove a service level',
    description: 'Conversations that have begun keep what they were promised.',
    status: 204,
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.levels.remove(actor, idOf('sla', id));
  }

  @Get(':id/log')
  @Operation({
    scope: 'assignment:read',
    summary: 'List what came of a service level',
    description: 'Newest first. Outcomes: `started` for a conversation, `met`, late or not, `warning`, `breached`.',
    query: HistoryQuery,
    stretch: 'RuleLog',
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async log(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(HistoryQuery) query: HistoryQuery,
  ): Promise<Envelope> {
    return stretch(await this.levels.log(actor.organizationId, idOf('sla', id), query), ruleLogResource);
  }
}

@V1Controller('conversations', 'Service levels')
export class ConversationServiceLevelsController {
  constructor(private readonly levels: ServiceLevelsService) {}

  @Get(':id/service-levels')
  @Operation({
    scope: 'conversations:read',
    summary: 'List how a conversation stands with its service level',
    description: 'One entry for each time that is kept, by its metric; empty where it is held to none.',
    list: 'ServiceLevelTimer',
    errors: ['CONVERSATION_NOT_FOUND'],
  })
  async timers(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return { data: (await this.levels.listTimers(actor.organizationId, idOf('conv', id))).map(timerResource) };
  }
}

import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { RoutingRulesService } from '@hub/assignment/rules/routing-rules.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { HistoryQuery } from './conversation.dto.js';
import { CreateRoutingRuleBody, UpdateRoutingRuleBody } from './rule.dto.js';
import { routingRuleResource, ruleLogResource, toCreateRoutingRule, toUpdateRoutingRule } from './rule.mapper.js';
import { OrderedPageQuery } from './v1.dto.js';
import { many, one, stretch, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

const NAMED = [
  'USER_NOT_FOUND',
  'BOT_NOT_FOUND',
  'TEAM_NOT_FOUND',
  'QUEUE_NOT_FOUND',
  'CHANNEL_NOT_FOUND',
  'RESOURCE_NOT_FOUND',
  'RESOURCE_ALREADY_EXISTS',
  'ASSIGNEE_UNAVAILABLE',
] as const;

@V1Controller('routing-rules', 'Rules')
export class RoutingRulesController {
  constructor(private readonly rules: RoutingRulesService) {}

  @Get()
  @Operation({
    scope: 'assignment:read',
    summary: 'List routing rules',
    description: 'In the order in which they are tried.',
    query: OrderedPageQuery,
    many: 'RoutingRule',
  })
  async list(@CurrentActor() actor: Actor, @WireQuery(OrderedPageQuery) query: OrderedPageQuery): Promise<Envelope> {
    return many(await this.rules.list(actor.organizationId, query), routingRuleResource);
  }

  @Post()
  @Operation({
    scope: 'assignment:write',
    summary: 'Add a routing rule',
    description:
      'Applied when a conversation that nobody has is opened, is open again, or is handed off by a bot to nobody: the ' +
      'first rule whose conditions hold gives it to the first of its targets that can take it. A queue or team takes ' +
      'everything; a user who is there and has room; a bot that is active. Without an assignment within the `timeout` of ' +
      'a target the next one has its turn, and the conversation keeps its place by the time it has waited. Where no rule ' +
      'matches it stays as it is.',
    body: CreateRoutingRuleBody,
    status: 201,
    one: 'RoutingRule',
    errors: NAMED,
  })
  async create(
    @CurrentActor() actor: Actor,
    @WireBody(CreateRoutingRuleBody) body: CreateRoutingRuleBody,
  ): Promise<Envelope> {
    return one(routingRuleResource(await this.rules.create(actor, toCreateRoutingRule(body))));
  }

  @Get(':id')
  @Operation({
    scope: 'assignment:read',
    summary: 'Get a routing rule',
    one: 'RoutingRule',
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(routingRuleResource(await this.rules.get(actor.organizationId, idOf('rule', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Change a routing rule',
    description: 'What it has put into a queue already stays there; its next targets are those of the changed rule.',
    body: UpdateRoutingRuleBody,
    one: 'RoutingRule',
    errors: NAMED,
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateRoutingRuleBody) body: UpdateRoutingRuleBody,
  ): Promise<Envelope> {
    return one(routingRuleResource(await this.rules.update(actor, toUpdateRoutingRule(idOf('rule', id), body))));
  }

  @Delete(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Remove a routing rule',
    status: 204,
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.rules.remove(actor, idOf('rule', id));
  }

  @Get(':id/log')
  @Operation({
    scope: 'assignment:read',
    summary: 'List what a routing rule has done',
    description: 'Newest first. Outcomes: `routed`, `escalated` to a later target, `exhausted`: none could take it.',
    query: HistoryQuery,
    stretch: 'RuleLog',
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async log(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(HistoryQuery) query: HistoryQuery,
  ): Promise<Envelope> {
    return stretch(await this.rules.log(actor.organizationId, idOf('rule', id), query), ruleLogResource);
  }
}

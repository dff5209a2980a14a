import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { AutomationRulesService } from '@hub/assignment/automation/automation-rules.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { HistoryQuery } from './conversation.dto.js';
import { CreateAutomationRuleBody, UpdateAutomationRuleBody } from './rule.dto.js';
import {
  automationRuleResource,
  ruleLogResource,
  toCreateAutomationRule,
  toUpdateAutomationRule,
} from './rule.mapper.js';
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
  'INVALID_URL',
] as const;

@V1Controller('automation-rules', 'Rules')
export class AutomationRulesController {
  constructor(private readonly rules: AutomationRulesService) {}

  @Get()
  @Operation({
    scope: 'assignment:read',
    summary: 'List automation rules',
    description: 'In the order in which they are applied.',
    query: OrderedPageQuery,
    many: 'AutomationRule',
  })
  async list(@CurrentActor() actor: Actor, @WireQuery(OrderedPageQuery) query: OrderedPageQuery): Promise<Envelope> {
    const rules = await this.rules.list(actor.organizationId, query);
    return many(rules, (rule) => automationRuleResource(rule));
  }

  @Post()
  @Operation({
    scope: 'assignment:write',
    summary: 'Add an automation rule',
    description:
      'On its event, if its conditions hold, it does its actions: all of them or none, once per event. It never fires on ' +
      'what it has caused itself; a chain of rules ends after five, and a conversation takes 20 firings a minute: what is ' +
      'held back is logged as `loop`. `callWebhook` is a POST of the event’s body with `meta.ruleId`, signed as a webhook ' +
      'with the `secret` that is shown here once; it is made after the commit, at least once with one `webhook-id`, and ' +
      'tried seven times within two hours. Of events of contacts only webhooks can be told.',
    body: CreateAutomationRuleBody,
    status: 201,
    one: 'AutomationRule',
    errors: NAMED,
  })
  async create(
    @CurrentActor() actor: Actor,
    @WireBody(CreateAutomationRuleBody) body: CreateAutomationRuleBody,
  ): Promise<Envelope> {
    const { rule, secret } = await this.rules.create(actor, toCreateAutomationRule(body));
    return one(automationRuleResource(rule, secret));
  }

  @Get(':id')
  @Operation({
    scope: 'assignment:read',
    summary: 'Get an automation rule',
    one: 'AutomationRule',
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(automationRuleResource(await this.rules.get(actor.organizationId, idOf('rule', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Change an automation rule',
    description: 'The `secret` is shown when the first `callWebhook` of the rule has made it.',
    body: UpdateAutomationRuleBody,
    one: 'AutomationRule',
    errors: NAMED,
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateAutomationRuleBody) body: UpdateAutomationRuleBody,
  ): Promise<Envelope> {
    const { rule, secret } = await this.rules.update(actor, toUpdateAutomationRule(idOf('rule', id), body));
    return one(automationRuleResource(rule, secret));
  }

  @Delete(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Remove an automation rule',
    status: 204,
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.rules.remove(actor, idOf('rule', id));
  }

  @Get(':id/log')
  @Operation({
    scope: 'assignment:read',
    summary: 'List what an automation rule has done',
    description:
      'Newest first. Outcomes: `fired`; `failed`, with the action and the code, nothing was done; `loop`, held back.',
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

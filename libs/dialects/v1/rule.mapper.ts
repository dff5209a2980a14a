import type {
  Action,
  AutomationRuleView,
  CreateAutomationRule,
  UpdateAutomationRule,
} from '@hub/assignment/automation/automation.types.js';
import { checkActions } from '@hub/assignment/automation/check-actions.js';
import { checkConditions } from '@hub/assignment/rules/check-conditions.js';
import type { Condition } from '@hub/assignment/rules/conditions.js';
import type {
  CreateRoutingRule,
  RoutingRuleView,
  RoutingTarget,
  RuleLogView,
  UpdateRoutingRule,
} from '@hub/assignment/rules/rules.types.js';
import type { TargetRef } from '@hub/assignment/routing/targets.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type {
  CreateAutomationRuleBody,
  CreateRoutingRuleBody,
  TargetPart,
  UpdateAutomationRuleBody,
  UpdateRoutingRuleBody,
} from './rule.dto.js';
import { skillsOf } from './skills.dto.js';
import type { Resource } from './v1.envelope.js';
import { idOf, targetOf } from './v1.ids.js';

export const routingRuleResource = ({ id, conditions, targets, ...rule }: RoutingRuleView): Resource => ({
  id: encodeId('rule', id),
  type: 'routing_rule',
  attributes: { ...rule, conditions: conditions.map(publicCondition), targets: targets.map(publicTarget) },
});

/** @param secret shown once, where it was made just now */
export const automationRuleResource = (
  { id, conditions, actions, ...rule }: AutomationRuleView,
  secret: string | null = null,
): Resource => ({
  id: encodeId('rule', id),
  type: 'automation_rule',
  attributes: {
    ...rule,
    conditions: conditions.map(publicCondition),
    actions: actions.map(publicAction),
    ...(secret && { secret }),
  },
});

export const ruleLogResource = ({ id, conversationId, eventId, detail, ...entry }: RuleLogView): Resource => ({
  id: encodeId('log', id),
  type: 'rule_log',
  attributes: {
    ...entry,
    conversationId: conversationId && encodeId('conv', conversationId),
    eventId: eventId && encodeId('evt', eventId),
    detail: publicDetail(detail),
  },
});

export const toCreateRoutingRule = (body: CreateRoutingRuleBody): CreateRoutingRule => ({
  name: body.name,
  enabled: body.enabled ?? true,
  conditions: conditionsOf(body.conditions ?? []),
  targets: targetsOf(body.targets),
  ...(body.position !== undefined && { position: body.position }),
});

export const toUpdateRoutingRule = (id: string, body: UpdateRoutingRuleBody): UpdateRoutingRule => {
  const { conditions, targets, ...rest } = body;
  if (targets?.length === 0) throw ValidationError.of('targets', 'targets must have at least one');
  return {
    ...rest,
    ...(conditions && { conditions: conditionsOf(conditions) }),
    ...(targets && { targets: targetsOf(targets) }),
    id,
  };
};

export const toCreateAutomationRule = (body: CreateAutomationRuleBody): CreateAutomationRule => ({
  name: body.name,
  event: body.event,
  enabled: body.enabled ?? true,
  conditions: conditionsOf(body.conditions ?? []),
  actions: actionsOf(body.actions),
  ...(body.position !== undefined && { position: body.position }),
});

export const toUpdateAutomationRule = (id: string, body: UpdateAutomationRuleBody): UpdateAutomationRule => {
  const { conditions, actions, ...rest } = body;
  return {
    ...rest,
    ...(conditions && { conditions: conditionsOf(conditions) }),
    ...(actions && { actions: actionsOf(actions) }),
    id,
  };
};

/** Conditions with the ids that the product goes by. @throws ValidationError, or the NOT_FOUND of an id, naming the value */
export function conditionsOf(given: readonly object[]): Condition[] {
  return checkConditions(given).map((condition, i) => mapIds(condition, (id, field) => inner(id, field, i)));
}

const inner = (id: string, field: string, i: number): string => {
  const at = `conditions.${i}.value`;
  if (field === 'channelId') return idOf('ch', id, at);
  const target = targetOf(id, at);
  return `${target.type}:${target.id}`;
};

/** A condition as it was written. */
export const publicCondition = (condition: Condition): Condition =>
  mapIds(condition, (id, field) => {
    if (field === 'channelId') return encodeId('ch', id);
    const [type = '', uuid = ''] = id.split(':');
    return encodeId(type, uuid);
  });

function mapIds(condition: Condition, map: (id: string, field: string) => string): Condition {
  const { field, operator, value } = condition;
  if ((field !== 'channelId' && field !== 'assignee') || operator === 'exists') return condition;
  const one = (id: unknown): string => map(String(id), field);
  return { ...condition, value: Array.isArray(value) ? value.map(one) : one(value) };
}

function targetsOf(targets: readonly TargetPart[]): RoutingTarget[] {
  return targets.map(({ to, timeout, priority, skills }, i) => ({
    to: targetOf(to, `targets.${i}.to`),
    ...(timeout !== undefined && { timeout }),
    ...(priority && { priority }),
    ...(skills && { skills: skillsOf(skills, `targets.${i}.skills`) }),
  }));
}

const publicId = ({ type, id }: TargetRef): string => encodeId(type, id);

export const publicTarget = ({ to, ...rest }: RoutingTarget): object => ({ to: publicId(to), ...rest });

function actionsOf(given: readonly object[]): Action[] {
  const named = given.map((action, i) => {
    const { to } = action as { to?: unknown };
    return typeof to === 'string' ? { ...action, to: targetOf(to, `actions.${i}.to`) } : { ...action, to: undefined };
  });
  return checkActions(named);
}

export const publicAction = (action: Action): object =>
  action.type === 'assign' ? { ...action, to: publicId(action.to) } : action;

/** What came of it, without the numbers that only the product itself has a use for. */
function publicDetail({ after: _, upTo: __, to, skipped, ...rest }: RuleLogView['detail']): object {
  const list = skipped as readonly { to: TargetRef; code: string }[] | undefined;
  return {
    ...rest,
    ...(to ? { to: publicId(to as TargetRef) } : {}),
    ...(list && { skipped: list.map(({ to, code }) => ({ to: publicId(to), code })) }),
  };
}

import { ACTION_TYPES, RULE_EVENTS } from '@hub/assignment/automation/check-actions.js';
import { OPERATORS } from '@hub/assignment/rules/conditions.js';
import { PRIORITIES } from '@hub/model/conversation.entity.js';
import type { Schema } from '@hub/platform/dto.js';
import { skills } from './v1.schemas.assignment.js';
import { flag, id, integer, json, object, oneOf, orNull, text, time, times } from './v1.schemas.common.js';

/* Rules and what they have done, as the native API shows them. */
export const condition = object({ field: text, operator: oneOf(OPERATORS), value: {} }, ['value']);

const common: Record<string, Schema> = {
  name: text,
  position: integer,
  enabled: flag,
  conditions: { type: 'array', items: condition },
  ...times,
};

const target = object({ to: text, timeout: integer, priority: oneOf(PRIORITIES), skills }, [
  'timeout',
  'priority',
  'skills',
]);

export const routingRule = object({ ...common, targets: { type: 'array', items: target } });

const action: Schema = {
  type: 'object',
  properties: { type: oneOf(ACTION_TYPES) },
  required: ['type'],
  additionalProperties: true,
};

export const automationRule = object(
  {
    ...common,
    event: oneOf(RULE_EVENTS),
    actions: { type: 'array', items: action },
    secret: { ...text, description: 'Signs the calls of the rule; shown once, when it is made' },
  },
  ['secret'],
);

export const ruleLog = object({
  conversationId: orNull(id('conv')),
  eventId: orNull(id('evt')),
  outcome: {
    ...text,
    description:
      '`routed`, `escalated`, `exhausted` of routing rules; `fired`, `failed`, `loop` of automation rules; ' +
      '`started`, `met`, `warning`, `breached` of service levels',
  },
  detail: json,
  createdAt: time,
});

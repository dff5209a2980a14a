import { ACTION_TYPES, MAX_ACTIONS, RULE_EVENTS } from '@hub/assignment/automation/check-actions.js';
import { CONDITION_FIELDS, MAX_CONDITIONS } from '@hub/assignment/rules/check-conditions.js';
import { OPERATORS } from '@hub/assignment/rules/conditions.js';
import { MAX_RULES } from '@hub/assignment/rules/rule-store.js';
import type { EventType } from '@hub/events/catalog.js';
import { PRIORITIES, type Priority } from '@hub/model/conversation.entity.js';
import { Flag, JsonList, NestedList, OneOf, Text, Whole } from '@hub/platform/dto.js';
import { SkillPart } from './skills.dto.js';

const MAX_TARGETS = 10;
const DAY = 86_400;

/** As every kind of rule takes it. */
export const CONDITIONS = {
  optional: true,
  maxItems: MAX_CONDITIONS,
  description:
    'All must hold: `{field, operator, value}`. Fields: ' +
    `${CONDITION_FIELDS.map((field) => `\`${field}\``).join(', ')}. Operators: ${OPERATORS.map((one) => `\`${one}\``).join(', ')}. ` +
    'Texts are compared whatever their case; `in` and `notIn` take a list; `hours` takes ' +
    '`{state: open or closed, businessHours}`. `message.text` is the message that an event is about, else the first one.',
  example: [{ field: 'priority', operator: 'gt', value: 'normal' }],
};
/** As every kind of rule takes it. */
export const POSITION = {
  min: 1,
  max: MAX_RULES,
  optional: true,
  description: 'Its place in the order, 1 the first; the others make room. Last unless set',
};
const ACTIONS = {
  maxItems: MAX_ACTIONS,
  description:
    `In order, all or none: ${ACTION_TYPES.map((type) => `\`${type}\``).join(', ')} as \`type\`, with \`to\` (assign), ` +
    '`tags` (addTags, removeTags), `priority` (setPriority), `text` (reply, note), `seconds` or `untilOpen` business hours ' +
    '(snooze), `resolution` and `reason` (close), `url` (callWebhook)',
  example: [{ type: 'addTags', tags: ['vip'] }],
};

export class TargetPart {
  @Text({ description: 'A user, bot, team or queue' }) to: string;
  @Whole({
    min: 1,
    max: 30 * DAY,
    optional: true,
    description: 'Seconds without an assignment after which the next target has its turn; of a queue or team',
  })
  timeout?: number;
  @OneOf(PRIORITIES, { optional: true, description: 'At least this in the queue' }) priority?: Priority;
  @NestedList(() => SkillPart, { optional: true, maxItems: 20, description: "Wanted beside the queue's" })
  skills?: SkillPart[];
}

export class CreateRoutingRuleBody {
  @Text() name: string;
  @Whole(POSITION) position?: number;
  @Flag({ optional: true, default: true }) enabled?: boolean;
  @JsonList(CONDITIONS) conditions?: object[];
  @NestedList(() => TargetPart, { maxItems: MAX_TARGETS, description: 'In turn' }) targets: TargetPart[];
}

export class UpdateRoutingRuleBody {
  @Text({ optional: true, min: 1 }) name?: string;
  @Whole(POSITION) position?: number;
  @Flag({ optional: true }) enabled?: boolean;
  @JsonList(CONDITIONS) conditions?: object[];
  @NestedList(() => TargetPart, { optional: true, maxItems: MAX_TARGETS, description: 'In turn' })
  targets?: TargetPart[];
}

export class CreateAutomationRuleBody {
  @Text() name: string;
  @OneOf(RULE_EVENTS) event: EventType;
  @Whole(POSITION) position?: number;
  @Flag({ optional: true, default: true }) enabled?: boolean;
  @JsonList(CONDITIONS) conditions?: object[];
  @JsonList(ACTIONS) actions: object[];
}

export class UpdateAutomationRuleBody {
  @Text({ optional: true, min: 1 }) name?: string;
  @OneOf(RULE_EVENTS, { optional: true }) event?: EventType;
  @Whole(POSITION) position?: number;
  @Flag({ optional: true }) enabled?: boolean;
  @JsonList(CONDITIONS) conditions?: object[];
  @JsonList({ ...ACTIONS, optional: true }) actions?: object[];
}

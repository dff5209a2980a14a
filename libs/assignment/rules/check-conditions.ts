import { checkHours } from '@hub/assignment/hours/check-hours.js';
import { CHANNEL_TYPES } from '@hub/model/channel.entity.js';
import { CONVERSATION_STATUSES, PRIORITIES } from '@hub/model/conversation.entity.js';
import { ValidationError } from '@hub/platform/errors.js';
import { OPERATORS, type Condition, type Operator } from './conditions.js';

export const MAX_CONDITIONS = 20;
const MAX_VALUES = 100;
const MAX_TEXT = 1_000;

interface FieldRule {
  readonly operators: readonly Operator[];
  /** All there are, where they can be told. */
  readonly values?: readonly string[];
}

const TEXT: FieldRule = { operators: ['eq', 'ne', 'in', 'notIn', 'contains', 'startsWith', 'exists'] };
const LIST: FieldRule = { operators: ['in', 'notIn', 'contains', 'exists'] };
const FREE: FieldRule = { operators: OPERATORS };
const CHOICE: readonly Operator[] = ['eq', 'ne', 'in', 'notIn'];

const FIELDS: Readonly<Record<string, FieldRule>> = {
  channelId: { operators: CHOICE },
  channelType: { operators: CHOICE, values: CHANNEL_TYPES },
  'contact.name': TEXT,
  'contact.email': TEXT,
  'contact.phone': TEXT,
  'contact.externalId': TEXT,
  'contact.tags': LIST,
  tags: LIST,
  language: TEXT,
  priority: { operators: [...CHOICE, 'gt', 'lt'], values: PRIORITIES },
  status: { operators: CHOICE, values: CONVERSATION_STATUSES },
  subject: TEXT,
  'message.text': TEXT,
  assignee: { operators: [...CHOICE, 'exists'] },
  hours: { operators: ['eq', 'ne'] },
};
/** Fields whose values are ids. */
export const ID_FIELDS = ['channelId', 'assignee'] as const;
/** What may be asked about, for the documents. */
export const CONDITION_FIELDS = [...Object.keys(FIELDS), 'contact.metadata.<key>', 'metadata.<key>'];
const METADATA = /^(contact\.)?metadata\.[^\s].{0,99}$/;

/**
 * Conditions as somebody has written them, checked one by one.
 * @throws ValidationError naming the part that is wrong, such as `conditions.2.value`
 */
export function checkConditions(given: readonly object[], field = 'conditions'): Condition[] {
  if (given.length > MAX_CONDITIONS) {
    throw ValidationError.of(field, `${field} must be no more than ${MAX_CONDITIONS}`);
  }
  return given.map((condition, i) => checkCondition(condition as Record<string, unknown>, `${field}.${i}`));
}

function checkCondition({ field, operator, value }: Readonly<Record<string, unknown>>, at: string): Condition {
  const rule = ruleOf(field);
  if (!rule) throw ValidationError.of(`${at}.field`, `field must be one of ${CONDITION_FIELDS.join(', ')}`);
  if (!rule.operators.includes(operator as Operator)) {
    throw ValidationError.of(
      `${at}.operator`,
      `operator of ${String(field)} must be one of ${rule.operators.join(', ')}`,
    );
  }
  const checked = { field: String(field), operator: operator as Operator };
  return { ...checked, value: checkValue(checked, rule, value, `${at}.value`) };
}

function ruleOf(field: unknown): FieldRule | null {
  if (typeof field !== 'string') return null;
  if (METADATA.test(field)) return FREE;
  return Object.hasOwn(FIELDS, field) ? (FIELDS[field] ?? null) : null;
}

function checkValue({ field, operator }: Condition, rule: FieldRule, value: unknown, at: string): unknown {
  if (field === 'hours') return checkHoursValue(value, at);
  switch (operator) {
    case 'exists':
      if (value === undefined || typeof value === 'boolean') return value ?? true;
      throw ValidationError.of(at, 'value must be true or false, or absent');
    case 'in':
    case 'notIn':
      if (!Array.isArray(value) || value.length === 0 || value.length > MAX_VALUES) {
        throw ValidationError.of(at, `value must be a list of 1 to ${MAX_VALUES} values`);
      }
      return value.map((one: unknown) => checkOne(one, rule, at));
    case 'gt':
    case 'lt':
      if (rule.values || typeof value === 'number') return checkOne(value, rule, at);
      throw ValidationError.of(at, 'value must be a number');
    case 'contains':
    case 'startsWith':
      if (typeof value === 'string' && value !== '') return checkOne(value, rule, at);
      throw ValidationError.of(at, 'value must be a text');
    case 'eq':
    case 'ne':
      return checkOne(value, rule, at);
  }
}

function checkOne(value: unknown, { values }: FieldRule, at: string): string | number | boolean {
  if (values) {
    if (typeof value === 'string' && values.includes(value)) return value;
    throw ValidationError.of(at, `value must be one of ${values.join(', ')}`);
  }
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  if (typeof value === 'string' && value.length <= MAX_TEXT) return value;
  throw ValidationError.of(at, `value must be a text of at most ${MAX_TEXT} characters, a number or a flag`);
}

function checkHoursValue(value: unknown, at: string): unknown {
  const { state, businessHours } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (state !== 'open' && state !== 'closed') {
    throw ValidationError.of(`${at}.state`, 'state must be one of open, closed');
  }
  return { state, businessHours: checkHours(businessHours, `${at}.businessHours`) };
}

import { MAX_TAGS } from '@hub/conversations/conversations.types.js';
import { EVENT_TYPES, type EventType } from '@hub/events/catalog.js';
import { PRIORITIES, RESOLUTIONS, type Priority, type Resolution } from '@hub/model/conversation.entity.js';
import { ValidationError } from '@hub/platform/errors.js';
import type { TargetRef } from '@hub/assignment/routing/targets.js';
import { checkHours } from '@hub/assignment/hours/check-hours.js';
import type { Action } from './automation.types.js';

export const ACTION_TYPES = [
  'assign',
  'unassign',
  'addTags',
  'removeTags',
  'setPriority',
  'reply',
  'note',
  'snooze',
  'close',
  'callWebhook',
] as const;
export const MAX_ACTIONS = 10;
const MAX_TEXT = 4_096;
const MAX_TAG = 100;
const MAX_SNOOZE = 365 * 86_400;

/** Events that a rule can wait for. */
export const RULE_EVENTS: readonly EventType[] = EVENT_TYPES.filter((type) =>
  /^(conversation|message|contact|sla)\./.test(type),
);

type Given = Readonly<Record<string, unknown>>;

/**
 * Actions as somebody has written them, checked one by one; whom an `assign` names is given as a reference already.
 * @throws ValidationError naming the part that is wrong, such as `actions.1.text`
 */
export function checkActions(given: readonly object[]): Action[] {
  if (given.length === 0 || given.length > MAX_ACTIONS) {
    throw ValidationError.of('actions', `actions must be 1 to ${MAX_ACTIONS}`);
  }
  return given.map((action, i) => checkAction(action as Given, `actions.${i}`));
}

/** Of what has no conversation only a webhook can be told. @throws ValidationError naming `actions.<n>.type` */
export function assertFitting(event: EventType, actions: readonly Action[]): void {
  if (!event.startsWith('contact.')) return;
  const wrong = actions.findIndex(({ type }) => type !== 'callWebhook');
  if (wrong < 0) return;
  throw ValidationError.of(`actions.${wrong}.type`, `type must be callWebhook: ${event} is about no conversation`);
}

function checkAction(given: Given, at: string): Action {
  const type = given['type'] as (typeof ACTION_TYPES)[number];
  switch (type) {
    case 'assign':
      return { type, to: targetOf(given['to'], at) };
    case 'unassign':
      return { type };
    case 'addTags':
    case 'removeTags':
      return { type, tags: tagsOf(given['tags'], at) };
    case 'setPriority':
      return { type, priority: oneOf(PRIORITIES, given['priority'], `${at}.priority`) as Priority };
    case 'reply':
    case 'note':
      return { type, text: textOf(given['text'], `${at}.text`, MAX_TEXT) };
    case 'snooze':
      return snoozeOf(given, at);
    case 'close':
      return {
        type,
        resolution: absent(given['resolution'])
          ? null
          : (oneOf(RESOLUTIONS, given['resolution'], `${at}.resolution`) as Resolution),
        reason: absent(given['reason']) ? null : textOf(given['reason'], `${at}.reason`, 1_000),
      };
    case 'callWebhook':
      return { type, url: textOf(given['url'], `${at}.url`, 2_048) };
    default:
      throw ValidationError.of(`${at}.type`, `type must be one of ${ACTION_TYPES.join(', ')}`);
  }
}

const absent = (value: unknown): boolean => value === undefined || value === null;

function targetOf(value: unknown, at: string): TargetRef {
  if (typeof value === 'object' && value !== null) return value as TargetRef;
  throw ValidationError.of(`${at}.to`, 'to must be the id of a user, bot, team or queue');
}

function tagsOf(value: unknown, at: string): string[] {
  const isTag = (tag: unknown): tag is string => typeof tag === 'string' && tag !== '' && tag.length <= MAX_TAG;
  if (Array.isArray(value) && value.length > 0 && value.length <= MAX_TAGS && value.every(isTag)) return value;
  throw ValidationError.of(`${at}.tags`, `tags must be 1 to ${MAX_TAGS} texts of at most ${MAX_TAG} characters`);
}

function snoozeOf({ seconds, untilOpen }: Given, at: string): Action {
  if (untilOpen !== undefined) return { type: 'snooze', untilOpen: checkHours(untilOpen, `${at}.untilOpen`) };
  if (Number.isInteger(seconds) && Number(seconds) >= 1 && Number(seconds) <= MAX_SNOOZE) {
    return { type: 'snooze', seconds: Number(seconds) };
  }
  throw ValidationError.of(`${at}.seconds`, `seconds must be 1 to ${MAX_SNOOZE}, or untilOpen business hours`);
}

function oneOf(values: readonly string[], value: unknown, field: string): string {
  if (typeof value === 'string' && values.includes(value)) return value;
  throw ValidationError.of(field, `${field.split('.').at(-1)} must be one of ${values.join(', ')}`);
}

function textOf(value: unknown, field: string, max: number): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= max) return value;
  throw ValidationError.of(field, `${field.split('.').at(-1)} must be a text of 1 to ${max} characters`);
}

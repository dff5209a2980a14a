import { isOpen } from '@hub/assignment/hours/business-hours.js';
import type { BusinessHours } from '@hub/model/queue.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';

/*
 * The one language in which routing rules, automation rules and service levels say when they hold. Pure.
 */

export const OPERATORS = ['eq', 'ne', 'in', 'notIn', 'contains', 'startsWith', 'exists', 'gt', 'lt'] as const;
export type Operator = (typeof OPERATORS)[number];

/** A checked condition. `value` is what the operator needs, in the words of {@link Facts}. */
export interface Condition {
  readonly field: string;
  readonly operator: Operator;
  readonly value?: unknown;
}

/** The value of a condition on `hours`. */
export interface HoursValue {
  readonly state: 'open' | 'closed';
  readonly businessHours: BusinessHours;
}

/** What conditions can ask about. Ids are UUIDs, an assignee's with its kind in front: `user:…`. */
export interface Facts {
  readonly channelId: string;
  readonly channelType: string;
  readonly contact: {
    readonly name: string | null;
    readonly email: string | null;
    readonly phone: string | null;
    readonly externalId: string | null;
    readonly metadata: JsonObject;
    readonly tags: readonly string[];
  } | null;
  readonly tags: readonly string[];
  readonly priority: string;
  readonly status: string;
  readonly subject: string | null;
  readonly metadata: JsonObject;
  readonly assignee: string | null;
  readonly messageText: string | null;
}

type Known = string | number | boolean | readonly string[] | null;

/** From the least to the most: these compare by their place. */
const RANKED: Readonly<Record<string, number>> = { low: 0, normal: 1, high: 2, urgent: 3 };

/** Whether all of them hold; none at all always do. Texts are compared whatever their case. */
export function matches(conditions: readonly Condition[], facts: Facts, at: Date): boolean {
  return conditions.every((condition) => holds(condition, facts, at));
}

function holds({ field, operator, value }: Condition, facts: Facts, at: Date): boolean {
  if (field === 'hours') {
    const { state, businessHours } = value as HoursValue;
    return (isOpen(businessHours, at) === (state === 'open')) === (operator === 'eq');
  }
  const known = read(field, facts);
  switch (operator) {
    case 'exists':
      return exists(known) === (value !== false);
    case 'eq':
      return same(known, value);
    case 'ne':
      return !same(known, value);
    case 'in':
      return (value as unknown[]).some((one) => same(known, one));
    case 'notIn':
      return !(value as unknown[]).some((one) => same(known, one));
    case 'contains':
      return isList(known) ? same(known, value) : plain(known)?.includes(plain(value) ?? '') === true;
    case 'startsWith':
      return plain(known)?.startsWith(plain(value) ?? '') === true;
    case 'gt':
      return compare(known, value, field) > 0;
    case 'lt':
      return compare(known, value, field) < 0;
  }
}

function read(field: string, facts: Facts): Known {
  const [head = '', ...rest] = field.split('.');
  if (head === 'contact') return facts.contact && ofContact(rest, facts.contact);
  if (field === 'message.text') return facts.messageText;
  if (field === 'language') return known(facts.metadata['language'] ?? facts.contact?.metadata['language']);
  if (head === 'metadata') return known(facts.metadata[rest.join('.')]);
  return known(facts[field as 'channelId' | 'channelType' | 'tags' | 'priority' | 'status' | 'subject' | 'assignee']);
}

function ofContact([part = '', ...key]: readonly string[], contact: NonNullable<Facts['contact']>): Known {
  if (part === 'metadata') return known(contact.metadata[key.join('.')]);
  return known(contact[part as 'name' | 'email' | 'phone' | 'externalId' | 'tags']);
}

/** Free-form data may hold anything: an object is nothing that can be compared. */
function known(value: unknown): Known {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return isList(value) ? value.map(String) : null;
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** A list is the same as each of its items: a conversation with the tags a and b is one with the tag a. */
function same(known: Known, wanted: unknown): boolean {
  if (isList(known)) return known.some((item) => plain(item) === plain(wanted));
  return known !== null && plain(known) === plain(wanted);
}

const exists = (known: Known): boolean => (isList(known) ? known.length > 0 : known !== null && known !== '');

function plain(value: unknown): string | null {
  if (typeof value === 'string') return value.normalize('NFC').toLowerCase();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

/** NaN, which is neither greater nor less, where there is nothing to compare. */
function compare(known: Known, wanted: unknown, field: string): number {
  if (field === 'priority') return (RANKED[String(known)] ?? NaN) - (RANKED[String(wanted)] ?? NaN);
  const [a, b] = [numberOf(known), numberOf(wanted)];
  return a - b;
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
}

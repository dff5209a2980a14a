import { METRICS, TIMER_STATES } from '@hub/assignment/service-levels/service-levels.types.js';
import type { Schema } from '@hub/platform/dto.js';
import { hours } from './v1.schemas.assignment.js';
import { flag, id, integer, object, oneOf, orNull, text, time, times } from './v1.schemas.common.js';
import { condition } from './v1.schemas.rules.js';

/* Service levels and how conversations stand with them, as the native API shows them. */
const seconds = orNull({ ...integer, description: 'Seconds of business time; null: nothing is promised' });

export const serviceLevel = object({
  name: text,
  position: integer,
  enabled: flag,
  conditions: { type: 'array', items: condition },
  firstResponse: seconds,
  nextResponse: seconds,
  resolution: seconds,
  warnBefore: { ...integer, description: 'Seconds of business time; 0: no warning' },
  businessHours: orNull(hours),
  ...times,
});

const named = { id: id('sla'), name: text };

export const serviceLevelTimer = object({
  metric: oneOf(METRICS),
  state: oneOf(TIMER_STATES),
  serviceLevel: object(named),
  startedAt: time,
  dueAt: orNull({ ...time, description: 'Null while paused' }),
  leftSeconds: orNull({ type: 'number', description: 'Of business time, while paused' }),
  warnedAt: orNull(time),
  breachedAt: orNull(time),
  metAt: orNull({ ...time, description: 'Of a breached one: when it was met after all' }),
});

const alarm = object({
  ...named,
  metric: oneOf(METRICS),
  dueAt: orNull(time),
  warnedAt: orNull(time),
  breachedAt: orNull(time),
});

/** The subject of `sla.warning` and `sla.breached`: the conversation with the promise beside its attributes. */
export function serviceLevelAlarm(conversation: Schema): Schema {
  const { attributes, ...others } = conversation['properties'] as Record<string, Schema>;
  const { properties, required, ...rest } = attributes as { properties: Record<string, Schema>; required: string[] };
  const told = { ...rest, properties: { ...properties, serviceLevel: alarm }, required: [...required, 'serviceLevel'] };
  return { ...conversation, properties: { ...others, attributes: told } };
}

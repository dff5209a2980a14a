import { DateTime, IANAZone } from 'luxon';
import type { BusinessHours } from '@hub/model/queue.entity.js';
import { ValidationError } from '@hub/platform/errors.js';
import { nextOpening } from './business-hours.js';

const TIME = /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/;
const MAX_SPANS = 50;
const MAX_HOLIDAYS = 400;

/**
 * Hours as somebody has written them, checked whole: what never opens is refused.
 * @throws ValidationError naming the part of `field` that is wrong, such as `hours.weekly.0.to`
 */
export function checkHours(value: unknown, field: string): BusinessHours {
  const { timezone, weekly, holidays = [] } = partsOf(value, field);
  if (typeof timezone !== 'string' || !/^[A-Z]/i.test(timezone) || !IANAZone.isValidZone(timezone)) {
    throw ValidationError.of(`${field}.timezone`, 'timezone must be an IANA time zone such as Europe/Berlin');
  }
  if (!Array.isArray(weekly) || weekly.length === 0 || weekly.length > MAX_SPANS) {
    throw ValidationError.of(`${field}.weekly`, `weekly must be a list of 1 to ${MAX_SPANS} spans`);
  }
  if (!Array.isArray(holidays) || holidays.length > MAX_HOLIDAYS) {
    throw ValidationError.of(`${field}.holidays`, `holidays must be a list of at most ${MAX_HOLIDAYS} days`);
  }
  const hours: BusinessHours = {
    timezone,
    weekly: weekly.map((span: unknown, i) => checkSpan(span, `${field}.weekly.${i}`)),
    holidays: holidays.map((day: unknown, i) => checkHoliday(day, `${field}.holidays.${i}`)),
  };
  if (!nextOpening({ ...hours, holidays: [] }, new Date())) {
    throw ValidationError.of(`${field}.weekly`, 'weekly must have a span in which it is open');
  }
  return hours;
}

function checkSpan(value: unknown, field: string): BusinessHours['weekly'][number] {
  const { days, from, to } = partsOf(value, field);
  const isDay = (day: unknown): day is number => Number.isInteger(day) && Number(day) >= 1 && Number(day) <= 7;
  if (!Array.isArray(days) || days.length === 0 || !days.every(isDay) || new Set(days).size < days.length) {
    throw ValidationError.of(`${field}.days`, 'days must be days of the week, 1 Monday to 7 Sunday, each once');
  }
  for (const [name, time] of Object.entries({ from, to })) {
    if (typeof time === 'string' && TIME.test(time)) continue;
    throw ValidationError.of(`${field}.${name}`, `${name} must be a time of day such as 09:00`);
  }
  const [start, end] = [String(from), String(to)];
  if (start >= end) throw ValidationError.of(`${field}.to`, 'to must be later than from, at most 24:00');
  return { days, from: start, to: end };
}

function checkHoliday(day: unknown, field: string): string {
  if (typeof day === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(day) && DateTime.fromISO(day).isValid) return day;
  throw ValidationError.of(field, 'each of holidays must be a day such as 2026-12-25');
}

function partsOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw ValidationError.of(field, `${field.split('.').at(-1)} must be an object`);
}

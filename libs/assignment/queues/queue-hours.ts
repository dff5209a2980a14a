import { DateTime, IANAZone } from 'luxon';
import type { BusinessHours } from '@hub/model/queue.entity.js';
import { ValidationError } from '@hub/platform/errors.js';

/**
 * Hours whose shape has been checked, checked for their sense.
 * @throws ValidationError naming the part of `field` that is wrong
 */
export function requireHours(hours: BusinessHours, field: string): BusinessHours {
  if (!/^[A-Z]/i.test(hours.timezone) || !IANAZone.isValidZone(hours.timezone)) {
    throw ValidationError.of(`${field}.timezone`, 'timezone must be an IANA time zone such as Europe/Berlin');
  }
  hours.weekly.forEach(({ days, from, to }, i) => {
    const at = `${field}.weekly.${i}`;
    if (new Set(days).size < days.length) throw ValidationError.of(`${at}.days`, 'each of days must be another one');
    if (from >= to) throw ValidationError.of(`${at}.to`, 'to must be later than from, on the same day');
  });
  hours.holidays.forEach((day, i) => {
    if (DateTime.fromFormat(day, 'yyyy-MM-dd').isValid) return;
    throw ValidationError.of(`${field}.holidays.${i}`, 'each of holidays must be a day such as 2026-12-25');
  });
  return hours;
}

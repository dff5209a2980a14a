import { businessSecondsBetween } from '@hub/assignment/hours/business-hours.js';
import { checkHours } from '@hub/assignment/hours/check-hours.js';
import { ValidationError } from '@hub/platform/errors.js';
import type { Targets } from './service-levels.types.js';

const WEEKS = 4;
const DAY = 86_400_000;
/** What is promised must come within so many weeks of business. */
const MAX_WEEKS = 104;

/** Promises that can be kept and warned of. @throws ValidationError naming the one that cannot */
export function checkTargets({ firstResponse, nextResponse, resolution, warnBefore, businessHours }: Targets): void {
  const promised = Object.entries({ firstResponse, nextResponse, resolution }).flatMap(([field, seconds]) =>
    seconds === null ? [] : [{ field, seconds }],
  );
  if (promised.length === 0) {
    throw ValidationError.of('firstResponse', 'one of firstResponse, nextResponse and resolution is needed');
  }
  if (warnBefore > 0 && promised.some(({ seconds }) => seconds <= warnBefore)) {
    throw ValidationError.of('warnBefore', 'warnBefore must be less than each of the times that are promised');
  }
  if (!businessHours) return;
  const hours = { ...checkHours(businessHours, 'businessHours'), holidays: [] };
  const now = new Date();
  const open = businessSecondsBetween(hours, now, new Date(now.getTime() + WEEKS * 7 * DAY));
  for (const { field, seconds } of promised) {
    if (seconds <= (open / WEEKS) * MAX_WEEKS) continue;
    throw ValidationError.of(field, `${field} must be no more than ${MAX_WEEKS} weeks of the business hours`);
  }
}

import type { EndpointConfig } from '@hub/model/webhook.entity.js';
import type { SafeResult } from '@hub/platform/safe-fetch.js';

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 24 * HOUR;

/** Seconds before each attempt. The standard one is ten attempts over 75 h 35 min. */
const STANDARD = [0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
const EXPONENTIAL = [0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR];
const JITTER = 0.2;
const MAX_RETRY_AFTER_SECONDS = DAY;
/** What a receiver that is overloaded or out of time gets at the least. */
const BREATHER_SECONDS = MINUTE;
const OVERLOADED = new Set([429, 502, 503, 504]);

/** How one attempt ended, for the schedule: 2xx and nothing else is success; 410 says never again. */
export type Verdict =
  { readonly kind: 'succeeded' | 'exhausted' | 'gone' } | { readonly kind: 'retry'; readonly inMs: number };

export function scheduleOf(config: EndpointConfig): readonly number[] {
  const { retryPolicy = 'standard', steps = STANDARD, maxRetries } = config;
  const schedule = retryPolicy === 'custom' ? steps : retryPolicy === 'standard' ? STANDARD : EXPONENTIAL;
  return maxRetries === undefined ? schedule : schedule.slice(0, maxRetries + 1);
}

/**
 * @param attemptNo attempts of the schedule that were made before this one
 * @param random 0 to 1, for the jitter of ±20 %
 * @param now against which a `Retry-After` date is read
 */
export function judge(
  result: SafeResult,
  attemptNo: number,
  config: EndpointConfig,
  now: Date,
  random: number = Math.random(),
): Verdict {
  const status = result.outcome === 'response' ? result.status : null;
  if (status !== null && status >= 200 && status < 300) return { kind: 'succeeded' };
  if (status === 410) return { kind: 'gone' };
  const step = scheduleOf(config)[attemptNo + 1];
  if (step === undefined) return { kind: 'exhausted' };
  const jittered = step * (1 + JITTER * (2 * random - 1));
  return { kind: 'retry', inMs: Math.round(Math.max(jittered, leastWait(result, now)) * 1_000) };
}

/** Seconds that the answer itself asks for. */
function leastWait(result: SafeResult, now: Date): number {
  if (result.outcome === 'timeout') return BREATHER_SECONDS;
  if (result.outcome !== 'response') return 0;
  const asked = retryAfter(result.headers['retry-after'], now);
  if (asked !== null) return Math.min(asked, MAX_RETRY_AFTER_SECONDS);
  return OVERLOADED.has(result.status) ? BREATHER_SECONDS : 0;
}

/** `Retry-After` in seconds, given as seconds or as an HTTP date; null when it is neither. */
export function retryAfter(header: string | undefined, now: Date): number | null {
  const value = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value);
  if (!/^[A-Z][a-z]{2,8}, /.test(value)) return null;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, (date - now.getTime()) / 1_000);
}

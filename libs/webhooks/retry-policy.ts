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
const MAX_PAUSE_SECONDS = HOUR;
/** However long its waits are: a delivery that has been tried for so long is given up. */
export const MAX_SCHEDULE_SECONDS = 7 * DAY;
/** What a receiver that is overloaded or out of time gets at the least. */
const BREATHER_SECONDS = MINUTE;
const OVERLOADED = new Set([429, 502, 503, 504]);

/** What one attempt means, for its delivery and for the endpoint. */
export type Verdict = Outcome & {
  /** The endpoint wants no more: it answered 410, or asked for it. */
  readonly disable?: 'gone' | 'requested';
  /** The endpoint wants a rest. */
  readonly pauseMs?: number;
};

type Outcome =
  { readonly kind: 'succeeded' | 'exhausted' | 'cancelled' } | { readonly kind: 'retry'; readonly inMs: number };

export function scheduleOf(config: EndpointConfig): readonly number[] {
  const { retryPolicy = 'standard', steps = STANDARD, maxRetries } = config;
  const schedule = retryPolicy === 'custom' ? steps : retryPolicy === 'standard' ? STANDARD : EXPONENTIAL;
  return maxRetries === undefined ? schedule : schedule.slice(0, maxRetries + 1);
}

/** Of an attempt of the schedule. */
export interface Tried {
  /** Attempts of the schedule that were made before this one. */
  readonly attemptNo: number;
  /** Milliseconds since the first of them. */
  readonly scheduleAgeMs: number;
}

/**
 * 2xx and nothing else is success; 410 says never again. A receiver may say more with the header `webhook-delivery`:
 * `disable` (send me nothing more), `abort-message` (not this one again).
 * @param now against which a `Retry-After` date is read
 * @param random 0 to 1, for the jitter of ±20 %
 */
export function judge(
  result: SafeResult,
  tried: Tried,
  config: EndpointConfig,
  now: Date,
  random: number = Math.random(),
): Verdict {
  const response = result.outcome === 'response' ? result : null;
  const status = response?.status ?? 0;
  const wish = response?.headers['webhook-delivery']?.trim().toLowerCase();
  const disable: Verdict['disable'] | null = status === 410 ? 'gone' : wish === 'disable' ? 'requested' : null;
  const rest = response ? pauseOf(status, retryAfter(response.headers['retry-after'], now)) : 0;
  const about: Pick<Verdict, 'disable' | 'pauseMs'> = {
    ...(disable && { disable }),
    ...(rest > 0 && { pauseMs: rest * 1_000 }),
  };
  if (status >= 200 && status < 300) return { kind: 'succeeded', ...about };
  if (status === 410) return { kind: 'exhausted', ...about };
  if (wish === 'abort-message') return { kind: 'cancelled', ...about };
  const step = scheduleOf(config)[tried.attemptNo + 1];
  const jittered = (step ?? 0) * (1 + JITTER * (2 * random - 1));
  const inMs = Math.round(Math.max(jittered, leastWait(result, now)) * 1_000);
  const isOver = step === undefined || tried.scheduleAgeMs + inMs > MAX_SCHEDULE_SECONDS * 1_000;
  return isOver ? { kind: 'exhausted', ...about } : { kind: 'retry', inMs, ...about };
}

/** Seconds for which everything else to this endpoint waits, too: after a 429, and after a 503 that names a time. */
function pauseOf(status: number, asked: number | null): number {
  if (status === 429) return Math.min(asked ?? BREATHER_SECONDS, MAX_PAUSE_SECONDS);
  return status === 503 ? Math.min(asked ?? 0, MAX_PAUSE_SECONDS) : 0;
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

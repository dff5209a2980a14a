import type { SafeResult } from '@hub/platform/safe-fetch.js';
import { judge, retryAfter, scheduleOf, type Tried } from './retry-policy.js';

const now = new Date('2026-01-01T00:00:00.000Z');
const MIDDLE = 0.5; // no jitter
const answer = (status: number, headers: Record<string, string> = {}): SafeResult => ({
  outcome: 'response',
  status,
  headers,
  body: Buffer.alloc(0),
  truncated: false,
  durationMs: 1,
  remoteAddress: null,
});
const failure = (outcome: 'timeout' | 'reset' | 'dns'): SafeResult => ({
  outcome,
  error: 'x',
  durationMs: 1,
});
const tried = (attemptNo: number): Tried => ({ attemptNo, scheduleAgeMs: 0 });
const wait = (result: SafeResult, attemptNo: number, random = MIDDLE): number => {
  const verdict = judge(result, tried(attemptNo), {}, now, random);
  return verdict.kind === 'retry' ? verdict.inMs / 1_000 : -1;
};

describe('scheduleOf', () => {
  it('is ten attempts over 75 h 35 min 5 s unless said otherwise', () => {
    const schedule = scheduleOf({});
    expect(schedule).toHaveLength(10);
    expect(schedule.reduce((sum, step) => sum + step)).toBe(75 * 3_600 + 35 * 60 + 5);
  });

  it.each(['exponential', 'linktor'] as const)('%s is 0, 1 min, 5 min, 30 min, 2 h', (retryPolicy) => {
    expect(scheduleOf({ retryPolicy })).toEqual([0, 60, 300, 1_800, 7_200]);
  });

  it('takes custom steps and a limit of retries', () => {
    expect(scheduleOf({ retryPolicy: 'custom', steps: [0, 1, 2] })).toEqual([0, 1, 2]);
    expect(scheduleOf({ maxRetries: 2 })).toEqual([0, 5, 300]);
    expect(scheduleOf({ maxRetries: 0 })).toEqual([0]);
  });
});

describe('judge', () => {
  it.each([200, 201, 204, 299])('%d is success', (status) => {
    expect(judge(answer(status), tried(0), {}, now)).toEqual({ kind: 'succeeded' });
  });

  it.each([301, 302, 304, 400, 404, 500])('%d is tried again', (status) => {
    expect(wait(answer(status), 0)).toBe(5);
  });

  it('410 is the end', () =>
    expect(judge(answer(410), tried(0), {}, now)).toEqual({ kind: 'exhausted', disable: 'gone' }));

  it('walks the schedule and ends with it', () => {
    expect([0, 1, 2, 8].map((n) => wait(answer(500), n))).toEqual([5, 300, 1_800, 86_400]);
    expect(judge(answer(500), tried(9), {}, now)).toEqual({ kind: 'exhausted' });
    expect(judge(answer(500), tried(0), { maxRetries: 0 }, now)).toEqual({ kind: 'exhausted' });
  });

  it('spreads by a fifth', () => {
    expect(wait(answer(500), 1, 0)).toBe(240);
    expect(wait(answer(500), 1, 1)).toBe(360);
  });

  it('gives a receiver in trouble a minute', () => {
    for (const status of [429, 502, 503, 504]) expect(wait(answer(status), 0)).toBe(60);
    expect(wait(failure('timeout'), 0)).toBe(60);
    expect(wait(failure('timeout'), 1)).toBe(300);
    expect(wait(failure('reset'), 0)).toBe(5);
    expect(wait(failure('dns'), 0)).toBe(5);
  });

  it('does as Retry-After asks, up to a day and never sooner than the schedule', () => {
    expect(wait(answer(503, { 'retry-after': '600' }), 0)).toBe(600);
    expect(wait(answer(429, { 'retry-after': '7' }), 0)).toBe(7);
    expect(wait(answer(429, { 'retry-after': '7' }), 1)).toBe(300);
    expect(wait(answer(503, { 'retry-after': '999999' }), 0)).toBe(86_400);
    expect(wait(answer(503, { 'retry-after': 'Thu, 01 Jan 2026 00:10:00 GMT' }), 0)).toBe(600);
  });
});

describe('retryAfter', () => {
  it.each([undefined, '', 'soon', '-5', '1.5', '2026-01-01'])('does not read %s', (header) => {
    expect(retryAfter(header, now)).toBeNull();
  });
  it('reads a date that has passed as now', () => {
    expect(retryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
  });
});

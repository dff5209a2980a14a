import fc from 'fast-check';
import { DateTime } from 'luxon';
import { businessSecondsBetween } from '@hub/assignment/hours/business-hours.js';
import type { BusinessHours } from '@hub/model/queue.entity.js';
import type { Targets } from './service-levels.types.js';
import { begin, dueBy, follow, type Case, type Occurrence, type Timer } from './timers.js';

const HOUR = 3_600;
const berlin = (iso: string): Date => DateTime.fromISO(iso, { zone: 'Europe/Berlin' }).toJSDate();
const office: BusinessHours = {
  timezone: 'Europe/Berlin',
  weekly: [{ days: [1, 2, 3, 4, 5], from: '09:00', to: '17:00' }],
  holidays: ['2026-12-25'],
};
const night: BusinessHours = {
  timezone: 'Europe/Berlin',
  weekly: [{ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '06:00' }],
  holidays: [],
};
const targetsOf = (more: Partial<Targets>): Targets => ({
  firstResponse: null,
  nextResponse: null,
  resolution: null,
  warnBefore: 0,
  businessHours: null,
  ...more,
});
const timerOf = (kept: Case, metric: Timer['metric']): Timer => {
  const found = kept.timers.find((timer) => timer.metric === metric);
  if (!found) throw new Error(`There is no ${metric}`);
  return found;
};
const all = (kept: Case, ...occurrences: Occurrence[]): Case => occurrences.reduce(follow, kept);
const status = (value: Case['status'], at: Date): Occurrence => ({ what: 'status', status: value, at });

describe('timers of a conversation', () => {
  const at = (minutes: number): Date => new Date(Date.UTC(2026, 0, 5) + minutes * 60_000);
  const targets = targetsOf({ firstResponse: HOUR, nextResponse: 2 * HOUR, resolution: 8 * HOUR, warnBefore: 600 });

  it('run out in business time: over a weekend and a holiday', () => {
    const promised = targetsOf({ firstResponse: 2 * HOUR, warnBefore: 2 * HOUR - 60, businessHours: office });
    const { dueAt, warnAt } = timerOf(begin(promised, 'open', berlin('2026-12-24T16:00')), 'first_response');
    expect(dueAt).toEqual(berlin('2026-12-28T10:00'));
    expect(warnAt).toEqual(berlin('2026-12-24T16:01'));
  });

  it('have an hour less in the night in which the clock is put forward, one more in the other', () => {
    const promised = targetsOf({ resolution: 5 * HOUR + 60, businessHours: night });
    expect(timerOf(begin(promised, 'open', berlin('2026-03-29T00:00')), 'resolution').dueAt).toEqual(
      berlin('2026-03-30T00:01'),
    );
    expect(timerOf(begin(promised, 'open', berlin('2026-10-25T00:00')), 'resolution').dueAt).toEqual(
      new Date('2026-10-25T03:01:00Z'),
    );
  });

  it('start anew with the first question after an answer, and not with the second', () => {
    const begun = all(begin(targets, 'open', at(0)), { what: 'question', at: at(0) });
    expect(begun.timers.map(({ metric }) => metric)).toEqual(['first_response', 'resolution']);
    const asked = all(
      begun,
      { what: 'answer', at: at(10) },
      { what: 'question', at: at(20) },
      { what: 'question', at: at(30) },
    );
    expect(timerOf(asked, 'first_response')).toMatchObject({ state: 'met', metAt: at(10) });
    expect(timerOf(asked, 'next_response')).toMatchObject({ state: 'running', startedAt: at(20), dueAt: at(140) });
    const answered = all(asked, { what: 'answer', at: at(40) }, { what: 'question', at: at(50) });
    expect(timerOf(answered, 'next_response')).toMatchObject({ startedAt: at(50), dueAt: at(170), metAt: null });
  });

  it('end when it is closed: the resolution is met, no answer is owed', () => {
    const closed = all(begin(targets, 'open', at(0)), status('closed', at(30)));
    expect(closed.timers).toMatchObject([{ metric: 'resolution', state: 'met', metAt: at(30) }]);
    expect(all(closed, { what: 'question', at: at(40) })).toEqual(closed);
  });

  it('rest while it is pending or snoozed, and when it begins so', () => {
    const rested = all(
      begin(targets, 'open', at(0)),
      status('pending', at(20)),
      status('snoozed', at(100)),
      status('open', at(500)),
    );
    expect(timerOf(rested, 'first_response')).toMatchObject({ state: 'running', dueAt: at(540), warnAt: at(530) });
    const pending = begin(targets, 'pending', at(0));
    expect(timerOf(pending, 'first_response')).toMatchObject({ state: 'paused', dueAt: null, leftSeconds: HOUR });
    expect(dueBy(pending, at(100_000))).toEqual([]);
  });

  it('are warned of at once where less is left than that when they run again, and once only', () => {
    const paused = all(begin(targets, 'open', at(0)), status('pending', at(55)), status('open', at(60)));
    expect(dueBy(paused, at(60)).map(({ what, timer }) => [what, timer.metric])).toEqual([
      ['warning', 'first_response'],
    ]);
    const warned = { ...timerOf(paused, 'first_response'), warnAt: null, warnedAt: at(60) };
    const again = all({ ...paused, timers: [warned] }, status('pending', at(61)), status('open', at(62)));
    expect(timerOf(again, 'first_response')).toMatchObject({ warnAt: null, dueAt: at(66) });
  });

  it('stay breached when they are met after all', () => {
    const begun = begin(targets, 'open', at(0));
    const late = { ...timerOf(begun, 'first_response'), state: 'breached' as const, breachedAt: at(60) };
    const kept = { ...begun, timers: [late] };
    expect(all(kept, { what: 'question', at: at(70) }).timers).toHaveLength(1);
    const met = all(kept, { what: 'answer', at: at(80) }, { what: 'question', at: at(90) });
    expect(timerOf(met, 'first_response')).toMatchObject({ state: 'breached', breachedAt: at(60), metAt: at(80) });
    expect(timerOf(met, 'next_response')).toMatchObject({ state: 'running' });
  });

  it('run for just as long as was promised, however often they rest', () => {
    const zones = fc.constantFrom(null, office, night);
    const stretches = fc.array(
      fc.record({ runs: fc.integer({ min: 0, max: 300_000 }), rests: fc.integer({ min: 1, max: 300_000 }) }),
      { maxLength: 6 },
    );
    const starts = fc.constantFrom(berlin('2026-03-27T12:00'), berlin('2026-10-24T03:00'), berlin('2026-12-24T16:59'));
    fc.assert(
      fc.property(
        zones,
        stretches,
        starts,
        fc.integer({ min: 1, max: 100 * HOUR }),
        (businessHours, all, start, promised) => {
          const kept = targetsOf({ resolution: promised, businessHours });
          let now = start.getTime();
          let open = 0;
          let state = begin(kept, 'open', start);
          for (const { runs, rests } of all) {
            const end = new Date(now + runs * 1_000);
            const ran = businessSecondsBetween(businessHours, new Date(now), end);
            if (open + ran >= promised) break;
            open += ran;
            state = follow(state, status('pending', end));
            expect(timerOf(state, 'resolution').leftSeconds).toBeCloseTo(promised - open, 3);
            now = end.getTime() + rests * 1_000;
            state = follow(state, status('open', new Date(now)));
          }
          const { dueAt } = timerOf(state, 'resolution');
          if (!dueAt) throw new Error('It runs');
          expect(open + businessSecondsBetween(businessHours, new Date(now), dueAt)).toBeCloseTo(promised, 3);
        },
      ),
      { numRuns: 150 },
    );
  });
});

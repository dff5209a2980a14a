import fc from 'fast-check';
import { DateTime } from 'luxon';
import type { BusinessHours } from '@hub/model/queue.entity.js';
import { addBusinessSeconds, businessSecondsBetween, isOpen, nextOpening } from './business-hours.js';
import { checkHours } from './check-hours.js';

const WEEK = [1, 2, 3, 4, 5, 6, 7];
const berlin = (iso: string): Date => DateTime.fromISO(iso, { zone: 'Europe/Berlin' }).toJSDate();
const hoursOf = (from: string, to: string, more: Partial<BusinessHours> = {}): BusinessHours => ({
  timezone: 'Europe/Berlin',
  weekly: [{ days: WEEK, from, to }],
  holidays: [],
  ...more,
});

describe('business hours', () => {
  const office = hoursOf('09:00', '17:00', { weekly: [{ days: [1, 2, 3, 4, 5], from: '09:00', to: '17:00' }] });

  it('are open from their first minute until before their last', () => {
    expect(isOpen(office, berlin('2026-03-02T08:59:59.999'))).toBe(false);
    expect(isOpen(office, berlin('2026-03-02T09:00'))).toBe(true);
    expect(isOpen(office, berlin('2026-03-02T16:59:59.999'))).toBe(true);
    expect(isOpen(office, berlin('2026-03-02T17:00'))).toBe(false);
  });

  it('open again after the weekend and after a holiday', () => {
    expect(nextOpening(office, berlin('2026-03-06T17:00'))).toEqual(berlin('2026-03-09T09:00'));
    const closed = { ...office, holidays: ['2026-03-09'] };
    expect(nextOpening(closed, berlin('2026-03-06T17:00'))).toEqual(berlin('2026-03-10T09:00'));
    expect(nextOpening(office, berlin('2026-03-06T12:00'))).toEqual(berlin('2026-03-06T12:00'));
  });

  it('count over nights and weekends', () => {
    expect(addBusinessSeconds(office, berlin('2026-03-06T16:00'), 7_200)).toEqual(berlin('2026-03-09T10:00'));
    expect(businessSecondsBetween(office, berlin('2026-03-06T16:00'), berlin('2026-03-09T10:00'))).toBe(7_200);
    expect(addBusinessSeconds(office, berlin('2026-03-07T12:00'), 1)).toEqual(berlin('2026-03-09T09:00:01'));
  });

  it('end a count where they end, not at the next opening', () => {
    expect(addBusinessSeconds(office, berlin('2026-03-06T16:00'), 3_600)).toEqual(berlin('2026-03-06T17:00'));
  });

  it('merge spans that overlap or touch, up to midnight', () => {
    const split = hoursOf('08:00', '12:00', {
      weekly: [
        { days: WEEK, from: '22:00', to: '24:00' },
        { days: WEEK, from: '00:00', to: '02:00' },
        { days: WEEK, from: '01:00', to: '03:00' },
      ],
    });
    expect(addBusinessSeconds(split, berlin('2026-03-02T22:00'), 5 * 3_600)).toEqual(berlin('2026-03-03T03:00'));
    expect(businessSecondsBetween(split, berlin('2026-03-02T00:00'), berlin('2026-03-03T00:00'))).toBe(5 * 3_600);
  });

  it('have no hour that the clock skips in spring', () => {
    const night = hoursOf('00:00', '06:00');
    expect(businessSecondsBetween(night, berlin('2026-03-29T00:00'), berlin('2026-03-30T00:00'))).toBe(5 * 3_600);
    expect(addBusinessSeconds(night, berlin('2026-03-29T01:00'), 2 * 3_600)).toEqual(berlin('2026-03-29T04:00'));
    const skipped = hoursOf('02:15', '02:45');
    expect(nextOpening(skipped, berlin('2026-03-28T12:00'))).toEqual(berlin('2026-03-30T02:15'));
    const touching = hoursOf('02:30', '03:15');
    expect(businessSecondsBetween(touching, berlin('2026-03-29T00:00'), berlin('2026-03-30T00:00'))).toBe(900);
  });

  it('have the hour that the clock repeats in autumn twice', () => {
    const night = hoursOf('00:00', '06:00');
    expect(businessSecondsBetween(night, berlin('2026-10-25T00:00'), berlin('2026-10-26T00:00'))).toBe(7 * 3_600);
    const repeated = hoursOf('02:15', '02:45');
    expect(businessSecondsBetween(repeated, berlin('2026-10-25T00:00'), berlin('2026-10-26T00:00'))).toBe(3_600);
    expect(addBusinessSeconds(repeated, new Date('2026-10-25T00:15:00Z'), 3_600)).toEqual(
      new Date('2026-10-25T01:45:00Z'),
    );
  });

  it('hold in a zone that changes its clock at midnight, and in one that has left out a day', () => {
    const beirut = hoursOf('00:00', '24:00', {
      timezone: 'Asia/Beirut',
      weekly: [{ days: [7], from: '00:00', to: '24:00' }],
    });
    const from = new Date('2026-03-28T00:00:00Z');
    expect(businessSecondsBetween(beirut, from, new Date('2026-03-31T00:00:00Z'))).toBe(23 * 3_600);
    const apia = hoursOf('00:00', '24:00', {
      timezone: 'Pacific/Apia',
      weekly: [{ days: [5], from: '00:00', to: '24:00' }],
    });
    expect(businessSecondsBetween(apia, new Date('2011-12-26T00:00:00Z'), new Date('2012-01-03T00:00:00Z'))).toBe(0); // its Friday was 2011-12-30
  });

  it('are always open where there are none', () => {
    const at = new Date('2026-01-01T00:00:00Z');
    expect(isOpen(null, at)).toBe(true);
    expect(nextOpening(null, at)).toEqual(at);
    expect(addBusinessSeconds(null, at, 60)).toEqual(new Date('2026-01-01T00:01:00Z'));
  });

  it('come to an end where they never open', () => {
    const never = hoursOf('09:00', '17:00', { weekly: [] });
    expect(nextOpening(never, new Date())).toBeNull();
    expect(addBusinessSeconds(never, new Date(), 1)).toBeNull();
  });

  const time = fc.integer({ min: 0, max: 95 }).map((n) => n * 15);
  const clock = (minutes: number): string =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const spans = fc.array(
    fc.record({
      days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      start: time,
      length: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const anyHours = fc.record({
    timezone: fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC'),
    weekly: spans.map((list) =>
      list.map(({ days, start, length }) => ({
        days,
        from: clock(start),
        to: clock(Math.min(start + length * 15, 1_440)),
      })),
    ),
    holidays: fc.constantFrom<string[]>([], ['2026-03-29'], ['2026-10-25', '2026-11-01']),
  });
  const anyTime = fc
    .tuple(
      fc.constantFrom('2026-03-28T00:00:00Z', '2026-10-24T00:00:00Z', '2026-10-31T00:00:00Z', '2026-04-04T00:00:00Z'),
      fc.integer({ min: 0, max: 3 * 86_400 }),
    )
    .map(([day, seconds]) => new Date(Date.parse(day) + seconds * 1_000));

  it('give back what was added, and never go beyond their end', () => {
    fc.assert(
      fc.property(anyHours, anyTime, fc.integer({ min: 1, max: 400_000 }), (hours, from, seconds) => {
        const due = addBusinessSeconds(hours, from, seconds);
        if (!due) throw new Error('it opens every week');
        expect(businessSecondsBetween(hours, from, due)).toBe(seconds);
        expect(isOpen(hours, new Date(due.getTime() - 1))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('count by the clock on the wall', () => {
    fc.assert(
      fc.property(anyHours, anyTime, (hours, at) => {
        const local = DateTime.fromJSDate(at, { zone: hours.timezone });
        const now = local.toFormat('HH:mm');
        const listed =
          !hours.holidays.includes(local.toISODate() ?? '') &&
          hours.weekly.some(({ days, from, to }) => days.includes(local.weekday) && from <= now && now < to);
        expect(isOpen(hours, at)).toBe(listed);
      }),
      { numRuns: 300 },
    );
  });
});

describe('hours as they are written', () => {
  const good = { timezone: 'Europe/Berlin', weekly: [{ days: [1], from: '09:00', to: '24:00' }] };

  it('are taken with every part in its place', () => {
    expect(checkHours(good, 'hours')).toEqual({ ...good, holidays: [] });
  });

  it.each([
    ['hours', 'nonsense'],
    ['hours.timezone', { ...good, timezone: 'Berlin' }],
    ['hours.timezone', { ...good, timezone: '+02:00' }],
    ['hours.weekly', { ...good, weekly: [] }],
    ['hours.weekly.0.days', { ...good, weekly: [{ days: [], from: '09:00', to: '10:00' }] }],
    ['hours.weekly.0.days', { ...good, weekly: [{ days: [8], from: '09:00', to: '10:00' }] }],
    ['hours.weekly.0.from', { ...good, weekly: [{ days: [1], from: '9', to: '10:00' }] }],
    ['hours.weekly.0.to', { ...good, weekly: [{ days: [1], from: '09:00', to: '09:00' }] }],
    ['hours.holidays.0', { ...good, holidays: ['2026-02-30'] }],
  ])('are refused naming %s', (field, hours) => {
    expect(() => checkHours(hours, 'hours')).toThrow(
      expect.objectContaining({ details: [expect.objectContaining({ field })] }),
    );
  });
});

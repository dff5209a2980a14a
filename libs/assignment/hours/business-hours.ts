import { IANAZone } from 'luxon';
import type { BusinessHours } from '@hub/model/queue.entity.js';

/*
 * When somebody works, on the clock on their wall: open is every instant whose local time lies in a span of its weekday
 * and whose local date is no holiday. An hour that the clock skips is not there, one that it repeats is there twice.
 * `null` hours are always open. Pure.
 */

/** Milliseconds since 1970, `to` not included. */
interface Interval {
  readonly from: number;
  readonly to: number;
}

const MINUTE = 60_000;
const DAY = 86_400_000;
/** No zone is further from UTC than this, nor a local date longer. */
const FARTHEST = 15 * 3_600_000;
const CHUNK_DAYS = 14;
/** Chunks without an opening, beyond those that holidays may take: a span may lie in an hour that is skipped. */
const SPARE_CHUNKS = 4;

export const isOpen = (hours: BusinessHours | null, at: Date): boolean =>
  hours === null || intervals(hours, at.getTime(), at.getTime() + 1).length > 0;

/** The first instant from `at` on that is open: `at` itself if it is. Null where that never comes. */
export function nextOpening(hours: BusinessHours | null, at: Date): Date | null {
  if (hours === null) return at;
  for (const { from } of openFrom(hours, at.getTime())) return new Date(from);
  return null;
}

/**
 * The instant at which `seconds` of open time have passed since `from`; `from` itself for none. It is within the hours
 * or where they end. Null where it never comes.
 */
export function addBusinessSeconds(hours: BusinessHours | null, from: Date, seconds: number): Date | null {
  let left = Math.round(seconds * 1_000);
  if (left <= 0) return from;
  if (hours === null) return new Date(from.getTime() + left);
  for (const open of openFrom(hours, from.getTime())) {
    const length = open.to - open.from;
    if (left <= length) return new Date(open.from + left);
    left -= length;
  }
  return null;
}

/** How much of the time between two instants is open, in seconds; 0 when `to` is not later. */
export function businessSecondsBetween(hours: BusinessHours | null, from: Date, to: Date): number {
  if (to <= from) return 0;
  if (hours === null) return (to.getTime() - from.getTime()) / 1_000;
  let open = 0;
  for (let start = from.getTime(); start < to.getTime(); start += CHUNK_DAYS * DAY) {
    const end = Math.min(start + CHUNK_DAYS * DAY, to.getTime());
    for (const interval of intervals(hours, start, end)) open += interval.to - interval.from;
  }
  return open / 1_000;
}

/** What is open from `start` on, in order. It ends where there has been nothing for longer than all holidays can last. */
function* openFrom(hours: BusinessHours, start: number): Generator<Interval> {
  const patience = hours.holidays.length + SPARE_CHUNKS;
  for (let at = start, empty = 0; empty <= patience; at += CHUNK_DAYS * DAY) {
    const found = intervals(hours, at, at + CHUNK_DAYS * DAY);
    empty = found.length > 0 ? 0 : empty + 1;
    yield* found;
  }
}

/** What is open between two instants: in order, without overlaps, cut to them. */
function intervals(hours: BusinessHours, from: number, to: number): Interval[] {
  const zone = IANAZone.create(hours.timezone);
  const found: Interval[] = [];
  const first = Math.floor((from - FARTHEST) / DAY) * DAY;
  for (let midnight = first; midnight < to + FARTHEST; midnight += DAY) found.push(...openOn(hours, zone, midnight));
  const merged: Interval[] = [];
  for (const next of found.sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && next.from <= last.to) merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, next.to) };
    else merged.push(next);
  }
  return merged
    .map((open) => ({ from: Math.max(open.from, from), to: Math.min(open.to, to) }))
    .filter((open) => open.from < open.to);
}

/** What is open on the local date whose midnight, read as if it were UTC, is `midnight`. */
function openOn({ weekly, holidays }: BusinessHours, zone: IANAZone, midnight: number): Interval[] {
  const date = new Date(midnight);
  if (holidays.includes(date.toISOString().slice(0, 10))) return [];
  const weekday = date.getUTCDay() || 7;
  const spans = weekly.filter(({ days }) => days.includes(weekday));
  if (spans.length === 0) return [];
  return offsetsAround(zone, midnight).flatMap(({ offset, from, to }) =>
    spans
      .map((span) => ({
        from: Math.max(midnight + minutesOf(span.from) * MINUTE - offset, from),
        to: Math.min(midnight + minutesOf(span.to) * MINUTE - offset, to),
      }))
      .filter((open) => open.from < open.to),
  );
}

/** How far the clock is ahead of UTC on that date, and between which instants: twice where it is changed. */
function offsetsAround(zone: IANAZone, midnight: number): (Interval & { readonly offset: number })[] {
  let before = midnight - FARTHEST;
  let after = midnight + DAY + FARTHEST;
  const [early, late] = [zone.offset(before) * MINUTE, zone.offset(after) * MINUTE];
  if (early === late) return [{ offset: early, from: -Infinity, to: Infinity }];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (zone.offset(middle) * MINUTE === early) before = middle;
    else after = middle;
  }
  return [
    { offset: early, from: -Infinity, to: after },
    { offset: late, from: after, to: Infinity },
  ];
}

/** `09:30` as minutes of the day; `24:00` is its end. */
const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

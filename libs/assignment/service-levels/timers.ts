import { addBusinessSeconds, businessSecondsBetween } from '@hub/assignment/hours/business-hours.js';
import type { ConversationStatus } from '@hub/model/conversation.entity.js';
import type { Metric, Targets, TimerState } from './service-levels.types.js';

/*
 * How the timers of one conversation move. Pure: every instant is the event's own, so that it does not matter when the
 * event is dealt with.
 */

export interface Timer {
  readonly metric: Metric;
  readonly state: TimerState;
  readonly startedAt: Date;
  /** While running, and of what was breached. */
  readonly dueAt: Date | null;
  /** While running and not warned. */
  readonly warnAt: Date | null;
  /** While paused. */
  readonly leftSeconds: number | null;
  readonly warnedAt: Date | null;
  readonly breachedAt: Date | null;
  readonly metAt: Date | null;
}

/** What a conversation is held to from when it begins until it is closed, and how it stands. */
export interface Case {
  readonly targets: Targets;
  readonly status: ConversationStatus;
  /** When staff has answered first. */
  readonly answeredAt: Date | null;
  readonly timers: readonly Timer[];
}

/** What has happened to the conversation, as far as the timers care. */
export type Occurrence =
  | { readonly what: 'status'; readonly status: ConversationStatus; readonly at: Date }
  | { readonly what: 'question' | 'answer'; readonly at: Date };

const rests = (status: ConversationStatus): boolean => status === 'pending' || status === 'snoozed';
const isLive = ({ state }: Timer): boolean => state === 'running' || state === 'paused';
const isOwed = ({ state, metAt }: Timer): boolean => state !== 'met' && metAt === null;
const isResponse = ({ metric }: Timer): boolean => metric !== 'resolution';

/** A conversation that begins, or begins anew. */
export function begin(targets: Targets, status: ConversationStatus, at: Date): Case {
  const { firstResponse, resolution } = targets;
  const timers = [
    ...(firstResponse === null ? [] : [start('first_response', firstResponse, targets, at)]),
    ...(resolution === null ? [] : [start('resolution', resolution, targets, at)]),
  ];
  return withStatus({ targets, status: 'open', answeredAt: null, timers }, status, at);
}

/** The case after what has happened; the same one where that means nothing to it. */
export function follow(before: Case, occurrence: Occurrence): Case {
  const { at } = occurrence;
  switch (occurrence.what) {
    case 'status':
      return withStatus(before, occurrence.status, at);
    case 'answer':
      return {
        ...before,
        answeredAt: before.answeredAt ?? at,
        timers: before.timers.map((timer) => (isResponse(timer) && isOwed(timer) ? meet(timer, at) : timer)),
      };
    case 'question':
      return ask(before, at);
  }
}

/** Which timers ran out, or are about to, by that time: in the order in which it is to be told. */
export function dueBy({ timers }: Case, at: Date): { readonly timer: Timer; readonly what: 'warning' | 'breached' }[] {
  const running = timers.filter(({ state }) => state === 'running');
  const warned = running.filter(({ warnAt }) => warnAt !== null && warnAt <= at);
  const breached = running.filter(({ dueAt }) => dueAt !== null && dueAt <= at);
  return [
    ...warned.map((timer) => ({ timer, what: 'warning' as const })),
    ...breached.map((timer) => ({ timer, what: 'breached' as const })),
  ];
}

/** The first question after an answer starts the time; another one while staff owes an answer changes nothing. */
function ask(before: Case, at: Date): Case {
  const { targets, status, answeredAt, timers } = before;
  if (targets.nextResponse === null || answeredAt === null || status === 'closed') return before;
  if (timers.some((timer) => isResponse(timer) && isOwed(timer))) return before;
  const next = start('next_response', targets.nextResponse, targets, at);
  const others = timers.filter(({ metric }) => metric !== 'next_response');
  return { ...before, timers: [...others, rests(status) ? pause(next, targets, at) : next] };
}

function withStatus(before: Case, status: ConversationStatus, at: Date): Case {
  if (status === before.status) return before;
  const { targets } = before;
  const timers =
    status === 'closed'
      ? before.timers.flatMap((timer) => closed(timer, at))
      : before.timers.map((timer) => (rests(status) ? pause(timer, targets, at) : resume(timer, targets, at)));
  return { ...before, status, timers };
}

/** Closing is the resolution; nobody waits for an answer any more. */
function closed(timer: Timer, at: Date): Timer[] {
  if (timer.metric === 'resolution' && isOwed(timer)) return [meet(timer, at)];
  return isLive(timer) ? [] : [timer];
}

function start(metric: Metric, seconds: number, targets: Targets, at: Date): Timer {
  const blank = { warnedAt: null, breachedAt: null, metAt: null, leftSeconds: null };
  return { metric, state: 'running', startedAt: at, ...blank, ...timesOf(seconds, false, targets, at) };
}

function timesOf(
  left: number,
  isWarned: boolean,
  { warnBefore, businessHours }: Targets,
  at: Date,
): Pick<Timer, 'dueAt' | 'warnAt'> {
  const isSilent = warnBefore === 0 || isWarned;
  return {
    dueAt: addBusinessSeconds(businessHours, at, left),
    warnAt: isSilent ? null : addBusinessSeconds(businessHours, at, Math.max(0, left - warnBefore)),
  };
}

function pause(timer: Timer, { businessHours }: Targets, at: Date): Timer {
  if (timer.state !== 'running') return timer;
  const leftSeconds = timer.dueAt && businessSecondsBetween(businessHours, at, timer.dueAt);
  return { ...timer, state: 'paused', leftSeconds, dueAt: null, warnAt: null };
}

function resume(timer: Timer, targets: Targets, at: Date): Timer {
  if (timer.state !== 'paused') return timer;
  const times = timesOf(timer.leftSeconds ?? 0, timer.warnedAt !== null, targets, at);
  return { ...timer, state: 'running', leftSeconds: null, ...times };
}

/** Met after a breach, it stays a breach. */
function meet(timer: Timer, at: Date): Timer {
  const state = timer.state === 'breached' ? 'breached' : 'met';
  return { ...timer, state, metAt: at, warnAt: null, leftSeconds: null };
}

import type { BusinessHours } from '@hub/model/queue.entity.js';
import type { RuleSettings, RuleView } from '@hub/assignment/rules/rules.types.js';

/** What is promised. Durations in seconds of business time; null: no promise of that kind. */
export interface Targets {
  readonly firstResponse: number | null;
  readonly nextResponse: number | null;
  readonly resolution: number | null;
  /** So long before a breach it is warned of; 0: never. */
  readonly warnBefore: number;
  /** Null: around the clock. */
  readonly businessHours: BusinessHours | null;
}

export type ServiceLevelView = RuleView & Targets;
export type CreateServiceLevel = RuleSettings & Targets;
/** Absent fields stay as they are. */
export type UpdateServiceLevel = Partial<CreateServiceLevel> & { readonly id: string };

/** How a conversation stands with one of the promises. */
export interface TimerView {
  readonly metric: Metric;
  readonly state: TimerState;
  readonly serviceLevel: { readonly id: string; readonly name: string };
  readonly startedAt: Date;
  /** Null while paused. */
  readonly dueAt: Date | null;
  /** Of business time, while paused. */
  readonly leftSeconds: number | null;
  readonly warnedAt: Date | null;
  readonly breachedAt: Date | null;
  readonly metAt: Date | null;
}

export const METRICS = ['first_response', 'next_response', 'resolution'] as const;
export type Metric = (typeof METRICS)[number];
/** `breached` stays, whether it was met later or not. */
export const TIMER_STATES = ['running', 'paused', 'met', 'breached'] as const;
export type TimerState = (typeof TIMER_STATES)[number];

import type { BusinessHours, ClosedBehavior } from '@hub/model/queue.entity.js';
import type { OfferDecision } from '@hub/model/views.js';

export const STRATEGIES = [
  'round_robin',
  'least_loaded',
  'longest_idle',
  'skills',
  'sticky',
  'broadcast',
  'manual',
] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What somebody can do, and how well. */
export interface Skill {
  readonly name: string;
  readonly level: number;
}

/** A queue as the engine needs it. Durations in seconds. */
export interface QueueRow {
  readonly id: string;
  readonly name: string;
  readonly teamId: string;
  readonly strategy: Strategy;
  readonly priorityAgeing: number;
  readonly offerTimeout: number;
  readonly maxMisses: number;
  readonly returnTimeout: number;
  readonly stickyWindow: number;
  readonly skills: readonly Skill[];
  /** Null: always open. */
  readonly businessHours: BusinessHours | null;
  /** What is done with what comes while it is closed; null: it waits. */
  readonly closedBehavior: ClosedBehavior | null;
}

/** Why somebody got a conversation: who was considered, and why each was or was not chosen. */
export type Decision = OfferDecision;

/** Where a conversation is to wait. */
export interface Enqueueing {
  readonly queueId: string;
  /** 0 low to 3 urgent; the conversation's own unless set. */
  readonly priority?: number;
  /** Wanted beside the queue's. */
  readonly skills?: readonly Skill[];
  /** Its place: now unless set. */
  readonly waitingSince?: Date;
  /** Gets it before all others if eligible. */
  readonly preferredUserId?: string | null;
  /** Who is left out of the first round. */
  readonly passed?: readonly string[];
  /** The routing rule that put it here, its target and when the next target has its turn. */
  readonly ruleId?: string | null;
  readonly step?: number | null;
  readonly stepUntil?: Date | null;
  /** Not before then: the queue is closed. */
  readonly heldUntil?: Date | null;
  readonly reason?: string | null;
}

import { Column, Entity } from 'typeorm';
import { TenantRecord, type JsonObject } from './tenant-row.js';
import type { Skill } from './user.entity.js';

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

/** When somebody works, on the clock of a time zone. */
export interface BusinessHours {
  /** IANA. */
  readonly timezone: string;
  /** ISO days of the week, 1 Monday to 7 Sunday; `from` and `to` as `HH:MM` of the same day. */
  readonly weekly: readonly { readonly days: readonly number[]; readonly from: string; readonly to: string }[];
  /** Days off, as `YYYY-MM-DD`. */
  readonly holidays: readonly string[];
}

export const CLOSED_ACTIONS = ['wait', 'bot', 'reply', 'snooze'] as const;

/** What is done with a conversation that comes while the queue is closed. */
export interface ClosedBehavior {
  readonly action: (typeof CLOSED_ACTIONS)[number];
  /** UUID of who gets it: with `bot`. */
  readonly botId?: string;
  /** What the contact is told: with `reply`, and beside the others if wanted. */
  readonly text?: string;
}

/** Where conversations wait for somebody of a team. Durations in seconds. */
@Entity('queue')
export class Queue extends TenantRecord {
  @Column('text') name: string;
  @Column('uuid') teamId: string;
  @Column('text') strategy: Strategy;
  /** Seconds of waiting that weigh as much as one step of priority; 0: none. */
  @Column('integer') priorityAgeing: number;
  /** 0: assigned at once, without an offer. */
  @Column('integer') offerTimeout: number;
  /** Offers left unanswered in a row before the agent is set away; 0: never. */
  @Column('integer') maxMisses: number;
  /** In which the agent must write; 0: no limit. */
  @Column('integer') returnTimeout: number;
  /** For which the last agent is preferred; 0: not at all. */
  @Column('integer') stickyWindow: number;
  /** What every agent needs. */
  @Column('jsonb') skills: readonly Skill[];
  /** Null: always open. */
  @Column({ type: 'jsonb', nullable: true }) businessHours: BusinessHours | null;
  @Column({ type: 'jsonb', nullable: true }) closedBehavior: ClosedBehavior | null;
  /** Moving average of the time between two assignments; null while nothing is known. */
  @Column({ type: 'float8', nullable: true, insert: false, update: false }) paceSeconds: number | null;
  @Column('jsonb') metadata: JsonObject;
}

import type { PageRequest } from '@hub/platform/paging.js';

/** Which deliveries: those that failed, those that are held, or every one. */
export const RECOVERY_STATUSES = ['failed', 'held', 'all'] as const;
export type RecoveryStatus = (typeof RECOVERY_STATUSES)[number];

export const RECOVERY_STATES = ['running', 'succeeded', 'cancelled'] as const;
export type RecoveryState = (typeof RECOVERY_STATES)[number];

/** By the times of the events: from `since` on, before `until`. */
export interface StartRecovery {
  readonly webhookId: string;
  /** At most 30 days ago. */
  readonly since: Date;
  /** Now unless set. */
  readonly until?: Date;
  readonly status: RecoveryStatus;
  /** Exact names, groups or `*`, which it is unless set. */
  readonly events?: readonly string[];
}

export interface RecoveryView {
  readonly organizationId: string;
  readonly id: string;
  readonly webhookId: string;
  readonly since: Date;
  readonly until: Date;
  readonly status: RecoveryStatus;
  readonly events: readonly string[];
  readonly state: RecoveryState;
  /** Of the deliveries looked at so far, those that are meant. */
  readonly matched: number;
  /** Of these, those that are delivered again; the others are on their way already, or wait for an endpoint that is not active. */
  readonly replayed: number;
  /** How many are meant in all; null until it is known, or while they are more than can be counted at once. */
  readonly total: number | null;
  /** 0 to 1. */
  readonly progress: number;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export interface ListRecoveries extends PageRequest {
  readonly sortOrder: 'asc' | 'desc';
}

import type { Priority } from '@hub/model/conversation.entity.js';
import type { BusinessHours, ClosedBehavior, Strategy } from '@hub/model/queue.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { Skill } from '@hub/model/user.entity.js';
import type { PageRequest } from '@hub/platform/paging.js';

/** Durations in seconds; see `Queue`. */
export interface QueueSettings {
  readonly name: string;
  readonly teamId: string;
  readonly strategy: Strategy;
  readonly priorityAgeing: number;
  readonly offerTimeout: number;
  readonly maxMisses: number;
  readonly returnTimeout: number;
  readonly stickyWindow: number;
  readonly skills: readonly Skill[];
  readonly businessHours: BusinessHours | null;
  readonly closedBehavior: ClosedBehavior | null;
  readonly metadata: JsonObject;
}

/** What is absent gets the default of its column. */
export type CreateQueue = Pick<QueueSettings, 'name' | 'teamId'> & Partial<QueueSettings>;

/** Absent fields stay as they are; metadata is merged. */
export type UpdateQueue = Partial<QueueSettings> & { readonly id: string };

export interface QueueView extends QueueSettings {
  readonly id: string;
  /** How many wait or are offered; 10,000 stands for that many or more. */
  readonly waiting: number;
  /** Seconds until one that came now would be assigned; null while nothing is known. */
  readonly estimatedWait: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ListQueues extends PageRequest {
  readonly teamId?: string;
  readonly sortOrder: 'asc' | 'desc';
}

/** A conversation that waits. */
export interface QueuedView {
  readonly conversationId: string;
  /** 1: the next one. */
  readonly position: number;
  readonly state: 'waiting' | 'offered';
  readonly priority: Priority;
  readonly waitingSince: Date;
  readonly heldUntil: Date | null;
  /** Seconds from now; null while nothing is known, and while it is held. */
  readonly estimatedWait: number | null;
}

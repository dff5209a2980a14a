import type { Capacity } from '@hub/model/user.entity.js';
import type { PageRequest } from '@hub/platform/paging.js';

export const PRESENCE_STATUSES = ['online', 'busy', 'away', 'offline'] as const;
/** Only who is online is given conversations by a queue. */
export type PresenceStatus = (typeof PRESENCE_STATUSES)[number];

/** How long a heartbeat holds; they come every 30 seconds. */
export const HEARTBEAT_GRACE_SECONDS = 90;

export interface PresenceView {
  readonly userId: string;
  readonly name: string;
  readonly status: PresenceStatus;
  /** Why the product has set it: heartbeat, signed_out, misses; null when the user did. */
  readonly reason: string | null;
  /** Whether open conversations go back to their queues while the user is away or offline. */
  readonly reassign: boolean;
  /** Null: has never been here. */
  readonly since: Date | null;
  readonly lastSeenAt: Date | null;
  readonly load: Capacity;
  readonly capacity: Capacity;
}

export interface SetPresence {
  readonly status: PresenceStatus;
  /** Absent: as it is while the status stays, false with another one. */
  readonly reassign?: boolean;
}

export interface ListPresence extends PageRequest {
  readonly teamId?: string;
  readonly status?: PresenceStatus;
  readonly sortOrder: 'asc' | 'desc';
}

import type { Priority } from '@hub/model/conversation.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { TicketStatus } from '@hub/model/ticket.entity.js';
import type { PageRequest } from '@hub/platform/paging.js';

export interface OpenTicket {
  readonly subject: string;
  readonly contactId: string;
  readonly staffId: string | null;
  readonly status: TicketStatus;
  readonly priority: Priority;
  readonly metadata: JsonObject;
}

/** Absent fields stay as they are. */
export interface UpdateTicket {
  readonly ticketId: string;
  readonly subject?: string;
  readonly status?: TicketStatus;
  readonly priority?: Priority;
  /** Null: nobody looks after it. */
  readonly staffId?: string | null;
  /** Merged: a key set to null is removed. */
  readonly metadata?: JsonObject;
}

export const TICKET_SORTS = ['createdAt', 'updatedAt'] as const;
export type TicketSort = (typeof TICKET_SORTS)[number];

export interface ListTickets extends PageRequest {
  readonly status?: TicketStatus;
  readonly priority?: Priority;
  readonly contactId?: string;
  readonly staffId?: string;
  /** Part of the subject, whatever the case. */
  readonly search?: string;
  readonly sortBy: TicketSort;
  readonly sortOrder: 'asc' | 'desc';
}

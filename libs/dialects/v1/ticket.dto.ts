import { TICKET_SORTS, type TicketSort } from '@hub/conversations/tickets.types.js';
import { PRIORITIES, type Priority } from '@hub/model/conversation.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { TICKET_STATUSES, type TicketStatus } from '@hub/model/ticket.entity.js';
import { Json, OneOf, Text } from '@hub/platform/dto.js';
import { PageQuery } from './v1.dto.js';

export class ListTicketsQuery extends PageQuery {
  @OneOf(TICKET_STATUSES, { optional: true }) status?: TicketStatus;
  @OneOf(PRIORITIES, { optional: true }) priority?: Priority;
  @Text({ optional: true, min: 1 }) contactId?: string;
  @Text({ optional: true, min: 1, description: 'The user who looks after it' }) staffId?: string;
  @Text({ optional: true, min: 1, description: 'Part of the subject' }) search?: string;
  @OneOf(TICKET_SORTS, { optional: true, default: 'createdAt' }) sortBy: TicketSort = 'createdAt';
}

export class CreateTicketBody {
  @Text() subject: string;
  @Text() contactId: string;
  @Text({ optional: true, min: 1, description: 'The user who looks after it' }) staffId?: string;
  @OneOf(TICKET_STATUSES, { optional: true, default: 'open' }) status: TicketStatus = 'open';
  @OneOf(PRIORITIES, { optional: true, default: 'normal' }) priority: Priority = 'normal';
  @Json({ optional: true }) metadata?: JsonObject;
}

export class UpdateTicketBody {
  @Text({ optional: true, min: 1 }) subject?: string;
  @Text({ optional: true, nullable: true, min: 1, description: 'Null: nobody looks after it' }) staffId?: string | null;
  @OneOf(TICKET_STATUSES, { optional: true, description: '`closed` sets `closedAt`' }) status?: TicketStatus;
  @OneOf(PRIORITIES, { optional: true }) priority?: Priority;
  @Json({ optional: true, description: 'Merged; a key set to null is removed' }) metadata?: JsonObject;
}

import type { Dialect } from '@hub/http/dialect.js';
import { TicketDeskModule } from './ticket-desk.module.js';
import { ticketDeskDocument } from './ticket-desk.openapi.js';
import { TICKET_DESK_WORDING } from './ticket-desk.wording.js';

/** The chat of a ticket desk: one conversation for each ticket, between its user and the staff. */
export const TICKET_DESK: Dialect = {
  name: 'ticket-desk',
  module: TicketDeskModule,
  wording: TICKET_DESK_WORDING,
  document: ticketDeskDocument,
};

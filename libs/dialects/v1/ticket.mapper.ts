import type { ListTickets, OpenTicket, UpdateTicket } from '@hub/conversations/tickets.types.js';
import type { TicketView } from '@hub/model/views.js';
import { encodeId } from '@hub/platform/ids.js';
import type { CreateTicketBody, ListTicketsQuery, UpdateTicketBody } from './ticket.dto.js';
import type { Resource } from './v1.envelope.js';
import { filterId, idOf } from './v1.ids.js';

export const ticketResource = (view: TicketView): Resource => ({
  id: encodeId('ticket', view.id),
  type: 'ticket',
  attributes: {
    number: view.number,
    subject: view.subject,
    status: view.status,
    priority: view.priority,
    contact: { ...view.contact, id: encodeId('contact', view.contact.id) },
    staff: view.staff && { ...view.staff, id: encodeId('user', view.staff.id) },
    metadata: view.metadata,
    closedAt: view.closedAt,
    createdAt: view.createdAt,
    updatedAt: view.updatedAt,
  },
});

export const toListTickets = ({ contactId, staffId, ...query }: ListTicketsQuery): ListTickets => ({
  ...query,
  ...(contactId && { contactId: filterId(['contact'], contactId, 'contactId') }),
  ...(staffId && { staffId: filterId(['user'], staffId, 'staffId') }),
});

export const toOpenTicket = (body: CreateTicketBody): OpenTicket => ({
  ...body,
  contactId: idOf('contact', body.contactId, 'contactId'),
  staffId: body.staffId ? idOf('user', body.staffId, 'staffId') : null,
  metadata: body.metadata ?? {},
});

export const toUpdateTicket = (id: string, { staffId, ...body }: UpdateTicketBody): UpdateTicket => ({
  ...body,
  ticketId: idOf('ticket', id),
  ...(staffId !== undefined && { staffId: staffId === null ? null : idOf('user', staffId, 'staffId') }),
});

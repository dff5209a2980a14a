import type { TicketView } from '@hub/model/views.js';
import { encodeId } from '@hub/platform/ids.js';
import type { Resource } from './v1.envelope.js';

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

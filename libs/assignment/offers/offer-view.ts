import { queryPrepared, type Prepared, type Reader } from '@hub/model/database.js';
import type { OfferView } from '@hub/model/views.js';
import { ConflictError, NotFoundError } from '@hub/platform/errors.js';

/** Somebody else's, another organization's and an unknown one are one and the same. */
export class OfferNotFoundError extends NotFoundError {
  constructor() {
    super('RESOURCE_NOT_FOUND', 'Offer does not exist');
  }
}

/** It was answered, taken back or is over. */
export class OfferExpiredError extends ConflictError {
  constructor() {
    super('OFFER_EXPIRED', 'The offer is not open any more');
  }
}

const SELECT = `
  SELECT o.organization_id AS "organizationId", o.id, o.kind, o.state,
    jsonb_build_object('id', u.id, 'name', u.name) AS "user",
    jsonb_build_object('id', c.id, 'subject', c.subject, 'priority', c.priority,
      'channel', jsonb_build_object('id', ch.id, 'name', ch.name, 'type', ch.type),
      'contact', CASE WHEN k.id IS NOT NULL THEN jsonb_build_object('id', k.id, 'name', k.name) END) AS conversation,
    CASE WHEN q.id IS NOT NULL THEN jsonb_build_object('id', q.id, 'name', q.name) END AS queue,
    o.reason, o.transfer, o.expires_at AS "expiresAt", o.created_at AS "createdAt", o.decided_at AS "decidedAt"
  FROM offer o
  JOIN users u ON u.organization_id = o.organization_id AND u.id = o.user_id
  JOIN conversation c ON c.organization_id = o.organization_id AND c.id = o.conversation_id
  JOIN channel ch ON ch.organization_id = o.organization_id AND ch.id = c.channel_id
  LEFT JOIN contact k ON k.organization_id = o.organization_id AND k.id = c.contact_id
  LEFT JOIN queue q ON q.organization_id = o.organization_id AND q.id = o.queue_id`;

const SOME: Prepared = {
  name: 'offer-views',
  text: `${SELECT} WHERE o.organization_id = $1 AND o.id = ANY ($2::uuid[]) ORDER BY o.id`,
};
const OPEN_OF: Prepared = {
  name: 'offer-views-open',
  text: `${SELECT} WHERE o.organization_id = $1 AND o.user_id = $2 AND o.state = 'open' AND o.expires_at > now()
    AND ($3::uuid IS NULL OR o.id > $3) ORDER BY o.id LIMIT $4`,
};

/** These offers as they stand, in the order of their ids. */
export const loadOffers = (on: Reader, organizationId: string, ids: readonly string[]): Promise<OfferView[]> =>
  queryPrepared<OfferView>(on, SOME, [organizationId, ids]);

/** What waits for this user's answer, the oldest first. */
export const loadOpenOffers = (
  on: Reader,
  organizationId: string,
  userId: string,
  after: string | null,
  limit: number,
): Promise<OfferView[]> => queryPrepared<OfferView>(on, OPEN_OF, [organizationId, userId, after, limit]);

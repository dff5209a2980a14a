import { v7 } from 'uuid';
import { V1EventFormat } from '@hub/dialects/v1/v1.events.js';
import type { EventType } from '@hub/events/catalog.js';
import { systemAuthor } from '@hub/events/outbox.js';
import type { DeliveryStatus } from '@hub/model/webhook.entity.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import { sampleEvent } from '@hub/webhooks/event-samples.js';
import type { Hub } from './harness.js';

export interface Past {
  readonly count: number;
  readonly type?: EventType;
  readonly status?: DeliveryStatus;
  /** When its events happened. */
  readonly at?: Date;
}

/** Deliveries as they have ended, each of an event of its own. @returns the public ids of the events */
export async function pastDeliveries(
  hub: Hub,
  { organizationId, endpointId }: { organizationId: string; endpointId: string },
  { count, type = 'contact.created', status = 'exhausted', at = new Date() }: Past,
): Promise<string[]> {
  const format = new V1EventFormat();
  const author = systemAuthor(organizationId);
  const ids = Array.from({ length: count }, () => v7({ msecs: at.getTime() }));
  const bodies = ids.map((id) => format.render({ ...sampleEvent(type, author), id, at }).join('0'));
  const keys = ids.map(() => newId());
  await hub.sql(
    `WITH happened AS (
       INSERT INTO event (organization_id, id, type, order_key, sequence, subject_id, body, created_at, fanned_out_at)
       SELECT $1, e.id, $2, e.key, 0, e.key, e.body, $3, now() FROM unnest($4::uuid[], $5::uuid[], $6::text[]) AS e(id, key, body)
       RETURNING id, position, order_key
     ), counted AS (
       UPDATE webhook_endpoint SET deliveries_total = deliveries_total + $9::int,
         deliveries_succeeded = deliveries_succeeded + CASE $8 WHEN 'succeeded' THEN $9::int ELSE 0 END,
         deliveries_failed = deliveries_failed + CASE $8 WHEN 'exhausted' THEN $9::int ELSE 0 END
       WHERE organization_id = $1 AND id = $7
     )
     INSERT INTO webhook_delivery (organization_id, id, endpoint_id, event_id, event_type, order_key, sequence, position,
       status, attempts, attempt_no, first_attempt_at, last_attempt_at, next_attempt_at, finished_at, created_at)
     SELECT $1, webhook_delivery_id(id, position, $7), $7, id, $2, order_key, 0, position, $8, 10, 10, $3, $3, $3,
       CASE WHEN $8 IN ('succeeded', 'exhausted', 'cancelled') THEN now() END, $3 FROM happened`,
    [organizationId, type, at, ids, keys, bodies, endpointId, status, count],
  );
  return ids.map((id) => encodeId('evt', id));
}

import type { Outbox } from '@hub/events/outbox.js';
import { systemAuthor } from '@hub/events/outbox.js';
import type { Tx } from '@hub/model/database.js';
import type { EndpointView } from '@hub/model/views.js';
import { holdUnfinished, type Lane } from './delivery-order.js';

/** An endpoint that has answered with nothing but failures for so long, and so many of them, is disabled. */
export const DISABLE_AFTER_HOURS = 120;
export const DISABLE_AFTER_FAILURES = 20;

/** When an endpoint that has been failing since then will be disabled; null while it is well. */
export const disableAt = (failingSince: Date | null): Date | null =>
  failingSince && new Date(failingSince.getTime() + DISABLE_AFTER_HOURS * 3_600_000);

export type DisableReason = 'gone' | 'requested' | 'failing';

const VIEW = `organization_id AS "organizationId", id, url, status, disabled_reason AS "disabledReason",
  first_failure_at AS "failingSince", consecutive_failures AS "consecutiveFailures", last_success_at AS "lastSuccessAt"`;

/** All that is left of troubles when an endpoint is taken into service again. */
export const RECOVERED = {
  disabledReason: null,
  consecutiveFailures: 0,
  firstFailureAt: null,
  failingTold: 0,
  breaker: 'closed',
  openUntil: null,
  probeWait: 0,
  probeSuccesses: 0,
  slowStart: null,
  pausedUntil: null,
} as const;

/**
 * Takes an active endpoint out of service, tells of it and holds what is unfinished. Needs ownEndpointStates.
 * @returns false when it was not active any more
 */
export async function disable(tx: Tx, outbox: Outbox, lane: Lane, reason: DisableReason): Promise<boolean> {
  const [[endpoint]] = await tx.query<[EndpointView[], number]>(
    `UPDATE webhook_endpoint SET status = 'disabled', disabled_reason = $3, breaker = 'closed', open_until = NULL,
       slow_start = NULL, paused_until = NULL, updated_at = now()
     WHERE organization_id = $1 AND id = $2 AND status = 'active' AND deleted_at IS NULL RETURNING ${VIEW}`,
    [lane.organizationId, lane.endpointId, reason],
  );
  if (!endpoint) return false;
  await holdUnfinished(tx, lane);
  await outbox.append(tx, {
    type: 'webhook.endpoint.disabled',
    author: systemAuthor(lane.organizationId),
    conversationId: null,
    channelId: null,
    subject: { ...endpoint, disableAt: null },
    changes: { status: { before: 'active', after: 'disabled' }, disabledReason: { before: null, after: reason } },
  });
  return true;
}

/** Says that an endpoint is failing, once for each of the `told` stages that have passed. @returns whether it was said now */
export async function tellFailing(tx: Tx, outbox: Outbox, lane: Lane, told: number): Promise<boolean> {
  const [[endpoint]] = await tx.query<[EndpointView[], number]>(
    `UPDATE webhook_endpoint SET failing_told = $3
     WHERE organization_id = $1 AND id = $2 AND status = 'active' AND deleted_at IS NULL
       AND first_failure_at IS NOT NULL AND failing_told < $3 RETURNING ${VIEW}`,
    [lane.organizationId, lane.endpointId, told],
  );
  if (!endpoint) return false;
  await outbox.append(tx, {
    type: 'webhook.endpoint.failing',
    author: systemAuthor(lane.organizationId),
    conversationId: null,
    channelId: null,
    subject: { ...endpoint, disableAt: disableAt(endpoint.failingSince) },
  });
  return true;
}

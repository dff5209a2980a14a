import { queryPrepared, type Prepared, type Tx } from '@hub/model/database.js';

/**
 * Whose turn it is. Of the deliveries of one endpoint and order key (a conversation) that are not finished and not out
 * of band, the one with the lowest position is pending, leased or held and all the others are blocked or held. Whoever inserts,
 * finishes or moves deliveries holds the locks below from before its first look at them until its commit.
 */

/** First keys of the advisory locks; the second is a bucket, so that the lock table cannot overflow. */
const ENDPOINT_STATE = 0x5_0b01;
const ORDER = 0x5_0b02;
const BUCKETS = 1024;

/**
 * The statuses of deliveries that have not ended, all in one partition: statements that name them touch no other. A row
 * that is known by its key is looked for in all of them: for one alone the planner may read that status' partial index.
 */
export const UNFINISHED = `'blocked','pending','leased','held'`;

/** One endpoint of one organization. */
export interface Lane {
  readonly organizationId: string;
  readonly endpointId: string;
  /** Whether it has a rate limit, rests, or is being probed; absent where that was not asked. */
  readonly guarded?: boolean;
}

/** The statuses of endpoints in these organizations do not change until the transaction ends. */
export async function shareEndpointStates(tx: Tx, organizationIds: readonly string[]): Promise<void> {
  await queryPrepared(tx, SHARE_STATES, [organizationIds]);
}

/** Nobody else inserts, finishes or moves deliveries of this organization until the transaction ends. */
export async function ownEndpointStates(tx: Tx, organizationIds: readonly string[]): Promise<void> {
  await tx.query(`SELECT pg_advisory_xact_lock(${ENDPOINT_STATE}, bucket) FROM ${BUCKETS_OF_KEYS}`, [organizationIds]);
}

/** After {@link shareEndpointStates}, never before it. */
export async function lockOrder(tx: Tx, orderKeys: readonly string[]): Promise<void> {
  await queryPrepared(tx, LOCK_ORDER, [orderKeys]);
}

/** Buckets in ascending order, so that no two transactions wait for each other. */
const BUCKETS_OF_KEYS = `(SELECT DISTINCT hashtext(k) & ${BUCKETS - 1} AS bucket FROM unnest($1::text[]) AS k ORDER BY bucket) AS b`;
const SHARE_STATES: Prepared = {
  name: 'webhook-share-states',
  text: `SELECT pg_advisory_xact_lock_shared(${ENDPOINT_STATE}, bucket) FROM ${BUCKETS_OF_KEYS}`,
};
const LOCK_ORDER: Prepared = {
  name: 'webhook-lock-order',
  text: `SELECT pg_advisory_xact_lock(${ORDER}, bucket) FROM ${BUCKETS_OF_KEYS}`,
};

export interface OrderKey extends Lane {
  readonly orderKey: string;
}

const ACTIVATE: Prepared = {
  name: 'webhook-activate',
  text: `
     WITH head AS (
       SELECT h.id
       FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])) AS k(organization_id, endpoint_id, order_key)
       CROSS JOIN LATERAL (
         SELECT d.id, d.status FROM webhook_delivery d
         WHERE d.organization_id = k.organization_id AND d.endpoint_id = k.endpoint_id AND d.order_key = k.order_key
           AND d.status IN (${UNFINISHED}) AND NOT d.out_of_band
         ORDER BY d.position LIMIT 1) AS h
       WHERE h.status = 'blocked'
     ), activated AS (
       UPDATE webhook_delivery d SET status = 'pending', next_attempt_at = now()
       WHERE d.organization_id = ANY ($1::uuid[]) AND d.id = ANY (ARRAY(SELECT id FROM head)) AND d.status IN ('blocked','held')
       RETURNING d.organization_id, d.endpoint_id
     )
     SELECT DISTINCT organization_id AS "organizationId", endpoint_id AS "endpointId" FROM activated`,
};

/**
 * Where the first unfinished delivery of a key is blocked, makes it due now.
 * @returns the lanes that have got something to do
 */
export async function activateHeads(tx: Tx, keys: readonly OrderKey[]): Promise<Lane[]> {
  if (keys.length === 0) return [];
  return queryPrepared<Lane>(tx, ACTIVATE, [
    keys.map((key) => key.organizationId),
    keys.map((key) => key.endpointId),
    keys.map((key) => key.orderKey),
  ]);
}

/* The four below need ownEndpointStates. What is leased at that moment follows when its attempt ends. The first three
   move so many at once and leave the rest to the sweeper, so that no backlog is too long for one transaction: an
   endpoint that is not active gets nothing, whatever its deliveries are called. */

const AT_ONCE = 2_000;

/** Nothing is sent to the endpoint any more, nothing is lost. */
export const holdUnfinished = (tx: Tx, lane: Lane): Promise<boolean> =>
  moveSome(tx, lane, `'blocked','pending'`, `status = 'held'`);

export const cancelUnfinished = (tx: Tx, lane: Lane): Promise<boolean> =>
  moveSome(tx, lane, `'blocked','pending','held'`, `status = 'cancelled', finished_at = now()`);

/** What was held is delivered after all, each conversation in its order. @returns whether there may be more */
export async function releaseHeld(tx: Tx, lane: Lane): Promise<boolean> {
  const released = await tx.query<OrderKey[]>(
    `WITH oldest AS (
       SELECT id FROM webhook_delivery WHERE organization_id = $1 AND endpoint_id = $2 AND status = 'held'
       ORDER BY id LIMIT ${AT_ONCE} FOR UPDATE
     ), released AS (
       UPDATE webhook_delivery d SET status = CASE WHEN out_of_band THEN 'pending' ELSE 'blocked' END, next_attempt_at = now()
       FROM oldest WHERE d.organization_id = $1 AND d.id = oldest.id AND d.status = 'held' RETURNING d.order_key
     )
     SELECT $1::uuid AS "organizationId", $2::uuid AS "endpointId", order_key AS "orderKey" FROM released`,
    [lane.organizationId, lane.endpointId],
  );
  await activateHeads(tx, released);
  return released.length === AT_ONCE;
}

/** The endpoint has given up ordering: whatever waits for a predecessor may go. */
export async function dropOrder(tx: Tx, lane: Lane): Promise<void> {
  await tx.query(
    `UPDATE webhook_delivery SET out_of_band = true,
       status = CASE WHEN status = 'blocked' THEN 'pending' ELSE status END
     WHERE organization_id = $1 AND endpoint_id = $2 AND status IN (${UNFINISHED})`,
    [lane.organizationId, lane.endpointId],
  );
}

async function moveSome(tx: Tx, lane: Lane, from: string, set: string): Promise<boolean> {
  const [, moved] = await tx.query<[unknown[], number]>(
    `UPDATE webhook_delivery d SET ${set}
     WHERE d.organization_id = $1 AND d.status IN (${from}) AND d.id = ANY (ARRAY(
       SELECT id FROM webhook_delivery WHERE organization_id = $1 AND endpoint_id = $2 AND status IN (${from})
       LIMIT ${AT_ONCE}))`,
    [lane.organizationId, lane.endpointId],
  );
  return moved === AT_ONCE;
}

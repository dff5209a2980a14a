import type { Prepared } from '@hub/model/database.js';
import type { Statement } from '@hub/model/held-commit.js';

/** A request's hold on its key. */
export interface Claim {
  readonly organizationId: string;
  readonly principal: string;
  readonly key: string;
  readonly hash: Buffer;
  /** Of this one attempt: what fences it from whoever takes over. */
  readonly owner: string;
}

/** How long a process that has died keeps others from trying again. */
export const LEASE_SECONDS = 9;
const KEPT_HOURS = 24;
const LEASE = `clock_timestamp() + interval '${LEASE_SECONDS} seconds'`;
const EXPIRY = `clock_timestamp() + interval '${KEPT_HOURS} hours'`;
const ROW = `organization_id = $1 AND principal = $2 AND key = $3`;

const row = ({ organizationId, principal, key }: Claim): unknown[] => [organizationId, principal, key];
export const claimValues = (claim: Claim): unknown[] => [...row(claim), claim.hash, claim.owner];
export const lookValues = (claim: Claim): unknown[] => [...row(claim), claim.hash];
export const takeOverValues = (claim: Claim, from: string): unknown[] => [...claimValues(claim), from];
export const ownValues = (claim: Claim): unknown[] => [...row(claim), claim.owner];

/**
 * Need not be on the disk when it is answered: what commits under it later takes it along, and if the server falls
 * before that, nothing has happened.
 */
export const CLAIM: Prepared = {
  name: 'idempotency-claim',
  text: `
    WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO idempotency_key (organization_id, principal, key, request_hash, owner, state, leased_until, expires_at)
    SELECT $1::uuid, $2, $3, $4::bytea, $5::uuid, 'running', ${LEASE}, ${EXPIRY} FROM lazily
    ON CONFLICT DO NOTHING RETURNING owner`,
};

export const LOOK: Prepared = {
  name: 'idempotency-look',
  text: `
    SELECT state, request_hash = $4 AS same, expires_at <= clock_timestamp() AS expired,
      leased_until > clock_timestamp() AS leased, owner, status, content_type AS "contentType", answer
    FROM idempotency_key WHERE ${ROW}`,
};

/** Waits for an owner that is just about to commit, and then finds that there is nothing to take over. */
export const TAKE_OVER: Prepared = {
  name: 'idempotency-take-over',
  text: `
    UPDATE idempotency_key SET request_hash = $4, owner = $5, state = 'running', leased_until = ${LEASE},
      status = NULL, content_type = NULL, answer = NULL, created_at = clock_timestamp(), expires_at = ${EXPIRY}
    WHERE ${ROW} AND owner = $6
      AND (expires_at <= clock_timestamp() OR (state = 'running' AND leased_until <= clock_timestamp()))
    RETURNING owner`,
};

export const RENEW: Prepared = {
  name: 'idempotency-renew',
  text: `UPDATE idempotency_key SET leased_until = ${LEASE} WHERE ${ROW} AND owner = $4 AND state <> 'done'`,
};

/** Nothing has happened: whoever comes with the key next is the first. */
export const RELEASE: Prepared = {
  name: 'idempotency-release',
  text: `DELETE FROM idempotency_key WHERE ${ROW} AND owner = $4 AND state = 'running'`,
};

export const PURGE: Prepared = {
  name: 'idempotency-purge',
  text: `
    DELETE FROM idempotency_key WHERE (organization_id, principal, key) IN (
      SELECT organization_id, principal, key FROM idempotency_key
      WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1`,
};

const KEEP = `
  WITH kept AS (
    UPDATE idempotency_key SET state = 'done', status = $5, content_type = $6, answer = $7
    WHERE ${ROW} AND owner = $4 RETURNING 1
  )
  SELECT 1 / count(*) FROM kept`; // an error, which takes the effect with it, when another owner has taken over

/** Ends the effect's transaction; it refuses when the claim has been lost. */
export const keep = (claim: Claim, answer: { status: number; contentType: string; body: string }): Statement => ({
  name: 'idempotency-keep',
  text: KEEP,
  values: [...ownValues(claim), answer.status, answer.contentType, answer.body],
});

const INTERRUPT = `
  WITH begun AS (UPDATE idempotency_key SET state = 'begun' WHERE ${ROW} AND owner = $4 RETURNING 1)
  SELECT 1 / count(*) FROM begun`;

/** As {@link keep}, when something outside the database comes between the effect and its answer. */
export const interrupt = (claim: Claim): Statement => ({
  name: 'idempotency-interrupt',
  text: INTERRUPT,
  values: ownValues(claim),
});

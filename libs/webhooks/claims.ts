import { Injectable } from '@nestjs/common';
import { Database, type Prepared } from '@hub/model/database.js';
import type { DeliveryStatus, EndpointConfig, EndpointKeyPair, EndpointSecret } from '@hub/model/webhook.entity.js';
import type { Lane, OrderKey } from './delivery-order.js';

export type Trigger = 'auto' | 'manual' | 'test';

/** A delivery that this process has leased, its attempt already written down, and all that sending it takes. */
export interface Claim extends OrderKey {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  /** Attempts of the schedule that were made before this one. */
  readonly attemptNo: number;
  /** This attempt's number, from 1, by hand or not. */
  readonly attempts: number;
  readonly resumeStatus: DeliveryStatus | null;
  readonly leaseToken: string;
  readonly attemptId: string;
  readonly trigger: Trigger;
  /** An invented event: it counts for nothing, whoever sends it again. */
  readonly isTest: boolean;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly EndpointSecret[];
  readonly keyPair: EndpointKeyPair | null;
  readonly config: EndpointConfig;
  readonly body: string;
  /** Milliseconds from the event to the claim, and the Unix time of the claim in milliseconds: the database's clock. */
  readonly eventAgeMs: number;
  readonly claimedAtMs: number;
}

/** Seconds by which a lease outlives its attempt's time limit. */
const LEASE_MARGIN = 15;
const LEASE = `now() + make_interval(secs => coalesce((e.config->>'timeout')::int, 15) + ${LEASE_MARGIN})`;

const START = (trigger: string): string => `
  attempt AS (
    INSERT INTO webhook_attempt (organization_id, id, delivery_id, n, trigger, lease_token, started_at, outcome)
    SELECT organization_id, gen_random_uuid(), id, attempts, ${trigger}, lease_token, now(), 'open' FROM leased
    RETURNING id, delivery_id
  )
  SELECT d.organization_id AS "organizationId", d.endpoint_id AS "endpointId", d.order_key AS "orderKey", d.id,
    d.event_id AS "eventId", d.event_type AS "eventType", d.attempt_no AS "attemptNo", d.attempts,
    d.resume_status AS "resumeStatus", d.lease_token AS "leaseToken", a.id AS "attemptId", ${trigger} AS trigger,
    d.test_body IS NOT NULL AS "isTest",
    e.url, e.headers, e.secrets, e.key_pair AS "keyPair", e.config, coalesce(d.test_body, ev.body) AS body,
    (extract(epoch FROM clock_timestamp() - coalesce(ev.created_at, d.created_at)) * 1000)::float8 AS "eventAgeMs",
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "claimedAtMs"
  FROM leased d
  JOIN attempt a ON a.delivery_id = d.id
  JOIN webhook_endpoint e ON e.organization_id = d.organization_id AND e.id = d.endpoint_id
  LEFT JOIN LATERAL (
    SELECT ev.body, ev.created_at FROM event ev
    WHERE ev.organization_id = d.organization_id AND ev.id = d.event_id OFFSET 0) AS ev ON true`;

const TAKE = `status = 'leased', lease_token = gen_random_uuid(), lease_until = ${LEASE}, attempts = d.attempts + 1,
  first_attempt_at = coalesce(d.first_attempt_at, now()), last_attempt_at = now()`;

const CLAIM_DUE: Prepared = {
  name: 'webhook-claim-due',
  text: `
    WITH e AS (
      SELECT * FROM webhook_endpoint
      WHERE organization_id = $1 AND id = $2 AND status = 'active' AND deleted_at IS NULL
    ), due AS (
      SELECT d.id FROM webhook_delivery d
      WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending' AND d.next_attempt_at <= now()
        AND EXISTS (SELECT FROM e)
      ORDER BY d.priority, d.next_attempt_at LIMIT $3
      FOR UPDATE OF d SKIP LOCKED
    ), leased AS (
      UPDATE webhook_delivery d SET ${TAKE} FROM e
      WHERE d.organization_id = $1 AND d.id = ANY (ARRAY(SELECT id FROM due)) RETURNING d.*
    ), ${START(`'auto'::text`)}`,
};

const CLAIM_ONE: Prepared = {
  name: 'webhook-claim-one',
  goesOn: true,
  text: `
    WITH leased AS (
      UPDATE webhook_delivery d SET ${TAKE}, resume_status = d.status
      FROM webhook_endpoint e
      WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.id = $3 AND d.status <> 'leased'
        AND e.organization_id = d.organization_id AND e.id = d.endpoint_id AND e.deleted_at IS NULL
      RETURNING d.*
    ), ${START(`'manual'::text`)}`,
};

const CLAIM_TEST: Prepared = {
  name: 'webhook-claim-test',
  goesOn: true,
  text: `
    WITH leased AS (
      INSERT INTO webhook_delivery AS d (organization_id, id, endpoint_id, event_id, event_type, order_key, sequence,
        position, status, resume_status, test_body, out_of_band, next_attempt_at, attempts, lease_token, lease_until,
        first_attempt_at, last_attempt_at)
      SELECT e.organization_id, $3, e.id, $4, $5, $6, 0, 0, 'leased', 'exhausted', $7, true, now(), 1,
        gen_random_uuid(), ${LEASE}, now(), now()
      FROM webhook_endpoint e WHERE e.organization_id = $1 AND e.id = $2 AND e.deleted_at IS NULL
      RETURNING d.*
    ), ${START(`'test'::text`)}`,
};

/**
 * Takes deliveries for sending. The lease and the attempt's row, outcome `open`, are one commit, so that whatever a
 * subscriber receives has been written down before. A lease runs on the database's clock and lasts until
 * {@link LEASE_MARGIN} seconds after the attempt's time limit; the sweeper ends the others.
 */
@Injectable()
export class Claims {
  constructor(private readonly db: Database) {}

  /** What is due for one endpoint, while it is active. */
  claimDue({ organizationId, endpointId }: Lane, limit: number): Promise<Claim[]> {
    return this.db.prepared<Claim>(organizationId, CLAIM_DUE, [organizationId, endpointId, limit]);
  }

  /** Any delivery that is not leased, whatever has become of it and of its endpoint. @returns null when it is leased or gone */
  async claimByHand({ organizationId, endpointId }: Lane, id: string): Promise<Claim | null> {
    const [claim] = await this.db.prepared<Claim>(organizationId, CLAIM_ONE, [organizationId, endpointId, id]);
    return claim ?? null;
  }

  /** A delivery of its own, outside the event log and outside every order. @returns null when the endpoint is gone */
  async claimTest({ organizationId, endpointId }: Lane, test: TestDelivery): Promise<Claim | null> {
    const values = [organizationId, endpointId, test.id, test.eventId, test.eventType, test.subjectId, test.body];
    const [claim] = await this.db.prepared<Claim>(organizationId, CLAIM_TEST, values);
    return claim ?? null;
  }
}

export interface TestDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly subjectId: string;
  readonly body: string;
}

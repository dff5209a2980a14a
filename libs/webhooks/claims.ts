import { Injectable } from '@nestjs/common';
import { Database, type Prepared } from '@hub/model/database.js';
import type {
  AttemptTrigger,
  DeliveryStatus,
  EndpointConfig,
  EndpointKeyPair,
  EndpointSecret,
} from '@hub/model/webhook.entity.js';
import { UNFINISHED, type Lane, type OrderKey } from './delivery-order.js';

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
  readonly trigger: AttemptTrigger;
  /** An invented event: it counts for nothing, whoever sends it again. */
  readonly isTest: boolean;
  /** To be sent without its attributes. */
  readonly thin: boolean;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly EndpointSecret[];
  readonly keyPair: EndpointKeyPair | null;
  readonly config: EndpointConfig;
  readonly body: string;
  /** The W3C traceparent of the request behind the event. */
  readonly trace: string | null;
  /** Milliseconds since the schedule's first attempt, this one included. */
  readonly scheduleAgeMs: number;
  /** Milliseconds from the event to the claim, and the Unix time of the claim in milliseconds: the database's clock. */
  readonly eventAgeMs: number;
  readonly claimedAtMs: number;
}

/** How many deliveries a claim may take: in all, and of them replays. */
export interface Room {
  readonly slots: number;
  readonly replays: number;
}

/** Seconds by which a lease outlives its attempt's time limit. */
const LEASE_MARGIN = 15;
const LEASE_SECONDS = `coalesce((e.config->>'timeout')::int, 15) + ${LEASE_MARGIN}`;
export const DEFAULT_CONCURRENCY = 10;
const CONCURRENCY = `coalesce((e.config->>'concurrency')::int, ${DEFAULT_CONCURRENCY})`;

const START = (trigger: string): string => `
  attempt AS (
    INSERT INTO webhook_attempt (organization_id, id, delivery_id, n, trigger, lease_token, started_at, outcome)
    SELECT d.organization_id, d.last_attempt_id, d.id, d.attempts, ${trigger}, d.lease_token, now(), 'open' FROM leased d
  )
  SELECT d.organization_id AS "organizationId", d.endpoint_id AS "endpointId", d.order_key AS "orderKey", d.id,
    d.event_id AS "eventId", d.event_type AS "eventType", d.attempt_no AS "attemptNo", d.attempts,
    d.resume_status AS "resumeStatus", d.lease_token AS "leaseToken", d.last_attempt_id AS "attemptId",
    ${trigger} AS trigger, d.test_body IS NOT NULL AS "isTest", d.thin,
    e.url, e.headers, e.secrets, e.key_pair AS "keyPair", e.config, coalesce(d.test_body, ev.body) AS body, ev.trace,
    (extract(epoch FROM clock_timestamp() - d.first_attempt_at) * 1000)::float8 AS "scheduleAgeMs",
    (extract(epoch FROM clock_timestamp() - coalesce(ev.created_at, d.created_at)) * 1000)::float8 AS "eventAgeMs",
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "claimedAtMs"
  FROM leased d
  JOIN webhook_endpoint e ON e.organization_id = d.organization_id AND e.id = d.endpoint_id
  LEFT JOIN LATERAL (
    SELECT ev.body, ev.trace, ev.created_at FROM event ev
    WHERE ev.organization_id = d.organization_id AND ev.id = d.event_id OFFSET 0) AS ev ON true`;

const TAKE = `status = 'leased', lease_token = gen_random_uuid(), lease_until = now() + make_interval(secs => ${LEASE_SECONDS}),
  last_attempt_id = uuid_v7(), attempts = d.attempts + 1,
  first_attempt_at = coalesce(d.first_attempt_at, now()), last_attempt_at = now()`;

/** The due deliveries of the lane, live ones first, so many as `room` says. */
const LEASE_DUE = (room: string): string => `
  live AS (
    SELECT d.id FROM webhook_delivery d
    WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending' AND d.priority = 0
      AND d.next_attempt_at <= now() AND EXISTS (SELECT FROM e)
    ORDER BY d.next_attempt_at LIMIT coalesce((${room}), 0)
    FOR UPDATE OF d SKIP LOCKED
  ), replay AS (
    SELECT d.id FROM webhook_delivery d
    WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending' AND d.priority = 1
      AND d.next_attempt_at <= now() AND EXISTS (SELECT FROM e)
    ORDER BY d.next_attempt_at LIMIT greatest(0, least($4, coalesce((${room}), 0) - (SELECT count(*) FROM live)))
    FOR UPDATE OF d SKIP LOCKED
  ), leased AS (
    UPDATE webhook_delivery d SET ${TAKE} FROM e
    WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.status IN (${UNFINISHED})
      AND d.id = ANY (ARRAY(SELECT id FROM live UNION ALL SELECT id FROM replay)) RETURNING d.*
  )`;

const CLAIM_DUE: Prepared = {
  name: 'webhook-claim-due',
  text: `
    WITH e AS (
      SELECT * FROM webhook_endpoint
      WHERE organization_id = $1 AND id = $2 AND status = 'active' AND deleted_at IS NULL AND NOT guarded
    ), ${LEASE_DUE(`SELECT least($3::int, ${CONCURRENCY}) FROM e`)},
    ${START(`CASE d.priority WHEN 1 THEN 'replay' ELSE 'auto' END`)}`,
};

/**
 * The same with the endpoint's row locked, so that all processes together keep to its rate, its rests and its probes.
 * The bucket holds the tokens of one second, at least one, and is kept as the time at which it will be full again.
 */
const CLAIM_GUARDED: Prepared = {
  name: 'webhook-claim-guarded',
  text: `
    WITH e AS (
      SELECT *, (config->>'rateLimit')::float8 AS rate FROM webhook_endpoint
      WHERE organization_id = $1 AND id = $2 AND status = 'active' AND deleted_at IS NULL
      FOR NO KEY UPDATE
    ), room AS (
      SELECT CASE
        WHEN e.paused_until > clock_timestamp() THEN 0
        WHEN e.breaker = 'open' THEN (e.open_until <= clock_timestamp())::int
        ELSE greatest(0, least($3::int, ${CONCURRENCY}, coalesce(e.slow_start - under_way.n, $3::int), coalesce(
          ceil(e.rate) - ceil(greatest(0, extract(epoch FROM e.next_token_at - clock_timestamp())) * e.rate), $3::int
        )::int)) END AS n
      FROM e CROSS JOIN (
        SELECT count(*)::int AS n FROM webhook_delivery d
        WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.status = 'leased') AS under_way
    ), ${LEASE_DUE('SELECT n FROM room')}, spent AS (
      UPDATE webhook_endpoint w SET
        next_token_at = greatest(w.next_token_at, clock_timestamp()) + make_interval(secs => taken.n / e.rate),
        open_until = CASE WHEN w.breaker = 'open' AND taken.n > 0
          THEN clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}) ELSE w.open_until END,
        paused_until = CASE WHEN w.paused_until > clock_timestamp() THEN w.paused_until END
      FROM e, (SELECT count(*) AS n FROM leased) AS taken
      WHERE w.organization_id = e.organization_id AND w.id = e.id AND (taken.n > 0 OR w.paused_until <= clock_timestamp())
    ),
    ${START(`CASE WHEN (SELECT breaker FROM e) = 'open' THEN 'probe' WHEN d.priority = 1 THEN 'replay' ELSE 'auto' END`)}`,
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
        position, status, resume_status, test_body, thin, out_of_band, next_attempt_at, attempts, lease_token,
        lease_until, last_attempt_id, first_attempt_at, last_attempt_at)
      SELECT e.organization_id, $3, e.id, $4, $5, $6, 0, 0, 'leased', 'exhausted', $7,
        coalesce(e.config->>'payload', 'full') = 'thin', true, now(), 1, gen_random_uuid(),
        now() + make_interval(secs => ${LEASE_SECONDS}), uuid_v7(), now(), now()
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

  /**
   * What is due for one endpoint, while it is active.
   * @param guarded false: nothing is taken from an endpoint that has a rate limit, rests, or is being probed
   */
  claimDue({ organizationId, endpointId }: Lane, room: Room, guarded: boolean): Promise<Claim[]> {
    const values = [organizationId, endpointId, room.slots, room.replays];
    return this.db.prepared<Claim>(organizationId, guarded ? CLAIM_GUARDED : CLAIM_DUE, values);
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

import { Inject, Injectable } from '@nestjs/common';
import { Outbox } from '@hub/events/outbox.js';
import { Database, isUnavailable, queryPrepared, sqlState, type Prepared, type Tx } from '@hub/model/database.js';
import { settled } from '@hub/model/pipeline.js';
import type { DeliveryStatus } from '@hub/model/webhook.entity.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import {
  activateHeads,
  lockOrder,
  ownEndpointStates,
  shareEndpointStates,
  UNFINISHED,
  type Lane,
} from './delivery-order.js';
import { disable } from './endpoint-states.js';
import { DEFAULT_CONCURRENCY } from './claims.js';
import { EngineMetrics } from './engine-metrics.js';
import type { AttemptResult } from './sender.js';

const BATCH = 100;
const RETRY_MS = 250;
/** The statement took too long: it may have had to wait for somebody who is stopped. */
const CANCELED = '57014';
/** A lease outlives its attempt by this much; after that the sweeper has taken the delivery back. */
const GIVE_UP_MS = 15_000;

/** What became of a delivery; null when its lease had gone to another attempt and the result counts for nothing. */
export interface Settled {
  readonly status: DeliveryStatus | null;
}

interface Waiting {
  readonly result: AttemptResult;
  readonly until: number;
  readonly resolve: (lanes: readonly Lane[]) => void;
}

/**
 * Writes down how attempts ended: the attempt, the delivery (fenced by the lease's token), the endpoint's counters,
 * and whose turn it is next, in one commit. What need not wait for an answer goes out in one flight.
 */
@Injectable()
export class Settlement {
  private readonly waiting: Waiting[] = [];
  private flushing = false;

  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly metrics: EngineMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * For the lanes: whatever ends while one commit is under way goes into the next. Kept and tried again while the
   * database is away, until the lease has ended. Never rejects.
   * @returns the lanes that have got something to do
   */
  settle(result: AttemptResult): Promise<readonly Lane[]> {
    return new Promise((resolve) => {
      this.waiting.push({ result, until: performance.now() + GIVE_UP_MS, resolve });
      if (!this.flushing) void this.flush();
    });
  }

  private async flush(): Promise<void> {
    this.flushing = true;
    while (this.waiting.length > 0) await this.flushBatch(this.waiting.splice(0, BATCH));
    this.flushing = false;
  }

  private async flushBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const { lanes } = await this.settleNow(batch.map(({ result }) => result));
      for (const { result, resolve } of batch) {
        resolve(lanes.filter(({ endpointId }) => endpointId === result.claim.endpointId));
      }
    } catch (error) {
      if (!isUnavailable(error) && sqlState(error) !== CANCELED && batch.length > 1) {
        for (const one of batch) await this.flushBatch([one]);
        return;
      }
      this.logger.warn({ error: String(error), results: batch.length }, 'delivery.not_settled');
      const passes = isUnavailable(error) || sqlState(error) === CANCELED;
      const kept = passes ? batch.filter(({ until }) => until > performance.now()) : [];
      for (const lost of batch.filter((one) => !kept.includes(one))) lost.resolve([]);
      this.waiting.unshift(...kept);
      if (kept.length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** @returns what became of each, in the order given */
  async settleNow(results: readonly AttemptResult[]): Promise<{ settled: Settled[]; lanes: Lane[] }> {
    const organizations = [...new Set(results.map(({ claim }) => claim.organizationId))];
    const done = await this.db.system('lanes', async (tx) => {
      const disabling = results.filter(({ verdict }) => verdict.disable);
      const orderKeys = results.map(({ claim }) => claim.orderKey);
      const [, , , moved] = await settled([
        queryPrepared(tx, BY_KEY, []),
        (disabling.length > 0 ? ownEndpointStates : shareEndpointStates)(tx, organizations),
        lockOrder(tx, orderKeys),
        this.finish(tx, results),
      ]);
      const applied = results.filter(({ claim }) => moved.has(claim.id));
      const ended = applied.filter(({ claim }) => moved.get(claim.id) !== 'pending').map(({ claim }) => claim);
      const counted = this.count(tx, applied, moved);
      if (disabling.length > 0) await counted;
      for (const result of disabling.filter(({ claim }) => moved.has(claim.id))) await this.disable(tx, result);
      const [, lanes] = await settled([counted, activateHeads(tx, ended)]);
      return { settled: results.map(({ claim }) => ({ status: moved.get(claim.id) ?? null })), lanes };
    });
    this.metrics.settled(results.map(({ outcome }, i) => ({ outcome, counts: done.settled[i]?.status !== null })));
    return done;
  }

  /** @returns the new status of each delivery whose lease was still this attempt's */
  private async finish(tx: Tx, results: readonly AttemptResult[]): Promise<Map<string, DeliveryStatus>> {
    const rows = await queryPrepared<{ id: string; status: DeliveryStatus }>(tx, FINISH, [
      JSON.stringify(
        results.map(({ claim, verdict, ...result }) => ({
          organization_id: claim.organizationId,
          id: claim.id,
          attempt_id: claim.attemptId,
          lease_token: claim.leaseToken,
          trigger: claim.trigger,
          verdict: verdict.kind,
          retry_ms: verdict.kind === 'retry' ? verdict.inMs : null,
          outcome: result.outcome,
          status_code: result.statusCode,
          duration_ms: result.durationMs,
          request_headers: result.requestHeaders,
          response_body: result.responseBody,
          response_truncated: result.responseTruncated,
          error: result.error,
        })),
      ),
      results.length,
      [...new Set(results.map(({ claim }) => claim.organizationId))],
      results.map(({ claim }) => claim.id),
      results.map(({ claim }) => claim.attemptId),
    ]);
    return new Map(rows.map(({ id, status }) => [id, status]));
  }

  /** Tests count for nothing; an interrupted attempt says nothing about the endpoint. */
  private async count(tx: Tx, results: readonly AttemptResult[], moved: Map<string, DeliveryStatus>): Promise<void> {
    const tallies = new Map<string, Tally>();
    for (const { claim, outcome, verdict, durationMs } of results) {
      if (claim.isTest) continue;
      const { organizationId, endpointId } = claim;
      const tally = tallies.get(endpointId) ?? newTally(organizationId, endpointId);
      tallies.set(endpointId, tally);
      const turned = (status: DeliveryStatus): number =>
        Number(moved.get(claim.id) === status) - Number(claim.resumeStatus === status);
      if (claim.attempts === 1) tally.total += 1;
      if (outcome === 'interrupted') continue;
      tally.attempts += 1;
      tally.pause_ms = Math.max(tally.pause_ms, verdict.pauseMs ?? 0);
      tally.succeeded += turned('succeeded');
      tally.failed += turned('exhausted');
      if (turned('succeeded') > 0) tally.latency_ms += durationMs ?? 0;
      if (verdict.kind === 'succeeded') {
        tally.answered += 1;
        tally.answered_ms += durationMs ?? 0;
        tally.failures = 0;
      } else tally.failures += 1;
      tally.probe_failed ||= claim.trigger === 'probe' && verdict.kind !== 'succeeded';
    }
    if (tallies.size > 0) await queryPrepared(tx, COUNT, [JSON.stringify([...tallies.values()])]);
  }

  private async disable(tx: Tx, { claim, verdict }: AttemptResult): Promise<void> {
    const reason = verdict.disable ?? 'requested';
    const line = { organization: claim.organizationId, endpoint: claim.endpointId, reason };
    if (await disable(tx, this.outbox, claim, reason)) this.logger.warn(line, 'webhook.disabled');
  }
}

interface Tally {
  readonly organization_id: string;
  readonly endpoint_id: string;
  total: number;
  succeeded: number;
  failed: number;
  latency_ms: number;
  attempts: number;
  /** Attempts that succeeded, and their milliseconds. */
  answered: number;
  answered_ms: number;
  /** Since the last success among these. */
  failures: number;
  probe_failed: boolean;
  pause_ms: number;
}

const newTally = (organization_id: string, endpoint_id: string): Tally => ({
  organization_id,
  endpoint_id,
  total: 0,
  succeeded: 0,
  failed: 0,
  latency_ms: 0,
  attempts: 0,
  answered: 0,
  answered_ms: 0,
  failures: 0,
  probe_failed: false,
  pause_ms: 0,
});

/** Every row here is found by its key. Says so to the planner, which would scan while it has no statistics of a table. */
const BY_KEY: Prepared = {
  name: 'webhook-by-key',
  text: `SELECT set_config(name, 'off', true) FROM unnest('{enable_seqscan,enable_hashjoin,enable_mergejoin}'::text[]) AS name`,
};

const FINISH: Prepared = {
  name: 'webhook-finish',
  text: `
  WITH r AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(organization_id uuid, id uuid, attempt_id uuid, lease_token uuid,
      trigger text, verdict text, retry_ms float8, outcome text, status_code int, duration_ms int, request_headers jsonb,
      response_body text, response_truncated boolean, error text)
    LIMIT $2 -- tells the planner how few there are
  ), next AS (
    SELECT r.*, CASE
      WHEN r.verdict = 'succeeded' THEN 'succeeded'
      WHEN d.resume_status IN ('succeeded','exhausted','cancelled') THEN d.resume_status
      WHEN e.deleted_at IS NOT NULL THEN 'cancelled'
      WHEN d.resume_status IS NULL AND r.verdict IN ('exhausted','cancelled') THEN r.verdict
      WHEN e.status <> 'active' THEN 'held'
      WHEN d.resume_status IN ('blocked','held') AND NOT d.out_of_band THEN 'blocked'
      ELSE 'pending' END AS status
    FROM r
    CROSS JOIN LATERAL (
      SELECT d.* FROM webhook_delivery d
      WHERE d.organization_id = r.organization_id AND d.id = r.id AND d.status IN (${UNFINISHED})
        AND d.lease_token = r.lease_token OFFSET 0) AS d
    CROSS JOIN LATERAL (
      SELECT e.* FROM webhook_endpoint e
      WHERE e.organization_id = d.organization_id AND e.id = d.endpoint_id OFFSET 0) AS e
  ), moved AS (
    UPDATE webhook_delivery d SET status = next.status, resume_status = NULL, lease_token = NULL, lease_until = NULL,
      attempt_no = d.attempt_no + (next.trigger <> 'manual' AND next.outcome <> 'interrupted')::int,
      next_attempt_at = CASE WHEN next.trigger <> 'manual' AND next.verdict = 'retry'
        THEN now() + next.retry_ms * interval '1 millisecond' ELSE d.next_attempt_at END,
      last_status_code = next.status_code, last_error = next.error,
      finished_at = CASE WHEN next.status IN ('succeeded','exhausted','cancelled') THEN coalesce(d.finished_at, now()) END
    FROM next
    WHERE d.organization_id = ANY ($3::uuid[]) AND d.id = ANY ($4::uuid[]) AND d.status IN (${UNFINISHED})
      AND d.organization_id = next.organization_id AND d.id = next.id AND d.lease_token = next.lease_token
    RETURNING d.id, d.status
  ), written AS (
    UPDATE webhook_attempt a SET ended_at = now(), status_code = r.status_code, duration_ms = r.duration_ms,
      outcome = CASE WHEN moved.id IS NULL THEN 'superseded' ELSE r.outcome END,
      request_headers = r.request_headers, response_body = r.response_body,
      response_truncated = r.response_truncated, error = r.error
    FROM r LEFT JOIN moved ON moved.id = r.id
    WHERE a.organization_id = ANY ($3::uuid[]) AND a.id = ANY ($5::uuid[])
      AND a.organization_id = r.organization_id AND a.id = r.attempt_id AND a.outcome IN ('open','interrupted')
      AND (moved.id IS NOT NULL OR r.outcome <> 'interrupted')
  )
  SELECT id, status FROM moved`,
};

/** The breaker opens after so many failures in a row over so long, and closes after so many probes that succeeded. */
const OPEN_AFTER = 5;
const OPEN_AFTER_SECONDS = 60;
const CLOSE_AFTER = 2;
/** Seconds before each probe; the last one again and again. */
const PROBE_WAITS = [30, 60, 120, 300, 600];
const NEXT_WAIT = `CASE ${PROBE_WAITS.slice(0, -1)
  .map((wait, i) => `WHEN e.probe_wait <= ${wait} THEN ${PROBE_WAITS[i + 1]}`)
  .join(' ')} ELSE ${PROBE_WAITS.at(-1)} END`;

/** What the attempts mean for their endpoints: figures, in all and by the hour; breaker, slow start and rest. */
const COUNT: Prepared = {
  name: 'webhook-count',
  text: `
  WITH t AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS t(organization_id uuid, endpoint_id uuid, total int, succeeded int,
      failed int, latency_ms bigint, attempts int, answered int, answered_ms bigint, failures int, probe_failed boolean,
      pause_ms float8)
  ), e AS (
    SELECT e.organization_id, e.breaker, e.probe_successes, e.probe_wait, e.slow_start, t.endpoint_id, t.total, t.succeeded,
      t.failed, t.latency_ms, t.answered, t.failures, t.probe_failed, t.pause_ms, CASE WHEN t.answered > 0 THEN 0 ELSE e.consecutive_failures END + t.failures AS failures_now,
      CASE WHEN t.failures = 0 AND t.answered = 0 THEN e.first_failure_at WHEN t.failures = 0 THEN NULL
        WHEN t.answered > 0 THEN now() ELSE coalesce(e.first_failure_at, now()) END AS failing_since,
      coalesce((e.config->>'concurrency')::int, ${DEFAULT_CONCURRENCY}) AS concurrency
    FROM webhook_endpoint e
    JOIN t ON t.organization_id = e.organization_id AND t.endpoint_id = e.id
    ORDER BY e.organization_id, e.id FOR NO KEY UPDATE OF e
  ), turn AS (
    SELECT e.*, CASE
      WHEN e.breaker = 'open' AND e.failures = 0 AND e.probe_successes + e.answered >= ${CLOSE_AFTER} THEN 'close'
      WHEN e.breaker = 'open' AND e.failures = 0 AND e.answered > 0 THEN 'probe again'
      WHEN e.breaker = 'open' AND e.probe_failed THEN 'wait longer'
      WHEN e.breaker = 'open' OR e.failures = 0 AND e.slow_start IS NULL THEN 'stay'
      WHEN e.failures > 0 AND (e.slow_start IS NOT NULL OR e.failures_now >= ${OPEN_AFTER}
        AND e.failing_since <= now() - interval '${OPEN_AFTER_SECONDS} seconds') THEN 'open'
      WHEN e.failures = 0 AND e.answered > 0 THEN 'speed up'
      ELSE 'stay' END AS turn
    FROM e
  ), hourly AS (
    INSERT INTO webhook_endpoint_stat AS s (organization_id, endpoint_id, hour, attempts, succeeded, failed, latency_ms)
    SELECT organization_id, endpoint_id, date_trunc('hour', now()), attempts, answered, attempts - answered, answered_ms FROM t
    ON CONFLICT (organization_id, endpoint_id, hour) DO UPDATE SET attempts = s.attempts + excluded.attempts,
      succeeded = s.succeeded + excluded.succeeded, failed = s.failed + excluded.failed,
      latency_ms = s.latency_ms + excluded.latency_ms
  )
  UPDATE webhook_endpoint w SET
    deliveries_total = w.deliveries_total + e.total,
    deliveries_succeeded = w.deliveries_succeeded + e.succeeded,
    deliveries_failed = w.deliveries_failed + e.failed,
    latency_total_ms = w.latency_total_ms + e.latency_ms,
    consecutive_failures = e.failures_now,
    first_failure_at = e.failing_since,
    failing_told = CASE WHEN e.answered > 0 THEN 0 ELSE w.failing_told END,
    last_success_at = CASE WHEN e.answered > 0 THEN now() ELSE w.last_success_at END,
    paused_until = CASE WHEN e.pause_ms > 0 THEN greatest(w.paused_until, now() + e.pause_ms * interval '1 millisecond')
      ELSE w.paused_until END,
    breaker = CASE e.turn WHEN 'open' THEN 'open' WHEN 'close' THEN 'closed' ELSE w.breaker END,
    open_until = CASE e.turn WHEN 'open' THEN now() + interval '${PROBE_WAITS[0]} seconds' WHEN 'close' THEN NULL
      WHEN 'probe again' THEN now() WHEN 'wait longer' THEN now() + make_interval(secs => ${NEXT_WAIT})
      ELSE w.open_until END,
    probe_wait = CASE e.turn WHEN 'open' THEN ${PROBE_WAITS[0]} WHEN 'close' THEN 0
      WHEN 'wait longer' THEN ${NEXT_WAIT} ELSE w.probe_wait END,
    probe_successes = CASE e.turn WHEN 'probe again' THEN e.probe_successes + e.answered
      WHEN 'stay' THEN w.probe_successes WHEN 'speed up' THEN w.probe_successes ELSE 0 END,
    slow_start = CASE e.turn WHEN 'close' THEN 1 WHEN 'open' THEN NULL
      WHEN 'speed up' THEN CASE WHEN e.slow_start * 2 < e.concurrency THEN e.slow_start * 2 END
      ELSE w.slow_start END
  FROM turn AS e
  WHERE w.organization_id = e.organization_id AND w.id = e.endpoint_id`,
};

import { Inject, Injectable } from '@nestjs/common';
import { appendAudit } from '@hub/events/audit.js';
import { systemAuthor } from '@hub/events/outbox.js';
import { Database, isUnavailable, type Tx } from '@hub/model/database.js';
import type { DeliveryStatus } from '@hub/model/webhook.entity.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import {
  activateHeads,
  holdUnfinished,
  lockOrder,
  ownEndpointStates,
  shareEndpointStates,
  type Lane,
} from './delivery-order.js';
import type { AttemptResult } from './sender.js';

const BATCH = 100;
const RETRY_MS = 250;
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
 * and whose turn it is next, in one commit.
 */
@Injectable()
export class Settlement {
  private readonly waiting: Waiting[] = [];
  private flushing = false;

  constructor(
    private readonly db: Database,
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
      if (!isUnavailable(error) && batch.length > 1) {
        for (const one of batch) await this.flushBatch([one]);
        return;
      }
      this.logger.warn({ error: String(error), results: batch.length }, 'delivery.not_settled');
      const kept = isUnavailable(error) ? batch.filter(({ until }) => until > performance.now()) : [];
      for (const lost of batch.filter((one) => !kept.includes(one))) lost.resolve([]);
      this.waiting.unshift(...kept);
      if (kept.length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** @returns what became of each, in the order given */
  async settleNow(results: readonly AttemptResult[]): Promise<{ settled: Settled[]; lanes: Lane[] }> {
    const organizations = [...new Set(results.map(({ claim }) => claim.organizationId))];
    return this.db.system('lanes', async (tx) => {
      await tx.query(BY_KEY);
      const gone = results.filter(({ verdict }) => verdict.kind === 'gone');
      await (gone.length > 0 ? ownEndpointStates : shareEndpointStates)(tx, organizations);
      await lockOrder(
        tx,
        results.map(({ claim }) => claim.orderKey),
      );
      const moved = await this.finish(tx, results);
      const applied = results.filter(({ claim }) => moved.has(claim.id));
      await this.count(tx, applied, moved);
      for (const { claim } of gone.filter((result) => moved.has(result.claim.id))) await this.disable(tx, claim);
      const ended = applied.filter(({ claim }) => moved.get(claim.id) !== 'pending');
      const lanes = await activateHeads(
        tx,
        ended.map(({ claim }) => claim),
      );
      return { settled: results.map(({ claim }) => ({ status: moved.get(claim.id) ?? null })), lanes };
    });
  }

  /** @returns the new status of each delivery whose lease was still this attempt's */
  private async finish(tx: Tx, results: readonly AttemptResult[]): Promise<Map<string, DeliveryStatus>> {
    const rows = await tx.query<{ id: string; status: DeliveryStatus }[]>(FINISH, [
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
      tally.succeeded += turned('succeeded');
      tally.failed += turned('exhausted');
      if (turned('succeeded') > 0) tally.latency_ms += durationMs ?? 0;
      if (verdict.kind === 'succeeded') {
        tally.any_success = true;
        tally.failures = 0;
      } else if (outcome !== 'interrupted') tally.failures += 1;
    }
    if (tallies.size > 0) await tx.query(COUNT, [JSON.stringify([...tallies.values()])]);
  }

  private async disable(tx: Tx, lane: Lane): Promise<void> {
    const [, disabled] = await tx.query<[unknown[], number]>(
      `UPDATE webhook_endpoint SET status = 'disabled', disabled_reason = 'gone', updated_at = now()
       WHERE organization_id = $1 AND id = $2 AND status = 'active' AND deleted_at IS NULL`,
      [lane.organizationId, lane.endpointId],
    );
    await holdUnfinished(tx, lane);
    if (disabled > 0) {
      await appendAudit(tx, {
        author: systemAuthor(lane.organizationId),
        action: 'webhook.disabled',
        subjectId: lane.endpointId,
        changes: { status: { before: 'active', after: 'disabled' }, disabledReason: { before: null, after: 'gone' } },
      });
    }
    this.logger.warn({ organization: lane.organizationId, endpoint: lane.endpointId }, 'webhook.gone');
  }
}

interface Tally {
  readonly organization_id: string;
  readonly endpoint_id: string;
  total: number;
  succeeded: number;
  failed: number;
  latency_ms: number;
  any_success: boolean;
  /** Since the last success among these. */
  failures: number;
}

const newTally = (organization_id: string, endpoint_id: string): Tally => ({
  organization_id,
  endpoint_id,
  total: 0,
  succeeded: 0,
  failed: 0,
  latency_ms: 0,
  any_success: false,
  failures: 0,
});

/** Every row here is found by its key. Says so to the planner, which would scan while it has no statistics of a table. */
const BY_KEY = `SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off`;

const FINISH = `
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
      WHEN d.resume_status IS NULL AND r.verdict IN ('exhausted','gone') THEN 'exhausted'
      WHEN e.status <> 'active' THEN 'held'
      WHEN d.resume_status IN ('blocked','held') AND NOT d.out_of_band THEN 'blocked'
      ELSE 'pending' END AS status
    FROM r
    CROSS JOIN LATERAL (
      SELECT d.* FROM webhook_delivery d
      WHERE d.organization_id = r.organization_id AND d.id = r.id AND d.lease_token = r.lease_token OFFSET 0) AS d
    CROSS JOIN LATERAL (
      SELECT e.* FROM webhook_endpoint e
      WHERE e.organization_id = d.organization_id AND e.id = d.endpoint_id OFFSET 0) AS e
  ), moved AS (
    UPDATE webhook_delivery d SET status = next.status, resume_status = NULL, lease_token = NULL, lease_until = NULL,
      attempt_no = d.attempt_no + (next.trigger = 'auto' AND next.outcome <> 'interrupted')::int,
      next_attempt_at = CASE WHEN next.trigger = 'auto' AND next.verdict = 'retry'
        THEN now() + next.retry_ms * interval '1 millisecond' ELSE d.next_attempt_at END,
      last_status_code = next.status_code, last_error = next.error,
      finished_at = CASE WHEN next.status IN ('succeeded','exhausted','cancelled') THEN coalesce(d.finished_at, now()) END
    FROM next
    WHERE d.organization_id = next.organization_id AND d.id = next.id AND d.lease_token = next.lease_token
    RETURNING d.id, d.status
  ), written AS (
    UPDATE webhook_attempt a SET ended_at = now(), status_code = r.status_code, duration_ms = r.duration_ms,
      outcome = CASE WHEN moved.id IS NULL THEN 'superseded' ELSE r.outcome END,
      request_headers = r.request_headers, response_body = r.response_body,
      response_truncated = r.response_truncated, error = r.error
    FROM r LEFT JOIN moved ON moved.id = r.id
    WHERE a.organization_id = r.organization_id AND a.id = r.attempt_id AND a.outcome IN ('open','interrupted')
      AND (moved.id IS NOT NULL OR r.outcome <> 'interrupted')
  )
  SELECT id, status FROM moved`;

const COUNT = `
  WITH t AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS t(organization_id uuid, endpoint_id uuid, total int, succeeded int,
      failed int, latency_ms bigint, any_success boolean, failures int)
  ), locked AS (
    SELECT e.organization_id, e.id FROM webhook_endpoint e
    JOIN t ON t.organization_id = e.organization_id AND t.endpoint_id = e.id
    ORDER BY e.organization_id, e.id FOR NO KEY UPDATE OF e
  )
  UPDATE webhook_endpoint e SET
    deliveries_total = e.deliveries_total + t.total,
    deliveries_succeeded = e.deliveries_succeeded + t.succeeded,
    deliveries_failed = e.deliveries_failed + t.failed,
    latency_total_ms = e.latency_total_ms + t.latency_ms,
    consecutive_failures = CASE WHEN t.any_success THEN 0 ELSE e.consecutive_failures END + t.failures,
    first_failure_at = CASE WHEN t.failures = 0 AND NOT t.any_success THEN e.first_failure_at
      WHEN t.failures = 0 THEN NULL WHEN t.any_success THEN now() ELSE coalesce(e.first_failure_at, now()) END,
    last_success_at = CASE WHEN t.any_success THEN now() ELSE e.last_success_at END
  FROM t JOIN locked ON locked.organization_id = t.organization_id AND locked.id = t.endpoint_id
  WHERE e.organization_id = t.organization_id AND e.id = t.endpoint_id`;

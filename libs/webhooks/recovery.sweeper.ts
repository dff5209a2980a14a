import { setTimeout as rest } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Prepared, type Tx } from '@hub/model/database.js';
import type { DeliveryStatus } from '@hub/model/webhook.entity.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { activateHeads, ownEndpointStates, type Lane, type OrderKey } from './delivery-order.js';
import { Lanes } from './lanes.js';
import type { RecoveryStatus } from './recovery.types.js';

const EVERY_MS = 500;
/** Deliveries that one transaction looks at. */
const BATCH = 250;
/** As many are counted ahead; of more, nobody is told how many. */
const MAX_COUNTED = 100_000;

/** A running recovery whose row is locked. */
interface Job extends Lane {
  readonly id: string;
  /** The last delivery that has been looked at, and the first one that is too late. */
  readonly cursor: string;
  readonly end: string;
  readonly isNew: boolean;
  readonly status: RecoveryStatus;
  readonly events: readonly string[];
}

interface Looked {
  readonly id: string;
  readonly orderKey: string;
  readonly was: DeliveryStatus;
  readonly isMeant: boolean;
}

/** The one that has waited longest, so that they take turns. */
const TAKE = `
  SELECT r.organization_id AS "organizationId", r.endpoint_id AS "endpointId", r.id,
    coalesce(r.cursor, uuid_at(r.since)) AS cursor, uuid_at(r.until) AS end, r.cursor IS NULL AS "isNew",
    r.status_filter AS status, r.events
  FROM webhook_recovery r WHERE r.state = 'running'
  ORDER BY r.updated_at LIMIT 1 FOR UPDATE SKIP LOCKED`;

const ANY_RUNNING: Prepared = {
  name: 'webhook-recovery-running',
  text: `SELECT FROM webhook_recovery WHERE state = 'running' LIMIT 1`,
};

/** Named, so that no partition is looked into for nothing. */
const STORED: Readonly<Record<RecoveryStatus, string>> = {
  failed: `d.status = 'exhausted'`,
  held: `d.status = 'held'`,
  all: `d.status IN ('blocked','pending','leased','held','succeeded','exhausted','cancelled')`,
};
const ENDED: ReadonlySet<DeliveryStatus> = new Set(['succeeded', 'exhausted', 'cancelled']);

/** $1 organization, $2 endpoint, $3 after, $4 before, $5 patterns. */
const LOOK = (status: RecoveryStatus, limit: number): string => `
  SELECT d.id, d.order_key AS "orderKey", d.status AS was, d.test_body IS NULL AND EXISTS (
    SELECT FROM unnest($5::text[]) AS pattern
    WHERE pattern IN ('*', d.event_type) OR (pattern LIKE '%.*' AND starts_with(d.event_type, left(pattern, -1)))
  ) AS "isMeant"
  FROM webhook_delivery d
  WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND ${STORED[status]} AND d.id > $3 AND d.id < $4
  ORDER BY d.id LIMIT ${limit}`;

/** $3 ids between $5 and $6, $4 whether they may be sent: those of an endpoint that is not active are held. */
const replay = (statuses: string): string => `
  UPDATE webhook_delivery d SET status = CASE WHEN $4 THEN 'pending' ELSE 'held' END, priority = 1, out_of_band = true,
    attempt_no = 0, first_attempt_at = NULL, next_attempt_at = now(), finished_at = NULL, resume_status = NULL
  WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.id = ANY ($3::uuid[]) AND d.id BETWEEN $5 AND $6
    AND d.status IN (${statuses})
  RETURNING d.id`;
const REPLAY: Readonly<Record<RecoveryStatus, string>> = {
  failed: replay(`'exhausted'`),
  held: replay(`'held'`),
  all: replay(`'succeeded','exhausted','cancelled','held'`),
};

/** What is delivered again has neither succeeded nor failed; the average latency stays what it was. */
const DISCOUNT = `
  UPDATE webhook_endpoint SET deliveries_succeeded = deliveries_succeeded - $3, deliveries_failed = deliveries_failed - $4,
    latency_total_ms = latency_total_ms - latency_total_ms * $3 / greatest(deliveries_succeeded, 1)
  WHERE organization_id = $1 AND id = $2`;

const ADVANCE = `
  UPDATE webhook_recovery SET cursor = $3, matched = matched + $4, replayed = replayed + $5, updated_at = clock_timestamp(),
    total = CASE WHEN $6 THEN matched + $4 ELSE total END,
    state = CASE WHEN $6 THEN 'succeeded' ELSE state END, finished_at = CASE WHEN $6 THEN now() END
  WHERE organization_id = $1 AND id = $2`;

/**
 * Works off the recoveries, a batch of each in turn. What a batch has put back, how far it has come and what it has
 * counted are one commit, so that a recovery goes on where it was, whoever died; its row's lock keeps it to one worker.
 */
@Injectable()
export class Recovery extends SweepLoop {
  constructor(
    private readonly db: Database,
    private readonly lanes: Lanes,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    super(log, { name: 'webhook.recovery', everyMs: EVERY_MS, round: () => this.round() });
  }

  /** Rests for as long as it has held the organization's deliveries, so that others get at them, too. */
  private async round(): Promise<boolean> {
    const [running] = await this.db.lookup('lanes', ANY_RUNNING, []);
    if (!running) return false;
    const started = performance.now();
    const lane = await this.db.system('lanes', (tx) => this.batch(tx));
    if (!lane) return false;
    this.lanes.kick(lane);
    if (!this.isStopped) await rest(performance.now() - started);
    return true;
  }

  /** @returns the lane that has got something to do; null when there is no recovery left to take */
  private async batch(tx: Tx): Promise<Lane | null> {
    const [taken] = await tx.query<Job[]>(TAKE);
    if (!taken) return null;
    const { organizationId, endpointId, id, cursor, end, status, events } = taken;
    if (taken.isNew) await this.count(tx, taken);
    await ownEndpointStates(tx, [organizationId]);
    const [endpoint] = await tx.query<{ isActive: boolean }[]>(
      `SELECT status = 'active' AS "isActive" FROM webhook_endpoint
       WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`,
      [organizationId, endpointId],
    );
    if (!endpoint) {
      await tx.query(
        `UPDATE webhook_recovery SET state = 'cancelled', finished_at = now() WHERE organization_id = $1 AND id = $2`,
        [organizationId, id],
      );
      return taken;
    }
    const looked = await tx.query<Looked[]>(LOOK(status, BATCH), [organizationId, endpointId, cursor, end, events]);
    const meant = looked.filter(({ isMeant }) => isMeant);
    const replayed = await this.replay(tx, taken, meant, endpoint.isActive);
    const isOver = looked.length < BATCH;
    await tx.query(ADVANCE, [organizationId, id, looked.at(-1)?.id ?? cursor, meant.length, replayed, isOver]);
    if (isOver)
      this.log.info({ organization: organizationId, endpoint: endpointId, recovery: id }, 'webhook.recovered');
    return taken;
  }

  /** Bounded: of what lies beyond, the time tells how far it has come. */
  private async count(tx: Tx, { organizationId, endpointId, id, cursor, end, status, events }: Job): Promise<void> {
    await tx.query(
      `UPDATE webhook_recovery SET total = c.meant FROM (
         SELECT count(*) AS looked, count(*) FILTER (WHERE "isMeant") AS meant FROM (${LOOK(status, MAX_COUNTED + 1)}) AS l) AS c
       WHERE organization_id = $1 AND id = $6 AND c.looked <= ${MAX_COUNTED}`,
      [organizationId, endpointId, cursor, end, events, id],
    );
  }

  /**
   * What is unfinished is on its way already; what an endpoint that is not active has been held for goes out in its
   * order once it is active again. Needs ownEndpointStates. @returns how many are delivered again
   */
  private async replay(tx: Tx, job: Job, meant: readonly Looked[], isActive: boolean): Promise<number> {
    const { organizationId, endpointId } = job;
    const movable = meant.filter(({ was }) => ENDED.has(was) || (was === 'held' && isActive));
    const [first, last] = [movable[0], movable.at(-1)];
    if (!first || !last) return 0;
    const ids = movable.map(({ id }) => id);
    const [rows] = await tx.query<[{ id: string }[], number]>(REPLAY[job.status], [
      organizationId,
      endpointId,
      ids,
      isActive,
      first.id,
      last.id,
    ]);
    const done = new Set(rows.map(({ id }) => id));
    const moved = movable.filter(({ id }) => done.has(id));
    const having = (status: DeliveryStatus): Looked[] => moved.filter(({ was }) => was === status);
    const [succeeded, failed] = [having('succeeded').length, having('exhausted').length];
    if (succeeded + failed > 0) await tx.query(DISCOUNT, [organizationId, endpointId, succeeded, failed]);
    const keys: OrderKey[] = having('held').map(({ orderKey }) => ({ organizationId, endpointId, orderKey }));
    await activateHeads(tx, keys);
    return moved.length;
  }
}

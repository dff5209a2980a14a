import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Database, queryPrepared, type Prepared, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import type { Claim } from './claims.js';
import {
  activateHeads,
  cancelUnfinished,
  holdUnfinished,
  lockOrder,
  ownEndpointStates,
  releaseHeld,
  shareEndpointStates,
  UNFINISHED,
  type Lane,
  type OrderKey,
} from './delivery-order.js';
import { Lanes } from './lanes.js';
import type { AttemptResult } from './sender.js';
import { Settlement } from './settlement.js';

const EVERY_MS = 1_000;
const BATCH = 100;
/** Of expired leases in one round: a worker that dies may leave a thousand. */
const MAX_BATCHES = 10;
const KEYS_PER_TICK = 500;
/** For how long a delivery that fails keeps its conversation's later ones waiting, unless the order is strict. */
const MAX_BLOCK_MINUTES = 15;
const FIRST = '00000000-0000-0000-0000-000000000000';
/** Says to the planner, whatever it knows of the tables, that an index gives the next row at once. */
const IN_INDEX_ORDER = `SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off;
  SET LOCAL enable_incremental_sort = off`;

const EXPIRED: Prepared = {
  name: 'webhook-sweep-expired',
  text: `
  SELECT d.organization_id AS "organizationId", d.endpoint_id AS "endpointId", d.order_key AS "orderKey", d.id,
    d.lease_token AS "leaseToken", d.resume_status AS "resumeStatus", d.attempts, a.id AS "attemptId", a.trigger,
    d.test_body IS NOT NULL AS "isTest"
  FROM webhook_delivery d
  JOIN webhook_attempt a ON a.organization_id = d.organization_id AND a.id = d.last_attempt_id
  WHERE d.status = 'leased' AND d.lease_until < now()
  ORDER BY d.lease_until LIMIT ${BATCH}`,
};

const FAILING: Prepared = {
  name: 'webhook-sweep-failing',
  text: `
  SELECT d.organization_id AS "organizationId", d.endpoint_id AS "endpointId", d.order_key AS "orderKey", d.id
  FROM webhook_delivery d
  JOIN webhook_endpoint e ON e.organization_id = d.organization_id AND e.id = d.endpoint_id
  WHERE d.status = 'pending' AND NOT d.out_of_band AND d.first_attempt_at < now() - interval '${MAX_BLOCK_MINUTES} minutes'
    AND coalesce(e.config->>'ordering', 'conversation') = 'conversation'
  ORDER BY d.first_attempt_at LIMIT ${BATCH}`,
};

/** The first unfinished delivery of each order key after a given one; jumps from key to key in the index. */
const HEADS: Prepared = {
  name: 'webhook-sweep-heads',
  text: `
  WITH RECURSIVE head AS (
    SELECT $1::uuid AS organization_id, $2::uuid AS endpoint_id, $3::uuid AS order_key, ''::text AS status
    UNION ALL
    SELECT next.* FROM head CROSS JOIN LATERAL (
      SELECT d.organization_id, d.endpoint_id, d.order_key, d.status FROM webhook_delivery d
      WHERE d.status IN (${UNFINISHED}) AND NOT d.out_of_band
        AND (d.organization_id, d.endpoint_id, d.order_key) > (head.organization_id, head.endpoint_id, head.order_key)
      ORDER BY d.organization_id, d.endpoint_id, d.order_key, d.position LIMIT 1) AS next
  )
  SELECT organization_id AS "organizationId", endpoint_id AS "endpointId", order_key AS "orderKey", status
  FROM head OFFSET 1 LIMIT ${KEYS_PER_TICK}`,
};

/** Every lane that has something unfinished: jumps from lane to lane in the index, however much there is in each. */
const OPEN_LANES = `
  WITH RECURSIVE lane AS (
    (SELECT organization_id, endpoint_id FROM webhook_delivery WHERE status IN (${UNFINISHED})
     ORDER BY organization_id, endpoint_id LIMIT 1)
    UNION ALL
    SELECT next.* FROM lane CROSS JOIN LATERAL (
      SELECT d.organization_id, d.endpoint_id FROM webhook_delivery d
      WHERE d.status IN (${UNFINISHED}) AND (d.organization_id, d.endpoint_id) > (lane.organization_id, lane.endpoint_id)
      ORDER BY d.organization_id, d.endpoint_id LIMIT 1) AS next
  )`;
const HAS = (condition: string): string => `EXISTS (SELECT FROM webhook_delivery d
  WHERE d.organization_id = lane.organization_id AND d.endpoint_id = lane.endpoint_id AND ${condition} OFFSET 0)`; // one by one

/** What to do with each lane that nobody may have been told of. */
const OPEN: Prepared = {
  name: 'webhook-sweep-open',
  text: `${OPEN_LANES}
  SELECT * FROM (
    SELECT lane.organization_id AS "organizationId", lane.endpoint_id AS "endpointId", e.guarded, CASE
      WHEN e.deleted_at IS NOT NULL THEN CASE WHEN ${HAS(`d.status IN ('blocked','pending','held')`)} THEN 'cancel' END
      WHEN e.status <> 'active' THEN CASE WHEN ${HAS(`d.status = 'blocked'`)} OR ${HAS(`d.status = 'pending'`)} THEN 'hold' END
      WHEN ${HAS(`d.status = 'held'`)} THEN 'release'
      WHEN e.paused_until > now() OR e.open_until > now() THEN NULL
      WHEN ${HAS(`d.status = 'pending' AND d.priority IN (0, 1) AND d.next_attempt_at <= now()`)} THEN 'work' END AS todo
    FROM lane
    JOIN webhook_endpoint e ON e.organization_id = lane.organization_id AND e.id = lane.endpoint_id) AS open
  WHERE todo IS NOT NULL`,
};

interface OpenLane extends Lane {
  readonly todo: 'work' | 'hold' | 'release' | 'cancel';
}

/** What may be left to do after a command that moves no more than so many deliveries at once. */
const REST = { hold: holdUnfinished, release: releaseHeld, cancel: cancelUnfinished } as const;

/**
 * Once a second, in every worker: whatever a crash, a lost hint or a clock has left behind goes on. Every step is
 * fenced or locked, so any number of sweepers may run at once.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private stopped = false;
  private wakeUp: () => void = () => undefined;
  private loop: Promise<void> = Promise.resolve();
  private cursor: OrderKey = { organizationId: FIRST, endpointId: FIRST, orderKey: FIRST };

  constructor(
    private readonly db: Database,
    private readonly settlement: Settlement,
    private readonly lanes: Lanes,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.loop = this.run();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.wakeUp();
    await this.loop;
  }

  /** One round of all. */
  async sweep(): Promise<void> {
    await this.endExpiredLeases();
    await this.passFailingHeads();
    await this.healOrder();
    for (const { todo, ...lane } of await this.jump<OpenLane>(OPEN)) {
      if (todo === 'work') this.lanes.kick(lane);
      else await this.moveRest(lane, todo);
    }
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      await this.sweep().catch((error: unknown) => this.logger.warn({ error: String(error) }, 'sweep.failed'));
      if (this.stopped) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EVERY_MS);
        this.wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Whoever held the lease is dead or too late: the attempt was `interrupted`, the delivery is due again. */
  private async endExpiredLeases(): Promise<void> {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const expired = await this.read<AttemptResult['claim']>(EXPIRED);
      if (expired.length === 0) return;
      await this.settlement.settleNow(expired.map(interrupted));
      this.logger.warn({ deliveries: expired.length }, 'delivery.interrupted');
      if (expired.length < BATCH) return;
    }
  }

  private async passFailingHeads(): Promise<void> {
    const failing = await this.read<OrderKey & { id: string }>(FAILING);
    if (failing.length === 0) return;
    await this.inOrder(failing, async (tx) => {
      await tx.query(
        `UPDATE webhook_delivery d SET out_of_band = true
         FROM unnest($1::uuid[], $2::uuid[]) AS n(organization_id, id)
         WHERE d.organization_id = n.organization_id AND d.id = n.id AND d.status = 'pending'`,
        [failing.map(({ organizationId }) => organizationId), failing.map(({ id }) => id)],
      );
      await activateHeads(tx, failing);
    });
  }

  /** A few hundred order keys a round, in turn: a blocked delivery that has nothing before it is activated. */
  private async healOrder(): Promise<void> {
    const { organizationId, endpointId, orderKey } = this.cursor;
    const heads = await this.jump<OrderKey & { status: string }>(HEADS, [organizationId, endpointId, orderKey]);
    this.cursor = (heads.length === KEYS_PER_TICK && heads.at(-1)) || {
      organizationId: FIRST,
      endpointId: FIRST,
      orderKey: FIRST,
    };
    const stuck = heads.filter(({ status }) => status === 'blocked');
    if (stuck.length > 0) await this.inOrder(stuck, async (tx) => void (await activateHeads(tx, stuck)));
  }

  private async moveRest(lane: Lane, todo: keyof typeof REST): Promise<void> {
    const step = (): Promise<boolean> =>
      this.db.system('lanes', async (tx) => {
        await ownEndpointStates(tx, [lane.organizationId]);
        return (await this.isStill(tx, lane, todo)) && (await REST[todo](tx, lane));
      });
    while (!this.stopped && (await step()));
    if (todo === 'release') this.lanes.kick(lane);
  }

  /** The endpoint's state, now that it cannot change, still asks for it. */
  private async isStill(tx: Tx, lane: Lane, todo: keyof typeof REST): Promise<boolean> {
    const [endpoint] = await tx.query<{ todo: string }[]>(
      `SELECT CASE WHEN deleted_at IS NOT NULL THEN 'cancel' WHEN status = 'active' THEN 'release' ELSE 'hold' END AS todo
       FROM webhook_endpoint WHERE organization_id = $1 AND id = $2`,
      [lane.organizationId, lane.endpointId],
    );
    return endpoint?.todo === todo;
  }

  private inOrder(keys: readonly OrderKey[], work: (tx: Tx) => Promise<void>): Promise<void> {
    return this.db.system('lanes', async (tx) => {
      await shareEndpointStates(tx, [...new Set(keys.map(({ organizationId }) => organizationId))]);
      await lockOrder(
        tx,
        keys.map(({ orderKey }) => orderKey),
      );
      await work(tx);
    });
  }

  private jump<R extends object>(statement: Prepared, values: unknown[] = []): Promise<R[]> {
    return this.db.system('lanes', async (tx) => {
      await tx.query(IN_INDEX_ORDER);
      return queryPrepared<R>(tx, statement, values);
    });
  }

  private read<R extends object>(statement: Prepared, values: unknown[] = []): Promise<R[]> {
    return this.db.lookup<R>('lanes', statement, values);
  }
}

const interrupted = (claim: Pick<Claim, keyof AttemptResult['claim']>): AttemptResult => ({
  claim,
  outcome: 'interrupted',
  verdict: { kind: 'retry', inMs: 0 },
  statusCode: null,
  durationMs: null,
  requestHeaders: null,
  responseBody: null,
  responseTruncated: false,
  error: 'The process that was sending it ended',
});

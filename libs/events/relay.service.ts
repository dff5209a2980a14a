import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Database, queryPrepared, type Prepared, type Tx } from '@hub/model/database.js';
import { settled } from '@hub/model/pipeline.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import type { EventType } from './catalog.js';
import { Listener } from './listener.js';
import { OUTBOX_CHANNEL } from './outbox-signal.js';

const BATCH = 500;
const POLL_MS = 250;
const RECONNECT_MS = 500;
/** Advisory lock of the fan-out: one relay at a time, so that a conversation's events are fanned out in order. */
const RELAY_LOCK = 0x5_0b0a_0001;

const CLAIM: Prepared = {
  name: 'relay-claim',
  text: `
    SELECT organization_id AS "organizationId", id, type, order_key AS "orderKey", position FROM event
    WHERE fanned_out_at IS NULL ORDER BY position LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
};
const MARK: Prepared = {
  name: 'relay-mark',
  text: `
    UPDATE event e SET fanned_out_at = now()
    FROM unnest($1::uuid[], $2::uuid[]) AS done(organization_id, id)
    WHERE e.organization_id = done.organization_id AND e.id = done.id`,
};

export interface ClaimedEvent {
  readonly organizationId: string;
  readonly id: string;
  readonly type: EventType;
  readonly orderKey: string;
  readonly position: number;
}

/**
 * Who is told of every event. Owned here, implemented by the webhooks above and registered by the worker.
 * `fanOut` joins the relay's transaction; `wake` comes after its commit, is only a hint and never throws.
 */
export abstract class EventSink {
  abstract fanOut(tx: Tx, events: readonly ClaimedEvent[]): Promise<void>;
  abstract wake(events: readonly ClaimedEvent[]): Promise<void>;
}

/**
 * Turns outbox rows into work: claims what is not yet fanned out (by *unpublished*, in the order of `position`), lets
 * the sink write its rows and marks the events, all in one commit. Killed anywhere, it has done a batch or not.
 */
@Injectable()
export class RelayService implements OnApplicationBootstrap, OnModuleDestroy {
  private stopped = false;
  private readonly listener: Listener;
  private wakeUp: () => void = () => undefined;
  private pending = true;
  private loop: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Database,
    private readonly sink: EventSink,
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const heard = (): void => this.nudge();
    this.listener = new Listener({ databaseUrl: config.DATABASE_URL, channel: OUTBOX_CHANNEL, heard }, logger);
  }

  onApplicationBootstrap(): void {
    void this.listener.listen();
    this.loop = this.run();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.nudge();
    await this.loop;
    await this.listener.stop();
  }

  /** Seconds since the oldest event that waits for its fan-out; 0 when none does. */
  async lagSeconds(): Promise<number> {
    const [row] = await this.db.system('health', (tx) =>
      tx.query<{ lag: number }[]>(
        `SELECT coalesce(extract(epoch FROM now() - (SELECT created_at FROM event WHERE fanned_out_at IS NULL
           ORDER BY position LIMIT 1)), 0)::float8 AS lag`,
      ),
    );
    return Math.max(0, row?.lag ?? 0);
  }

  /** One batch. @returns how many events it fanned out */
  async relayOnce(): Promise<number> {
    const started = performance.now();
    const events = await this.db.system('relay', async (tx) => {
      const [lock] = await tx.query<{ won: boolean }[]>(`SELECT pg_try_advisory_xact_lock($1) AS won`, [RELAY_LOCK]);
      if (!lock?.won) return [];
      const claimed = await queryPrepared<ClaimedEvent>(tx, CLAIM, []);
      if (claimed.length === 0) return claimed;
      const keys = [claimed.map((event) => event.organizationId), claimed.map((event) => event.id)];
      await settled([this.sink.fanOut(tx, claimed), queryPrepared(tx, MARK, keys)]);
      return claimed;
    });
    if (events.length > 0) {
      await this.sink.wake(events);
      const organizations = new Set(events.map(({ organizationId }) => organizationId)).size;
      const ms = Math.round(performance.now() - started);
      this.logger.debug({ events: events.length, organizations, ms }, 'event.relayed');
    }
    return events.length;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.pending = false;
      let full = false;
      try {
        full = (await this.relayOnce()) === BATCH;
      } catch (error) {
        this.logger.warn({ error: String(error) }, 'relay.failed');
        await this.sleep(RECONNECT_MS);
      }
      if (!full && !this.pending && !this.stopped) await this.sleep(POLL_MS);
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private nudge(): void {
    this.pending = true;
    this.wakeUp();
  }
}

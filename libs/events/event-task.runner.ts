import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Database, isUnavailable, type Prepared, type Tx } from '@hub/model/database.js';
import type { Logger } from '@hub/platform/logger.js';
import type { EventType } from './catalog.js';
import type { EventConsumer } from './event-tasks.js';

/** Something that an event has left to do. */
export interface EventTask {
  readonly organizationId: string;
  readonly eventId: string;
  readonly eventType: EventType;
  /** The conversation, or whatever else the event is about. */
  readonly orderKey: string;
  readonly position: number;
  readonly attempts: number;
}

interface Key {
  readonly organizationId: string;
  readonly orderKey: string;
}

/** Keys that one process works on at once, of each consumer. */
const LANES = 6;
const SWEEP_MS = 1_000;
/** Tries until a task is put aside, so that what comes after it can be done. */
const MAX_ATTEMPTS = 8;
const MAX_BACKOFF_SECONDS = 60;

/**
 * Works off the tasks of one consumer: those of one key strictly in the order of their events, different keys side by
 * side. The effect and the end of a task are one transaction, so that a worker killed anywhere has done it or not, and
 * any number of workers may run. A task that fails is tried again with growing pauses, and its key waits; after the last
 * try it is parked (`next_at` is infinite) with an error in the log, and the next one of its key goes on.
 */
export abstract class EventTaskRunner implements EventConsumer, OnApplicationBootstrap, OnModuleDestroy {
  abstract readonly consumer: string;
  abstract readonly interest: string;
  private readonly lanes = new Map<string, Promise<void>>();
  private stopped = false;
  private pending = true;
  private wakeUp: () => void = () => undefined;
  private loop: Promise<void> = Promise.resolve();

  constructor(
    protected readonly db: Database,
    protected readonly logger: Logger,
  ) {}

  abstract wants(type: EventType): boolean;

  /** Does the task within `tx`; throws to have it tried again. May be called more than once, with one effect. */
  protected abstract handle(tx: Tx, task: EventTask): Promise<void>;

  nudge(): void {
    this.pending = true;
    this.wakeUp();
  }

  onApplicationBootstrap(): void {
    this.loop = this.run();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.nudge();
    await this.loop;
    await Promise.all(this.lanes.values());
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.pending = false;
      try {
        await this.startLanes();
      } catch (error) {
        this.logger.warn({ consumer: this.consumer, error: String(error) }, 'event_task.sweep');
      }
      if (!this.pending && !this.stopped) await this.sleep();
    }
  }

  private sleep(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, SWEEP_MS);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async startLanes(): Promise<void> {
    if (this.lanes.size >= LANES) return;
    const heads = await this.db.lookup<Key>('routing', HEADS, [this.consumer]);
    for (const key of heads) {
      const name = `${key.organizationId} ${key.orderKey}`;
      if (this.lanes.size >= LANES || this.stopped) return;
      if (this.lanes.has(name)) continue;
      const lane = this.workOff(key).then((done) => {
        this.lanes.delete(name);
        if (done > 0) this.nudge(); // more may wait than there were lanes
      });
      this.lanes.set(name, lane);
    }
  }

  /** Task after task of one key, until there is none, or one that somebody else has, or one that waits for its time. */
  private async workOff(key: Key): Promise<number> {
    for (let done = 0; ; done++) {
      if (this.stopped) return done;
      let task: EventTask | undefined;
      try {
        const isDone = await this.db.transaction(key.organizationId, async (tx) => {
          task = await this.take(tx, key);
          if (!task) return false;
          await this.handle(tx, task);
          await tx.query(DELETE, [key.organizationId, this.consumer, task.eventId]);
          return true;
        });
        if (!isDone) return done;
      } catch (error) {
        const goesOn = task !== undefined && (await this.postpone(task, error));
        if (!goesOn) return done;
      }
    }
  }

  private async take(tx: Tx, { organizationId, orderKey }: Key): Promise<EventTask | undefined> {
    const [task] = await tx.query<EventTask[]>(TAKE, [organizationId, this.consumer, orderKey]);
    return task;
  }

  /** @returns whether the next one of its key may be done */
  private async postpone(task: EventTask, error: unknown): Promise<boolean> {
    const { organizationId, eventId, eventType, orderKey } = task;
    const attempts = task.attempts + 1;
    const parked = attempts >= MAX_ATTEMPTS && !isUnavailable(error);
    const line = { consumer: this.consumer, organizationId, eventId, eventType, orderKey, attempts };
    this.logger[parked ? 'error' : 'warn'](
      { ...line, error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
      parked ? 'event_task.parked' : 'event_task.failed',
    );
    const seconds = parked ? null : Math.min(MAX_BACKOFF_SECONDS, 2 ** (attempts - 1));
    try {
      await this.db.transaction(organizationId, (tx) =>
        tx.query(POSTPONE, [
          organizationId,
          this.consumer,
          eventId,
          isUnavailable(error) ? task.attempts : attempts,
          seconds,
        ]),
      );
      return parked;
    } catch {
      return false; // the database is away: the sweep tries it again
    }
  }
}

const TASK = `organization_id AS "organizationId", event_id AS "eventId", event_type AS "eventType",
  order_key AS "orderKey", position, attempts`;

/** The first task of each key, where its time has come. */
const HEADS: Prepared = {
  name: 'event-task-heads',
  text: `
    SELECT t.organization_id AS "organizationId", t.order_key AS "orderKey" FROM event_task t
    WHERE t.consumer = $1 AND t.next_at <= now() AND NOT EXISTS (
      SELECT FROM event_task b WHERE b.organization_id = t.organization_id AND b.consumer = t.consumer
        AND b.order_key = t.order_key AND b.position < t.position AND b.next_at < 'infinity')
    ORDER BY t.next_at, t.position LIMIT ${LANES * 4}`,
};

/** The first one of the key and no other: where somebody else has it, nothing. */
const TAKE = `
  SELECT ${TASK} FROM event_task
  WHERE organization_id = $1 AND consumer = $2 AND next_at <= now() AND event_id = (
    SELECT event_id FROM event_task WHERE organization_id = $1 AND consumer = $2 AND order_key = $3
      AND next_at < 'infinity' ORDER BY position LIMIT 1)
  FOR UPDATE SKIP LOCKED`;

const DELETE = 'DELETE FROM event_task WHERE organization_id = $1 AND consumer = $2 AND event_id = $3';

const POSTPONE = `
  UPDATE event_task SET attempts = $4,
    next_at = coalesce(now() + $5::integer * interval '1 second', 'infinity'::timestamptz)
  WHERE organization_id = $1 AND consumer = $2 AND event_id = $3`;

import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Listener } from '@hub/events/listener.js';
import { Database } from '@hub/model/database.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { DrainService } from './drain.service.js';
import { QUEUE_CHANNEL, readWakeUps, type WakeUp } from './queue-signal.js';

/** Queues that one worker drains at once; of each, one item at a time. */
const LANES = 3;
/** When others were faster with the same rows. */
const AGAIN_MS = 15;
/** When the database has said no. */
const AFTER_FAILURE_MS = 500;

interface Place {
  readonly organizationId: string;
  readonly queueId: string;
}

/**
 * Drains the queues that it hears of. All that it remembers are hints: what is lost with the process, the sweep of any
 * worker finds in the rows.
 */
@Injectable()
export class QueueDrainer implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly wanted = new Map<string, Place>();
  private readonly active = new Map<string, Promise<void>>();
  private readonly heard = new Map<string, WakeUp>();
  private readonly listener: Listener;
  private readonly timers = new Set<NodeJS.Timeout>();
  private looking: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly db: Database,
    private readonly drains: DrainService,
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const heard = (payload: string): void => this.hear(readWakeUps(payload));
    this.listener = new Listener({ databaseUrl: config.DATABASE_URL, channel: QUEUE_CHANNEL, heard }, logger);
  }

  onApplicationBootstrap(): void {
    void this.listener.listen();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    await this.listener.stop();
    await this.looking;
    await Promise.all(this.active.values());
  }

  /** Something may have become possible there. Returns at once. */
  hear(wakeUps: readonly WakeUp[]): void {
    for (const wakeUp of wakeUps) {
      const { what, organizationId, id } = wakeUp;
      if (what === 'queue') this.want({ organizationId, queueId: id });
      else this.heard.set(`${what} ${organizationId} ${id}`, wakeUp);
    }
    if (this.heard.size > 0) this.looking ??= this.lookUp().finally(() => (this.looking = null));
  }

  private want(place: Place): void {
    if (this.stopped) return;
    this.wanted.set(`${place.organizationId} ${place.queueId}`, place);
    this.pump();
  }

  private pump(): void {
    for (const [key, place] of this.wanted) {
      if (this.active.size >= LANES || this.stopped) return;
      if (this.active.has(key)) continue;
      this.wanted.delete(key);
      const run = this.run(place).finally(() => {
        this.active.delete(key);
        this.pump();
      });
      this.active.set(key, run);
    }
  }

  private async run(place: Place): Promise<void> {
    try {
      const drained = await this.drains.drain(place.organizationId, place.queueId, () => this.stopped);
      if (drained === 'raced') this.later(place, AGAIN_MS);
    } catch (error) {
      this.logger.warn({ ...place, error: String(error) }, 'queue.drain');
      this.later(place, AFTER_FAILURE_MS);
    }
  }

  private later(place: Place, ms: number): void {
    if (this.stopped) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.want(place);
    }, ms);
    this.timers.add(timer);
  }

  /** Which queues a user's or an organization's wake-up means: those in which somebody waits. */
  private async lookUp(): Promise<void> {
    while (this.heard.size > 0 && !this.stopped) {
      const wakeUps = [...this.heard.values()];
      this.heard.clear();
      const organizations = new Set(wakeUps.map(({ organizationId }) => organizationId));
      for (const organizationId of organizations) {
        const own = wakeUps.filter((one) => one.organizationId === organizationId);
        const userIds = own.some(({ what }) => what === 'all') ? null : own.map(({ id }) => id);
        try {
          for (const { id } of await this.waitingQueues(organizationId, userIds)) {
            this.want({ organizationId, queueId: id });
          }
        } catch (error) {
          this.logger.warn({ organizationId, error: String(error) }, 'queue.lookup');
        }
      }
    }
  }

  private waitingQueues(organizationId: string, userIds: readonly string[] | null): Promise<{ id: string }[]> {
    return this.db.prepared<{ id: string }>(organizationId, WAITING, [organizationId, userIds]);
  }
}

const WAITING = {
  name: 'queues-waiting',
  text: `SELECT q.id FROM queue q WHERE q.organization_id = $1 AND q.deleted_at IS NULL AND q.strategy <> 'manual'
    AND ($2::uuid[] IS NULL OR q.team_id IN (
      SELECT m.team_id FROM team_member m WHERE m.organization_id = $1 AND m.user_id = ANY ($2::uuid[])))
    AND EXISTS (SELECT FROM queue_item i WHERE i.organization_id = $1 AND i.queue_id = q.id AND i.state = 'waiting')`,
};

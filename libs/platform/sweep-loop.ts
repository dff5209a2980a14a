import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Logger } from './logger.js';

export interface Sweep {
  /** What its failures are logged as. */
  readonly name: string;
  /** The rest between two rounds. */
  readonly everyMs: number;
  /** One round. @returns whether there is more to do at once */
  readonly round: () => Promise<boolean>;
}

/**
 * Does one thing again and again for as long as the process lives: what is due in the database is found whoever was
 * restarted. A round that fails is logged and made up for by the next. At the end, the round under way is waited for.
 */
export abstract class SweepLoop implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly logger: Logger,
    private readonly sweep: Sweep,
  ) {}

  /** Whether the process is ending: a long round looks at it. */
  protected get isStopped(): boolean {
    return this.stopped;
  }

  onApplicationBootstrap(): void {
    this.schedule(0);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.running;
  }

  private schedule(ms: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.once();
    }, ms);
  }

  private async once(): Promise<void> {
    let more = false;
    try {
      more = await this.sweep.round();
    } catch (error) {
      this.logger.warn({ error: String(error) }, this.sweep.name);
    }
    this.schedule(more ? 0 : this.sweep.everyMs);
  }
}

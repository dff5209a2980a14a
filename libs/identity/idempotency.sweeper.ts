import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { IdempotencyService } from './idempotency.service.js';

const EVERY_MS = 60_000;
const BATCH = 500;

/** Forgets expired keys in small batches. Any number of workers may run it: they skip each other's rows. */
@Injectable()
export class IdempotencySweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly idempotency: IdempotencyService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

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
      this.running = this.sweep();
    }, ms);
  }

  private async sweep(): Promise<void> {
    let purged = 0;
    try {
      purged = await this.idempotency.purge(BATCH);
    } catch (error) {
      this.logger.warn({ error: String(error) }, 'idempotency.sweep');
    }
    this.schedule(purged === BATCH ? 0 : EVERY_MS);
  }
}

import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { ConversationsService } from './conversations.service.js';

const EVERY_MS = 500;
const BATCH = 200;

/** The alarm clock: any number of workers may run it, the conversation's row lock lets each wake-up happen once. */
@Injectable()
export class SnoozeSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly conversations: ConversationsService,
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
    let woken = 0;
    try {
      woken = await this.conversations.wakeDue(BATCH);
    } catch (error) {
      this.logger.warn({ error: String(error) }, 'snooze.sweep');
    }
    this.schedule(woken === BATCH ? 0 : EVERY_MS);
  }
}

import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Worker } from 'bullmq';
import { QueueBackend } from '@hub/platform/queue-backend.js';
import { LANE_QUEUE, type LaneJob } from './lane.queue.js';
import { Lanes } from './lanes.js';

const CONCURRENCY = 10;
/** A hint is taken up within milliseconds; one that was under way when its worker died comes back after this. */
const LOCK_MS = 5_000;

/**
 * Takes up the hints. A job only gives its lane a turn in this process and is done: it never waits for a subscriber, so
 * that no lane can keep the hints of another from being read.
 */
@Injectable()
export class LaneProcessor implements OnApplicationBootstrap, OnModuleDestroy {
  private worker: Worker<LaneJob> | null = null;

  constructor(
    private readonly backend: QueueBackend,
    private readonly lanes: Lanes,
  ) {}

  onApplicationBootstrap(): void {
    this.worker = this.backend.worker<LaneJob>(LANE_QUEUE, (job) => Promise.resolve(this.lanes.kick(job.data)), {
      concurrency: CONCURRENCY,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS,
      maxStalledCount: 1_000,
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.worker?.close();
  }
}

import { Inject, Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { QueueBackend } from '@hub/platform/queue-backend.js';
import type { Lane } from './delivery-order.js';

export const LANE_QUEUE = 'webhook-lanes';

/** A hint that something is due in a lane. It says nothing that the database does not know. */
export type LaneJob = Lane;

/** A backend that has not answered for so long is taken for gone. */
const PATIENCE_MS = 200;

/**
 * Tells the workers which lanes to look at: at most one waiting hint per lane, and one more while that one is being
 * taken up (`keepLastIfActive`), so that nothing committed after a worker's look goes unnoticed.
 */
@Injectable()
export class LaneQueue {
  private readonly queue: Queue<LaneJob>;
  private pending = new Map<string, Lane>();
  private sending: Promise<boolean> | null = null;
  private sendingSince = 0;

  constructor(
    backend: QueueBackend,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.queue = backend.queue<LaneJob>(LANE_QUEUE);
  }

  /** @returns whether the hints are in the queue; never rejects, and waits for a fifth of a second at the most */
  async hint(lanes: readonly Lane[]): Promise<boolean> {
    if (this.sending && performance.now() - this.sendingSince > PATIENCE_MS) return false;
    for (const lane of lanes) this.pending.set(lane.endpointId, lane);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), PATIENCE_MS)));
    const done = await Promise.race([this.flush(), late]);
    clearTimeout(timer);
    return done;
  }

  /** One call to the backend at a time; what comes meanwhile goes with the next. */
  private async flush(): Promise<boolean> {
    while (this.sending) await this.sending;
    if (this.pending.size === 0) return true;
    const lanes = [...this.pending.values()];
    this.pending = new Map();
    this.sendingSince = performance.now();
    this.sending = this.add(lanes);
    const done = await this.sending;
    this.sending = null;
    return done;
  }

  private async add(lanes: readonly Lane[]): Promise<boolean> {
    try {
      await this.queue.addBulk(
        lanes.map(({ organizationId, endpointId }) => ({
          name: 'lane',
          data: { organizationId, endpointId },
          opts: {
            deduplication: { id: endpointId, keepLastIfActive: true },
            removeOnComplete: true,
            removeOnFail: true,
          },
        })),
      );
      return true;
    } catch (error) {
      this.logger.debug({ error: String(error) }, 'lane.hint');
      return false;
    }
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';

const EVERY_MS = 3_600_000;

/**
 * Makes the partitions of the delivery log a week ahead and drops those older than `WEBHOOK_LOG_DAYS`; what has been
 * held for so long goes with them, and so do an endpoint's figures by the hour and recoveries that have ended.
 */
@Injectable()
export class LogRetention extends SweepLoop {
  constructor(
    private readonly db: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    super(log, { name: 'webhook.retention', everyMs: EVERY_MS, round: () => this.round() });
  }

  private async round(): Promise<boolean> {
    const days = this.config.WEBHOOK_LOG_DAYS;
    const rolled = await this.db.system('lanes', async (tx) => {
      await tx.query(`DELETE FROM webhook_endpoint_stat WHERE hour < now() - make_interval(days => $1)`, [days]);
      await tx.query(`DELETE FROM webhook_recovery WHERE finished_at < now() - make_interval(days => $1)`, [days]);
      return tx.query<{ made: number; dropped: number }[]>('SELECT made, dropped FROM webhook_log_roll($1)', [days]);
    });
    const [{ made, dropped } = { made: 0, dropped: 0 }] = rolled;
    if (made + dropped > 0) this.log.info({ made, dropped }, 'webhook.log_rolled');
    return false;
  }
}

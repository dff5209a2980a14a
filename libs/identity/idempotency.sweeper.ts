import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { IdempotencyService } from './idempotency.service.js';

const BATCH = 500;

/** Forgets expired keys in small batches. Any number of workers may run it: they skip each other's rows. */
@Injectable()
export class IdempotencySweeper extends SweepLoop {
  constructor(idempotency: IdempotencyService, @Inject(LOGGER) logger: Logger) {
    const round = async (): Promise<boolean> => (await idempotency.purge(BATCH)) === BATCH;
    super(logger, { name: 'idempotency.sweep', everyMs: 60_000, round });
  }
}

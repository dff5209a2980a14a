import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { ServiceLevelClock } from './service-level-clock.js';

const BATCH = 100;

/** Warnings and breaches whose time has come: any number of workers may look, the row lets each be told once. */
@Injectable()
export class ServiceLevelSweeper extends SweepLoop {
  constructor(clock: ServiceLevelClock, @Inject(LOGGER) logger: Logger) {
    const round = async (): Promise<boolean> => (await clock.raiseDue(BATCH)) >= BATCH;
    super(logger, { name: 'service_levels.sweep', everyMs: 250, round });
  }
}

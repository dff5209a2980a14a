import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { ScheduleService } from './schedule.service.js';

const BATCH = 200;

/** Sends what is due. Any number of workers may run it: the conversation's row lock lets each message go out once. */
@Injectable()
export class ScheduleSweeper extends SweepLoop {
  constructor(schedule: ScheduleService, @Inject(LOGGER) logger: Logger) {
    const round = async (): Promise<boolean> => (await schedule.sendDue(BATCH)) === BATCH;
    super(logger, { name: 'schedule.sweep', everyMs: 500, round });
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { PresenceService } from './presence.service.js';

const BATCH = 200;

/** Finds whose heartbeat has stopped. */
@Injectable()
export class PresenceSweeper extends SweepLoop {
  constructor(presence: PresenceService, @Inject(LOGGER) logger: Logger) {
    const round = async (): Promise<boolean> => (await presence.expire(BATCH)) === BATCH;
    super(logger, { name: 'presence.sweep', everyMs: 500, round });
  }
}

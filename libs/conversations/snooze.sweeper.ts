import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { ConversationsService } from './conversations.service.js';

const BATCH = 200;

/** The alarm clock: any number of workers may run it, the conversation's row lock lets each wake-up happen once. */
@Injectable()
export class SnoozeSweeper extends SweepLoop {
  constructor(conversations: ConversationsService, @Inject(LOGGER) logger: Logger) {
    const round = async (): Promise<boolean> => (await conversations.wakeDue(BATCH)) === BATCH;
    super(logger, { name: 'snooze.sweep', everyMs: 500, round });
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { RuleRouter } from './rule-router.js';

const BATCH = 100;

/** Targets that have had their time: any number of workers may look, the row lets each step happen once. */
@Injectable()
export class EscalationSweeper extends SweepLoop {
  constructor(router: RuleRouter, @Inject(LOGGER) logger: Logger) {
    const round = async (): Promise<boolean> => (await router.escalateDue(BATCH)) === BATCH;
    super(logger, { name: 'rules.escalate', everyMs: 500, round });
  }
}

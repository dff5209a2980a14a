import { Inject, Injectable } from '@nestjs/common';
import { Outbox } from '@hub/events/outbox.js';
import { Database, type Prepared } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { ownEndpointStates, type Lane } from './delivery-order.js';
import { disable, DISABLE_AFTER_FAILURES, DISABLE_AFTER_HOURS, tellFailing } from './endpoint-states.js';

const EVERY_MS = 5_000;
const BATCH = 100;
/** Hours of nothing but failures after which it is told, once each. */
const WARN_AFTER_HOURS = [1, 24, 72];

interface Failing extends Lane {
  readonly told: number;
  readonly isOver: boolean;
}

const FAILING: Prepared = {
  name: 'webhook-watch-failing',
  text: `
  SELECT * FROM (
    SELECT organization_id AS "organizationId", id AS "endpointId", failing_told,
      ${WARN_AFTER_HOURS.map((hours) => `(first_failure_at < now() - interval '${hours} hours')::int`).join(' + ')} AS told,
      first_failure_at < now() - interval '${DISABLE_AFTER_HOURS} hours' AND consecutive_failures >= ${DISABLE_AFTER_FAILURES} AS "isOver"
    FROM webhook_endpoint
    WHERE status = 'active' AND deleted_at IS NULL
      AND first_failure_at < now() - interval '${WARN_AFTER_HOURS[0]} hours') AS e
  WHERE told > failing_told OR "isOver" LIMIT ${BATCH}`,
};

/** Warns of endpoints that do nothing but fail, and in the end disables them. All that it goes by is in their rows. */
@Injectable()
export class EndpointWatch extends SweepLoop {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    super(log, { name: 'webhook.watch', everyMs: EVERY_MS, round: () => this.round() });
  }

  private async round(): Promise<boolean> {
    const failing = await this.db.lookup<Failing>('lanes', FAILING, []);
    for (const endpoint of failing) await this.treat(endpoint);
    return failing.length === BATCH;
  }

  private async treat({ told, isOver, ...lane }: Failing): Promise<void> {
    const done = await this.db.system('lanes', async (tx) => {
      await ownEndpointStates(tx, [lane.organizationId]);
      const isTold = await tellFailing(tx, this.outbox, lane, told);
      const isDisabled =
        isOver && (await this.isStillOver(tx, lane)) && (await disable(tx, this.outbox, lane, 'failing'));
      return { isTold, isDisabled };
    });
    const line = { organization: lane.organizationId, endpoint: lane.endpointId };
    if (done.isTold) this.log.warn({ ...line, stage: told }, 'webhook.failing');
    if (done.isDisabled) this.log.warn({ ...line, reason: 'failing' }, 'webhook.disabled');
  }

  /** No success was written down since the look: attempts are settled under the lock that is held now. */
  private async isStillOver(tx: Parameters<typeof disable>[0], lane: Lane): Promise<boolean> {
    const [row] = await tx.query<{ over: boolean }[]>(
      `SELECT first_failure_at < now() - interval '${DISABLE_AFTER_HOURS} hours' AND consecutive_failures >= ${DISABLE_AFTER_FAILURES} AS over
       FROM webhook_endpoint WHERE organization_id = $1 AND id = $2`,
      [lane.organizationId, lane.endpointId],
    );
    return row?.over ?? false;
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { Metrics } from '@hub/platform/metrics.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { OffersService } from '@hub/assignment/offers/offers.service.js';
import { QueueDrainer } from './queue-drainer.js';
import { ReturnsService } from './returns.service.js';

const BATCH = 100;
/** A figure beyond this is as alarming as this. */
const COUNTED = 10_000;

interface Place {
  readonly organizationId: string;
  readonly queueId: string;
}

/** What has a time: offers that run out, agents who must write, agents who are gone, items that were held. */
@Injectable()
export class DueSweeper extends SweepLoop {
  constructor(
    offers: OffersService,
    returns: ReturnsService,
    drainer: QueueDrainer,
    db: Database,
    @Inject(LOGGER) logger: Logger,
  ) {
    const round = async (): Promise<boolean> => {
      const released = await db.lookup<Place>('routing', RELEASE, [BATCH]);
      drainer.hear(released.map(({ organizationId, queueId }) => ({ what: 'queue', organizationId, id: queueId })));
      const done = [await offers.expireDue(BATCH), await returns.returnDue(BATCH), await returns.relieve(BATCH)];
      return [...done, released.length].includes(BATCH);
    };
    super(logger, { name: 'routing.due', everyMs: 250, round });
  }
}

/** The safety net: every queue in which somebody waits is looked at, whatever was told. */
@Injectable()
export class QueueSweeper extends SweepLoop {
  constructor(drainer: QueueDrainer, db: Database, @Inject(LOGGER) logger: Logger, metrics: Metrics) {
    const round = async (): Promise<boolean> => {
      const found = await db.lookup<Place>('routing', WAITING, []);
      drainer.hear(found.map(({ organizationId, queueId }) => ({ what: 'queue', organizationId, id: queueId })));
      return false;
    };
    super(logger, { name: 'routing.sweep', everyMs: 10_000, round });
    metrics.gauge('queue_waiting', `Conversations that wait in queues, up to ${COUNTED}`, async () => {
      const [row] = await db.lookup<{ waiting: number }>('routing', COUNT, [COUNTED]);
      return row?.waiting ?? 0;
    });
  }
}

const RELEASE = {
  name: 'routing-release',
  text: `UPDATE queue_item i SET held_until = CASE WHEN i.held_until > now() THEN i.held_until END,
      passed = CASE WHEN i.round_at <= now() THEN '{}' ELSE i.passed END,
      round_at = CASE WHEN i.round_at > now() THEN i.round_at END
    FROM (
      SELECT organization_id, conversation_id FROM queue_item WHERE held_until <= now() OR round_at <= now()
      LIMIT $1 FOR UPDATE SKIP LOCKED) AS due
    WHERE i.organization_id = due.organization_id AND i.conversation_id = due.conversation_id
    RETURNING i.organization_id AS "organizationId", i.queue_id AS "queueId"`,
};

const WAITING = {
  name: 'routing-waiting',
  text: `SELECT q.organization_id AS "organizationId", q.id AS "queueId" FROM queue q
    WHERE q.deleted_at IS NULL AND q.strategy <> 'manual' AND EXISTS (
      SELECT FROM queue_item i WHERE i.organization_id = q.organization_id AND i.queue_id = q.id AND i.state = 'waiting')`,
};

const COUNT = {
  name: 'routing-count',
  text: 'SELECT count(*)::integer AS waiting FROM (SELECT FROM queue_item LIMIT $1) AS some',
};

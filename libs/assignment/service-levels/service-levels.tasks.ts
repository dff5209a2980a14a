import { Inject, Injectable } from '@nestjs/common';
import type { EventType } from '@hub/events/catalog.js';
import { EventTaskRunner, type EventTask } from '@hub/events/event-task.runner.js';
import { Database, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { ServiceLevelClock } from './service-level-clock.js';

const TYPES: ReadonlySet<EventType> = new Set<EventType>([
  'conversation.created',
  'conversation.updated',
  'conversation.closed',
  'conversation.reopened',
  'conversation.snoozed',
  'message.received',
  'message.sent',
]);

/** Tells the clock of every event that can start, stop or meet a timer. */
@Injectable()
export class ServiceLevelTasks extends EventTaskRunner {
  override readonly consumer = 'service_levels';
  /** Removed levels count: what they have promised is kept. */
  override readonly interest = `EXISTS (SELECT FROM service_level l WHERE l.organization_id = n.organization_id)`;

  constructor(
    db: Database,
    private readonly clock: ServiceLevelClock,
    @Inject(LOGGER) logger: Logger,
  ) {
    super(db, logger);
  }

  override wants(type: EventType): boolean {
    return TYPES.has(type);
  }

  protected override handle(tx: Tx, task: EventTask): Promise<void> {
    return this.clock.followIn(tx, task);
  }
}

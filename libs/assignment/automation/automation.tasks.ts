import { Inject, Injectable } from '@nestjs/common';
import type { EventType } from '@hub/events/catalog.js';
import { EventTaskRunner, type EventTask } from '@hub/events/event-task.runner.js';
import { Database, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { Automation } from './automation.js';
import { RULE_EVENTS } from './check-actions.js';

const TYPES: ReadonlySet<EventType> = new Set(RULE_EVENTS);

/** Has the automation rules look at every event that some rule of its organization waits for. */
@Injectable()
export class AutomationTasks extends EventTaskRunner {
  override readonly consumer = 'automation';
  override readonly interest = `EXISTS (
    SELECT FROM automation_rule r WHERE r.organization_id = n.organization_id AND r.event = n.type
      AND r.deleted_at IS NULL AND r.enabled)`;

  constructor(
    db: Database,
    private readonly automation: Automation,
    @Inject(LOGGER) logger: Logger,
  ) {
    super(db, logger);
  }

  override wants(type: EventType): boolean {
    return TYPES.has(type);
  }

  protected override handle(tx: Tx, task: EventTask): Promise<void> {
    return this.automation.runIn(tx, task);
  }
}

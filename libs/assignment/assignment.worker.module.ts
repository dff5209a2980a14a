import { Module } from '@nestjs/common';
import { EventTasks, type EventConsumer } from '@hub/events/event-tasks.js';
import { AutomationCaller } from '@hub/assignment/automation/automation-caller.sweeper.js';
import { AutomationTasks } from '@hub/assignment/automation/automation.tasks.js';
import { PresenceSweeper } from '@hub/assignment/presence/presence.sweeper.js';
import { FreedCapacity } from '@hub/assignment/routing/freed-capacity.js';
import { QueueDrainer } from '@hub/assignment/routing/queue-drainer.js';
import { DueSweeper, QueueSweeper } from '@hub/assignment/routing/routing.sweeper.js';
import { EscalationSweeper } from '@hub/assignment/rules/escalation.sweeper.js';
import { RoutingTasks } from '@hub/assignment/rules/routing.tasks.js';
import { ServiceLevelSweeper } from '@hub/assignment/service-levels/service-levels.sweeper.js';
import { ServiceLevelTasks } from '@hub/assignment/service-levels/service-levels.tasks.js';
import { AssignmentModule } from './assignment.module.js';

/** The engine at work: drains queues, and does what has a time. Exports what the relay tells. */
@Module({
  imports: [AssignmentModule],
  providers: [
    PresenceSweeper,
    QueueDrainer,
    DueSweeper,
    QueueSweeper,
    FreedCapacity,
    RoutingTasks,
    EscalationSweeper,
    AutomationTasks,
    AutomationCaller,
    ServiceLevelTasks,
    ServiceLevelSweeper,
    {
      provide: EventTasks,
      useFactory: (...consumers: EventConsumer[]) => new EventTasks(consumers),
      inject: [RoutingTasks, AutomationTasks, ServiceLevelTasks],
    },
  ],
  exports: [FreedCapacity, EventTasks],
})
export class AssignmentWorkerModule {}

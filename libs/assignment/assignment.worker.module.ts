import { Module } from '@nestjs/common';
import { PresenceSweeper } from '@hub/assignment/presence/presence.sweeper.js';
import { FreedCapacity } from '@hub/assignment/routing/freed-capacity.js';
import { QueueDrainer } from '@hub/assignment/routing/queue-drainer.js';
import { DueSweeper, QueueSweeper } from '@hub/assignment/routing/routing.sweeper.js';
import { AssignmentModule } from './assignment.module.js';

/** The engine at work: drains queues, and does what has a time. Exports what the relay tells. */
@Module({
  imports: [AssignmentModule],
  providers: [PresenceSweeper, QueueDrainer, DueSweeper, QueueSweeper, FreedCapacity],
  exports: [FreedCapacity],
})
export class AssignmentWorkerModule {}

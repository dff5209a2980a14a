import { Module } from '@nestjs/common';
import { PresenceSweeper } from '@hub/assignment/presence/presence.sweeper.js';
import { AssignmentModule } from './assignment.module.js';

@Module({ imports: [AssignmentModule], providers: [PresenceSweeper] })
export class AssignmentWorkerModule {}

import { Module } from '@nestjs/common';
import { ConversationsModule } from './conversations.module.js';
import { ScheduleSweeper } from './schedule.sweeper.js';
import { SnoozeSweeper } from './snooze.sweeper.js';

@Module({ imports: [ConversationsModule], providers: [SnoozeSweeper, ScheduleSweeper] })
export class ConversationsWorkerModule {}

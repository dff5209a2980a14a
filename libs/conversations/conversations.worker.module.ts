import { Module } from '@nestjs/common';
import { ConversationsModule } from './conversations.module.js';
import { SnoozeSweeper } from './snooze.sweeper.js';

@Module({ imports: [ConversationsModule], providers: [SnoozeSweeper] })
export class ConversationsWorkerModule {}

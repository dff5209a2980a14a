import { Module } from '@nestjs/common';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { AssignmentService } from './assignment.service.js';

@Module({ imports: [ConversationsModule], providers: [AssignmentService], exports: [AssignmentService] })
export class AssignmentModule {}

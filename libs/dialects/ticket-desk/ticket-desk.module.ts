import { Module } from '@nestjs/common';
import { AssignmentModule } from '@hub/assignment/assignment.module.js';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { HttpModule } from '@hub/http/http.module.js';
import { DeskConversationsController } from './conversations.controller.js';
import { DeskTicketsController } from './tickets.controller.js';

@Module({
  imports: [HttpModule, ConversationsModule, AssignmentModule],
  controllers: [DeskConversationsController, DeskTicketsController],
})
export class TicketDeskModule {}

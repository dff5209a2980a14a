import { Module } from '@nestjs/common';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { HttpModule } from '@hub/http/http.module.js';
import { ParticipantsConversationsController } from './conversations.controller.js';
import { ParticipantsMessagesController } from './messages.controller.js';

@Module({
  imports: [HttpModule, ConversationsModule],
  controllers: [ParticipantsConversationsController, ParticipantsMessagesController],
})
export class ParticipantsModule {}

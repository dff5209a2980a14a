import { Module } from '@nestjs/common';
import { AssignmentModule } from '@hub/assignment/assignment.module.js';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { HttpModule } from '@hub/http/http.module.js';
import { PactConversationsController } from './conversations.controller.js';

@Module({ imports: [HttpModule, ConversationsModule, AssignmentModule], controllers: [PactConversationsController] })
export class PactModule {}

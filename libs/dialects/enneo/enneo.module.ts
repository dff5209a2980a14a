import { Module } from '@nestjs/common';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { HttpModule } from '@hub/http/http.module.js';
import { MediaModule } from '@hub/media/media.module.js';
import { EnneoConversationsController } from './conversations.controller.js';

@Module({ imports: [HttpModule, ConversationsModule, MediaModule], controllers: [EnneoConversationsController] })
export class EnneoModule {}

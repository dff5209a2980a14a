import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AssignmentModule } from '@hub/assignment/assignment.module.js';
import { BotsModule } from '@hub/bots/bots.module.js';
import { ChannelsModule } from '@hub/channels/channels.module.js';
import { ContactsModule } from '@hub/contacts/contacts.module.js';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { EventsModule } from '@hub/events/events.module.js';
import { EventFormat } from '@hub/events/outbox.js';
import { IdentityModule } from '@hub/identity/identity.module.js';
import { MediaModule } from '@hub/media/media.module.js';
import { WebhooksModule } from '@hub/webhooks/webhooks.module.js';
import { ApiKeysController } from './api-keys.controller.js';
import { AuthController } from './auth.controller.js';
import { AuditController } from './audit.controller.js';
import { BotsController } from './bots.controller.js';
import { ChannelsController } from './channels.controller.js';
import { ContactsController } from './contacts.controller.js';
import { ConversationsController } from './conversations.controller.js';
import { MediaController } from './media.controller.js';
import { ConversationMessagesController } from './messages.controller.js';
import { UploadInterceptor } from './media.upload.js';
import { UsersController } from './users.controller.js';
import { V1ErrorsFilter } from './v1.errors.filter.js';
import { V1EventFormat } from './v1.events.js';
import { V1Limits } from './v1.limits.js';
import { WebhooksController } from './webhooks.controller.js';

/** How events are worded, for every process that writes any. */
@Global()
@Module({ providers: [{ provide: EventFormat, useClass: V1EventFormat }], exports: [EventFormat] })
export class V1EventsModule {}

@Module({
  imports: [
    EventsModule,
    IdentityModule,
    ContactsModule,
    ChannelsModule,
    ConversationsModule,
    AssignmentModule,
    BotsModule,
    MediaModule,
    WebhooksModule,
  ],
  controllers: [
    ConversationsController,
    ConversationMessagesController,
    ContactsController,
    ChannelsController,
    UsersController,
    AuthController,
    ApiKeysController,
    BotsController,
    MediaController,
    WebhooksController,
    AuditController,
  ],
  providers: [{ provide: APP_FILTER, useClass: V1ErrorsFilter }, V1Limits, UploadInterceptor],
})
export class V1Module {}

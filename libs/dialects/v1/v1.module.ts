import { Global, Module } from '@nestjs/common';
import { AssignmentModule } from '@hub/assignment/assignment.module.js';
import { BotsModule } from '@hub/bots/bots.module.js';
import { ChannelsModule } from '@hub/channels/channels.module.js';
import { ContactsModule } from '@hub/contacts/contacts.module.js';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { EventsModule } from '@hub/events/events.module.js';
import { EventFormat } from '@hub/events/outbox.js';
import { HttpModule } from '@hub/http/http.module.js';
import { IdentityModule } from '@hub/identity/identity.module.js';
import { MediaModule } from '@hub/media/media.module.js';
import { WebhooksModule } from '@hub/webhooks/webhooks.module.js';
import { ApiKeysController } from './api-keys.controller.js';
import { AuthController } from './auth.controller.js';
import { AuditController } from './audit.controller.js';
import { BotsController } from './bots.controller.js';
import { ChannelMessagesController } from './channel-messages.controller.js';
import { ChannelsController } from './channels.controller.js';
import { ContactsController } from './contacts.controller.js';
import { ConversationMessagesController } from './conversation-messages.controller.js';
import { ConversationsController } from './conversations.controller.js';
import { MessagesController } from './messages.controller.js';
import { ConversationHistoryController } from './conversation-history.controller.js';
import { ConversationParticipantsController } from './conversation-participants.controller.js';
import { MyPresenceController, PresenceController } from './presence.controller.js';
import { QueuesController } from './queues.controller.js';
import { TeamsController } from './teams.controller.js';
import { TicketsController } from './tickets.controller.js';
import { MyOffersController, OffersController } from './offers.controller.js';
import { AutomationRulesController } from './automation-rules.controller.js';
import { ConversationServiceLevelsController, ServiceLevelsController } from './service-levels.controller.js';
import { RoutingRulesController } from './routing-rules.controller.js';
import { QueueExplainController } from './queue-explain.controller.js';
import { MediaController } from './media.controller.js';
import { UploadGuard } from './media.upload.js';
import { UsersController } from './users.controller.js';
import { V1EventFormat } from './v1.events.js';
import { WebhookDeliveriesController } from './webhook-deliveries.controller.js';
import { WebhookRecoveriesController } from './webhook-recoveries.controller.js';
import { WebhooksController } from './webhooks.controller.js';

/** How events are worded, for every process that writes any. */
@Global()
@Module({ providers: [{ provide: EventFormat, useClass: V1EventFormat }], exports: [EventFormat] })
export class V1EventsModule {}

@Module({
  imports: [
    HttpModule,
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
    MessagesController,
    ChannelMessagesController,
    ConversationParticipantsController,
    ConversationHistoryController,
    TicketsController,
    OffersController,
    MyOffersController,
    QueueExplainController,
    ContactsController,
    ChannelsController,
    UsersController,
    TeamsController,
    QueuesController,
    RoutingRulesController,
    AutomationRulesController,
    ServiceLevelsController,
    ConversationServiceLevelsController,
    PresenceController,
    MyPresenceController,
    AuthController,
    ApiKeysController,
    BotsController,
    MediaController,
    WebhooksController,
    WebhookDeliveriesController,
    WebhookRecoveriesController,
    AuditController,
  ],
  providers: [UploadGuard],
})
export class V1Module {}

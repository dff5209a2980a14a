import { Module } from '@nestjs/common';
import { EventsModule } from '@hub/events/events.module.js';
import { Claims } from './claims.js';
import { DeliveriesQueries } from './deliveries.queries.js';
import { DeliveriesService } from './deliveries.service.js';
import { EndpointStatsQueries } from './endpoint-stats.queries.js';
import { RecoveryQueries } from './recovery.queries.js';
import { RecoveryService } from './recovery.service.js';
import { SendNow } from './send-now.js';
import { Sender } from './sender.js';
import { Settlement } from './settlement.js';
import { WebhooksQueries } from './webhooks.queries.js';
import { WebhooksService } from './webhooks.service.js';

/** Tests and retries by hand are sent by the process that is asked; everything else by the workers. */
@Module({
  imports: [EventsModule],
  providers: [
    WebhooksService,
    WebhooksQueries,
    DeliveriesService,
    DeliveriesQueries,
    EndpointStatsQueries,
    RecoveryService,
    RecoveryQueries,
    Claims,
    SendNow,
    Sender,
    Settlement,
  ],
  exports: [
    WebhooksService,
    WebhooksQueries,
    DeliveriesService,
    DeliveriesQueries,
    EndpointStatsQueries,
    RecoveryService,
    RecoveryQueries,
    Claims,
    Sender,
    Settlement,
  ],
})
export class WebhooksModule {}

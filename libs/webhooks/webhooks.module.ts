import { Module } from '@nestjs/common';
import { EventsModule } from '@hub/events/events.module.js';
import { AttemptReport } from './attempt-report.js';
import { Claims } from './claims.js';
import { DeliveriesQueries } from './deliveries.queries.js';
import { DeliveriesService } from './deliveries.service.js';
import { EndpointStatsQueries } from './endpoint-stats.queries.js';
import { EngineMetrics } from './engine-metrics.js';
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
    EngineMetrics,
    AttemptReport,
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
    EngineMetrics,
    Claims,
    Sender,
    Settlement,
  ],
})
export class WebhooksModule {}

import { Module } from '@nestjs/common';
import { EventsModule } from '@hub/events/events.module.js';
import { EndpointWatch } from './endpoint-watch.sweeper.js';
import { EngineGauges } from './engine-gauges.js';
import { FanOut } from './fan-out.js';
import { LaneProcessor } from './lane.processor.js';
import { LaneQueue } from './lane.queue.js';
import { Lanes } from './lanes.js';
import { LogRetention } from './log-retention.sweeper.js';
import { Recovery } from './recovery.sweeper.js';
import { Sweeper } from './sweeper.js';
import { WebhooksModule } from './webhooks.module.js';

/** Exports what the relay tells. */
@Module({
  imports: [EventsModule, WebhooksModule],
  providers: [Lanes, EngineGauges, LaneQueue, LaneProcessor, Sweeper, EndpointWatch, LogRetention, Recovery, FanOut],
  exports: [FanOut],
})
export class WebhooksWorkerModule {}

import { Module } from '@nestjs/common';
import { EventsModule } from '@hub/events/events.module.js';
import { EndpointWatch } from './endpoint-watch.sweeper.js';
import { FanOut } from './fan-out.js';
import { LaneProcessor } from './lane.processor.js';
import { LaneQueue } from './lane.queue.js';
import { Lanes } from './lanes.js';
import { LogRetention } from './log-retention.sweeper.js';
import { Sweeper } from './sweeper.js';
import { WebhooksModule } from './webhooks.module.js';

/** Exports what the relay tells. */
@Module({
  imports: [EventsModule, WebhooksModule],
  providers: [Lanes, LaneQueue, LaneProcessor, Sweeper, EndpointWatch, LogRetention, FanOut],
  exports: [FanOut],
})
export class WebhooksWorkerModule {}

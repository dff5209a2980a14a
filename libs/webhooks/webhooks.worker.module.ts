import { Module } from '@nestjs/common';
import { EventSink } from '@hub/events/relay.service.js';
import { FanOut } from './fan-out.js';
import { LaneProcessor } from './lane.processor.js';
import { LaneQueue } from './lane.queue.js';
import { Lanes } from './lanes.js';
import { Sweeper } from './sweeper.js';
import { WebhooksModule } from './webhooks.module.js';

/** Exports the {@link EventSink} that the relay tells. */
@Module({
  imports: [WebhooksModule],
  providers: [Lanes, LaneQueue, LaneProcessor, Sweeper, { provide: EventSink, useClass: FanOut }],
  exports: [EventSink],
})
export class WebhooksWorkerModule {}

import { Module } from '@nestjs/common';
import { EventsModule } from '@hub/events/events.module.js';
import { ChannelsQueries } from './channels.queries.js';
import { ChannelsService } from './channels.service.js';

@Module({
  imports: [EventsModule],
  providers: [ChannelsService, ChannelsQueries],
  exports: [ChannelsService, ChannelsQueries],
})
export class ChannelsModule {}

import { Module } from '@nestjs/common';
import { EventsModule } from '@hub/events/events.module.js';
import { ChannelStatsQueries } from './channel-stats.queries.js';
import { ChannelTestService } from './channel-test.service.js';
import { ChannelsQueries } from './channels.queries.js';
import { ChannelsService } from './channels.service.js';

const providers = [ChannelsService, ChannelsQueries, ChannelTestService, ChannelStatsQueries];

@Module({ imports: [EventsModule], providers, exports: providers })
export class ChannelsModule {}

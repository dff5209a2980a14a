import { Module } from '@nestjs/common';
import { EventsModule } from '@hub/events/events.module.js';
import { BotsQueries } from './bots.queries.js';
import { BotsService } from './bots.service.js';

@Module({ imports: [EventsModule], providers: [BotsService, BotsQueries], exports: [BotsService, BotsQueries] })
export class BotsModule {}

import { Module } from '@nestjs/common';
import { AuditQueries } from './audit.queries.js';
import { EventLogQueries } from './event-log.queries.js';
import { OutboxSignal } from './outbox-signal.js';
import { Outbox } from './outbox.js';

/** Needs an {@link EventFormat}, which the app registers globally. */
@Module({
  providers: [OutboxSignal, Outbox, AuditQueries, EventLogQueries],
  exports: [Outbox, OutboxSignal, AuditQueries, EventLogQueries],
})
export class EventsModule {}

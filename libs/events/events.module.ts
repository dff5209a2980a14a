import { Module } from '@nestjs/common';
import { OutboxSignal } from './outbox-signal.js';
import { Outbox } from './outbox.js';

/** Needs an {@link EventFormat}, which the app registers globally. */
@Module({ providers: [OutboxSignal, Outbox], exports: [Outbox, OutboxSignal] })
export class EventsModule {}

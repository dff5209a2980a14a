import { EventSink, type ClaimedEvent } from './relay.service.js';
import type { Tx } from '@hub/model/database.js';

/** Several sinks as one, in their order: all of them join the relay's transaction, all are woken. */
export class EventSinks extends EventSink {
  constructor(private readonly sinks: readonly EventSink[]) {
    super();
  }

  override async fanOut(tx: Tx, events: readonly ClaimedEvent[]): Promise<void> {
    for (const sink of this.sinks) await sink.fanOut(tx, events);
  }

  override async wake(events: readonly ClaimedEvent[]): Promise<void> {
    await Promise.all(this.sinks.map((sink) => sink.wake(events)));
  }
}

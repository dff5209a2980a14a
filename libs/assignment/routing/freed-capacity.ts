import { Injectable } from '@nestjs/common';
import type { EventType } from '@hub/events/catalog.js';
import { EventSink, type ClaimedEvent } from '@hub/events/relay.service.js';
import type { Tx } from '@hub/model/database.js';
import { QueueDrainer } from './queue-drainer.js';

/** What frees an agent's hands without a command of this floor having been asked. */
const FREES: ReadonlySet<EventType> = new Set<EventType>(['conversation.closed', 'conversation.snoozed']);

/** Hears of every event and wakes the queues of an organization in which somebody's hands were freed. A hint only. */
@Injectable()
export class FreedCapacity extends EventSink {
  constructor(private readonly drainer: QueueDrainer) {
    super();
  }

  override async fanOut(_tx: Tx, _events: readonly ClaimedEvent[]): Promise<void> {
    // writes nothing: what waits is in its queue already
  }

  override async wake(events: readonly ClaimedEvent[]): Promise<void> {
    const freed = new Set(events.filter(({ type }) => FREES.has(type)).map(({ organizationId }) => organizationId));
    this.drainer.hear([...freed].map((organizationId) => ({ what: 'all', organizationId, id: '' })));
    return Promise.resolve();
  }
}

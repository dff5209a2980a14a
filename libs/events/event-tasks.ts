import type { Tx } from '@hub/model/database.js';
import type { EventType } from './catalog.js';
import { EventSink, type ClaimedEvent } from './relay.service.js';

/** Somebody in the product who has something to do when an event has happened. */
export interface EventConsumer {
  /** As it stands in `event_task`; part of a statement: lower case and `_` only. */
  readonly consumer: string;
  /** Whether events of this type can mean anything to it at all. */
  wants(type: EventType): boolean;
  /**
   * SQL, true where an organization has something to do for an event: `n.organization_id` and `n.type` name both. Only
   * tables that the job `relay` may read.
   */
  readonly interest: string;
  /** It may have something to do. A hint; returns at once. */
  nudge(): void;
}

interface Wanted {
  readonly consumer: EventConsumer;
  readonly event: ClaimedEvent;
}

/**
 * Writes what an event leaves to do in the relay's own commit: one row per event and consumer, for organizations that
 * have anything to do with it. Whether they have is looked up once per batch, organization and type.
 */
export class EventTasks extends EventSink {
  private readonly due = new WeakMap<readonly ClaimedEvent[], ReadonlySet<EventConsumer>>();

  constructor(private readonly consumers: readonly EventConsumer[]) {
    super();
  }

  override async fanOut(tx: Tx, events: readonly ClaimedEvent[]): Promise<void> {
    const wanted = this.consumers.flatMap((consumer) =>
      events.filter(({ type }) => consumer.wants(type)).map((event): Wanted => ({ consumer, event })),
    );
    const interested = await this.interested(tx, wanted);
    const tasks = wanted.filter((one) => interested.has(pairOf(one)));
    if (tasks.length === 0) return;
    await tx.query(INSERT, [
      tasks.map(({ event }) => event.organizationId),
      tasks.map(({ consumer }) => consumer.consumer),
      tasks.map(({ event }) => event.id),
      tasks.map(({ event }) => event.type),
      tasks.map(({ event }) => event.orderKey),
      tasks.map(({ event }) => event.position),
    ]);
    this.due.set(events, new Set(tasks.map(({ consumer }) => consumer)));
  }

  override async wake(events: readonly ClaimedEvent[]): Promise<void> {
    for (const consumer of this.due.get(events) ?? []) consumer.nudge();
    return Promise.resolve();
  }

  private async interested(tx: Tx, wanted: readonly Wanted[]): Promise<ReadonlySet<string>> {
    const pairs = [...new Map(wanted.map((one) => [pairOf(one), one])).values()];
    if (pairs.length === 0) return new Set();
    const cases = this.consumers.map(({ consumer, interest }) => `WHEN '${consumer}' THEN ${interest}`).join(' ');
    const found = await tx.query<{ place: number }[]>(
      `SELECT n.place FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS n(organization_id, type, consumer, place)
       WHERE CASE n.consumer ${cases} END`,
      [
        pairs.map(({ event }) => event.organizationId),
        pairs.map(({ event }) => event.type),
        pairs.map(({ consumer }) => consumer.consumer),
      ],
    );
    const keys = pairs.map(pairOf);
    return new Set(found.map(({ place }) => keys[place - 1] ?? ''));
  }
}

const pairOf = ({ consumer, event }: Wanted): string => `${consumer.consumer} ${event.type} ${event.organizationId}`;

const INSERT = `
  INSERT INTO event_task (organization_id, consumer, event_id, event_type, order_key, position)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[])`;

import { Injectable } from '@nestjs/common';
import { EventSink, type ClaimedEvent } from '@hub/events/relay.service.js';
import { queryPrepared, type Prepared, type Tx } from '@hub/model/database.js';
import { settled } from '@hub/model/pipeline.js';
import { lockOrder, shareEndpointStates, UNFINISHED, type Lane } from './delivery-order.js';
import { EngineMetrics } from './engine-metrics.js';
import { LaneQueue } from './lane.queue.js';
import { Lanes } from './lanes.js';

/** Bytes of a body, the endpoint's id included, beyond which it is sent without its attributes. */
const MAX_BODY = 262_144;
const ADDRESS_BYTES = 64;

/**
 * One row per event and endpoint that has subscribed to it. An endpoint that is `disabled` gets its rows held, one that
 * is `inactive` gets none. Where an order is kept, a row is blocked behind any unfinished one of its order key, be that
 * in the database or earlier in this batch. Doing a batch twice does nothing: a delivery has one possible id, and is
 * looked for among the unfinished ones (by their unique key) and in the log.
 */
const FAN_OUT: Prepared = {
  name: 'webhook-fan-out',
  text: `
  WITH matched AS (
    SELECT e.organization_id, webhook_delivery_id(e.id, e.position, w.id) AS id, w.id AS endpoint_id, e.id AS event_id,
      e.type, e.order_key, e.sequence, e.position, w.status, w.guarded,
      coalesce(w.config->>'payload' = 'thin', false) OR octet_length(e.body) > ${MAX_BODY - ADDRESS_BYTES} AS thin,
      coalesce(w.config->>'ordering', 'conversation') <> 'none' AS ordered,
      row_number() OVER (PARTITION BY w.id, e.order_key ORDER BY e.position) AS turn
    FROM unnest($1::uuid[], $2::uuid[]) AS n(organization_id, id)
    CROSS JOIN LATERAL (
      SELECT e.* FROM event e WHERE e.organization_id = n.organization_id AND e.id = n.id OFFSET 0) AS e
    JOIN webhook_endpoint w ON w.organization_id = e.organization_id AND w.deleted_at IS NULL AND w.status <> 'inactive'
    WHERE EXISTS (
      SELECT FROM unnest(w.events) AS pattern
      WHERE pattern IN ('*', e.type) OR (pattern LIKE '%.*' AND starts_with(e.type, left(pattern, -1))))
      AND (NOT w.config ? 'channelIds' OR w.config->'channelIds' ? e.channel_id::text)
      AND (NOT w.config ? 'teamIds' OR w.config->'teamIds' ? e.team_id::text)
  ), inserted AS (
    INSERT INTO webhook_delivery (organization_id, id, endpoint_id, event_id, event_type, order_key, sequence, position,
      status, thin, out_of_band, next_attempt_at, created_at)
    SELECT m.organization_id, m.id, m.endpoint_id, m.event_id, m.type, m.order_key, m.sequence, m.position,
      CASE WHEN m.status = 'disabled' THEN 'held'
        WHEN m.ordered AND (m.turn > 1 OR EXISTS (
          SELECT FROM webhook_delivery d
          WHERE d.organization_id = m.organization_id AND d.endpoint_id = m.endpoint_id AND d.order_key = m.order_key
            AND d.status IN (${UNFINISHED}) AND NOT d.out_of_band)) THEN 'blocked'
        ELSE 'pending' END,
      m.thin, NOT m.ordered, now(), clock_timestamp()
    FROM matched m
    WHERE (SELECT d.id FROM webhook_delivery d
      WHERE d.organization_id = m.organization_id AND d.id = m.id AND d.endpoint_id = m.endpoint_id -- for either index
      AND d.status IN ('succeeded','exhausted','cancelled')) IS NULL
    ORDER BY m.position, m.endpoint_id
    ON CONFLICT DO NOTHING
    RETURNING organization_id, endpoint_id, status
  )
  SELECT DISTINCT i.organization_id AS "organizationId", i.endpoint_id AS "endpointId", w.guarded
  FROM inserted i JOIN webhook_endpoint w ON w.organization_id = i.organization_id AND w.id = i.endpoint_id
  WHERE i.status = 'pending'`,
};

@Injectable()
export class FanOut extends EventSink {
  /** What a batch has made due and when it was begun, from its fan-out to its wake. */
  private readonly batches = new WeakMap<readonly ClaimedEvent[], { due: readonly Lane[]; started: number }>();

  constructor(
    private readonly queue: LaneQueue,
    private readonly lanes: Lanes,
    private readonly metrics: EngineMetrics,
  ) {
    super();
  }

  override async fanOut(tx: Tx, events: readonly ClaimedEvent[]): Promise<void> {
    const started = performance.now();
    const organizations = events.map((event) => event.organizationId);
    const ids = events.map((event) => event.id);
    const orderKeys = events.map((event) => event.orderKey);
    const [, , lanes] = await settled([
      shareEndpointStates(tx, [...new Set(organizations)]),
      lockOrder(tx, orderKeys),
      queryPrepared<Lane>(tx, FAN_OUT, [organizations, ids]),
    ]);
    this.batches.set(events, { due: lanes, started });
  }

  /**
   * The shortest way is this process's own: it takes up what it has slots for. The other workers are told of the lanes
   * that it cannot keep up with; without a queue they find them within a second.
   */
  override async wake(events: readonly ClaimedEvent[]): Promise<void> {
    const batch = this.batches.get(events);
    if (!batch) return;
    this.metrics.fanOut.observe((performance.now() - batch.started) / 1_000);
    const crowded = batch.due.filter((lane) => !this.lanes.kick(lane));
    if (crowded.length > 0) await this.queue.hint(crowded);
  }
}

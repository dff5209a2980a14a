import { Injectable } from '@nestjs/common';
import { EventFormat } from '@hub/events/outbox.js';
import { Database } from '@hub/model/database.js';
import type { DeliveryStatus } from '@hub/model/webhook.entity.js';
import { CountCache, offsetOf, type Page } from '@hub/platform/paging.js';
import { addressTo } from './sender.js';
import { DeliveryNotFoundError } from './webhooks.errors.js';
import { assertWebhook } from './webhooks.queries.js';
import {
  shownStatus,
  type AttemptView,
  type DeliveryDetails,
  type DeliveryView,
  type ListDeliveries,
  type ShownDeliveryStatus,
} from './webhooks.types.js';

type DeliveryRow = Omit<DeliveryView, 'status' | 'payload' | 'request' | 'response' | 'nextAttemptAt'> & {
  readonly status: DeliveryStatus;
  readonly body: string;
  readonly thin: boolean;
  readonly nextAttemptAt: Date;
  readonly requestHeaders: Record<string, string> | null;
  readonly responseCode: number | null;
  readonly responseBody: string | null;
  readonly responseTruncated: boolean;
};

const COLUMNS = `d.organization_id AS "organizationId", d.id, d.endpoint_id AS "webhookId", d.event_id AS "eventId",
  d.event_type AS event, d.order_key AS "orderKey", d.sequence, d.status, d.last_status_code AS "statusCode",
  d.last_error AS "errorMessage", d.attempts, coalesce(d.test_body, e.body) AS body, d.thin,
  d.next_attempt_at AS "nextAttemptAt", d.created_at AS "createdAt", d.last_attempt_at AS "lastAttemptAt",
  a.request_headers AS "requestHeaders", a.status_code AS "responseCode", a.response_body AS "responseBody",
  a.response_truncated AS "responseTruncated"`;

/** Each by its key, delivery by delivery: of all the days of the log only the one that holds it is looked at. */
const JOINS = `
  LEFT JOIN LATERAL (
    SELECT e.body FROM event e WHERE e.organization_id = d.organization_id AND e.id = d.event_id OFFSET 0) AS e ON true
  LEFT JOIN LATERAL (
    SELECT a.* FROM webhook_attempt a
    WHERE a.organization_id = d.organization_id AND a.id = d.last_attempt_id AND a.outcome <> 'open' OFFSET 0) AS a ON true`;

/** The stored statuses behind each one that is shown. */
const STORED: Readonly<Record<ShownDeliveryStatus, readonly DeliveryStatus[]>> = {
  pending: ['blocked', 'pending', 'leased'],
  succeeded: ['succeeded'],
  failed: ['exhausted'],
  held: ['held'],
  cancelled: ['cancelled'],
};

@Injectable()
export class DeliveriesQueries {
  private readonly counts = new CountCache();

  constructor(
    private readonly db: Database,
    private readonly format: EventFormat,
  ) {}

  /** By the time of their events. @throws WebhookNotFoundError */
  async listDeliveries(
    organizationId: string,
    webhookId: string,
    request: ListDeliveries,
  ): Promise<Page<DeliveryView>> {
    const { page, perPage, sortOrder } = request;
    const { from, values } = selection(organizationId, webhookId, request);
    const db = this.db.reader(organizationId);
    const rows = await db.query<DeliveryRow[]>(
      `SELECT ${COLUMNS} FROM (
         SELECT d.* FROM ${from} ORDER BY d.id ${sortOrder} LIMIT ${perPage} OFFSET ${offsetOf(request)}) AS d ${JOINS}
       ORDER BY d.id ${sortOrder}`,
      values,
    );
    if (rows.length === 0) await assertWebhook(db, organizationId, webhookId);
    const totalCount = await this.counts.total(`${from} ${values.join()}`, async () => {
      const [row] = await db.query<{ total: number }[]>(`SELECT count(*) AS total FROM ${from}`, values);
      return row?.total ?? 0;
    });
    return { items: rows.map((row) => this.toDelivery(row)), totalCount, page, perPage };
  }

  /** With every attempt, the first one first. @throws WebhookNotFoundError, DeliveryNotFoundError */
  async getDelivery(organizationId: string, webhookId: string, id: string): Promise<DeliveryDetails> {
    const db = this.db.reader(organizationId);
    const [row] = await db.query<(DeliveryRow & { attemptLog: StoredAttempt[] })[]>(
      `SELECT ${COLUMNS}, (
         SELECT coalesce(jsonb_agg(jsonb_build_object('n', t.n, 'trigger', t.trigger, 'outcome', t.outcome,
           'statusCode', t.status_code, 'durationMs', t.duration_ms, 'error', t.error,
           'requestHeaders', t.request_headers, 'responseBody', t.response_body,
           'responseTruncated', t.response_truncated, 'startedAt', t.started_at, 'endedAt', t.ended_at)
           ORDER BY t.n), '[]')
         FROM webhook_attempt t WHERE t.organization_id = d.organization_id AND t.delivery_id = d.id
           AND t.id >= uuid_at(d.created_at - interval '1 hour') AND t.id <= d.last_attempt_id) AS "attemptLog"
       FROM webhook_delivery d
       JOIN webhook_endpoint w ON w.organization_id = d.organization_id AND w.id = d.endpoint_id AND w.deleted_at IS NULL
       ${JOINS}
       WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.id = $3`,
      [organizationId, webhookId, id],
    );
    if (row) return { ...this.toDelivery(row), attemptLog: row.attemptLog.map(toAttempt) };
    await assertWebhook(db, organizationId, webhookId);
    throw new DeliveryNotFoundError();
  }

  private toDelivery(row: DeliveryRow): DeliveryView {
    const { organizationId, id, webhookId, eventId, event, orderKey, sequence } = row;
    const status = shownStatus(row.status);
    return {
      organizationId,
      id,
      webhookId,
      eventId,
      event,
      orderKey,
      sequence,
      status,
      statusCode: row.statusCode,
      errorMessage: row.errorMessage,
      attempts: row.attempts,
      payload: JSON.parse(addressTo(row.thin ? this.format.thin(row.body) : row.body, webhookId)) as Record<
        string,
        unknown
      >,
      request: row.requestHeaders && { headers: row.requestHeaders },
      response:
        row.responseCode === null
          ? null
          : { statusCode: row.responseCode, body: row.responseBody ?? '', truncated: row.responseTruncated },
      nextAttemptAt: status === 'pending' ? row.nextAttemptAt : null,
      createdAt: row.createdAt,
      lastAttemptAt: row.lastAttemptAt,
    };
  }
}

/** The deliveries `d` that are asked for, newest and oldest first alike in the order of an index. */
function selection(
  organizationId: string,
  webhookId: string,
  { status, event, conversationId, eventId, since, until }: ListDeliveries,
): { from: string; values: unknown[] } {
  const values: unknown[] = [organizationId, webhookId];
  const conditions = [
    'd.organization_id = $1 AND d.endpoint_id = $2',
    `EXISTS (SELECT FROM webhook_endpoint w WHERE w.organization_id = $1 AND w.id = $2 AND w.deleted_at IS NULL)`,
  ];
  const add = (condition: (n: string) => string, value: unknown): number =>
    conditions.push(condition(`$${values.push(value)}`));
  if (status) conditions.push(`d.status IN (${STORED[status].map((stored) => `'${stored}'`).join()})`);
  if (event?.endsWith('.*')) add((n) => `starts_with(d.event_type, ${n})`, event.slice(0, -1));
  else if (event && event !== '*') add((n) => `d.event_type = ${n}`, event);
  if (since) add((n) => `d.id >= uuid_at(${n}::timestamptz)`, since);
  if (until) add((n) => `d.id < uuid_at(${n}::timestamptz)`, until);
  if (eventId) {
    add((n) => `d.event_id = ${n}`, eventId);
    const at = timeOf(eventId);
    add((n) => `d.id >= uuid_at(${n}::timestamptz)`, new Date(at));
    add((n) => `d.id < uuid_at(${n}::timestamptz)`, new Date(at + TEST_LAG_MS));
  }
  const where = conditions.join(' AND ');
  if (!conversationId) return { from: `webhook_delivery d WHERE ${where}`, values };
  const n = values.push(conversationId);
  const from = `event c CROSS JOIN LATERAL (
    SELECT d.* FROM webhook_delivery d
    WHERE d.id = webhook_delivery_id(c.id, c.position, $2) AND ${where} OFFSET 0) AS d
    WHERE c.organization_id = $1 AND c.order_key = $${n} AND c.sequence > 0`;
  return { from, values };
}

/** A delivery has the time of its event in its id; that of a test has its own, made just after. */
const TEST_LAG_MS = 1_000;
/** The milliseconds that a UUIDv7 begins with. */
const timeOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

/** As it comes out of JSON. */
type StoredAttempt = Omit<AttemptView, 'startedAt' | 'endedAt'> & {
  readonly startedAt: string;
  readonly endedAt: string | null;
};

const toAttempt = ({ startedAt, endedAt, ...attempt }: StoredAttempt): AttemptView => ({
  ...attempt,
  startedAt: new Date(startedAt),
  endedAt: endedAt === null ? null : new Date(endedAt),
});

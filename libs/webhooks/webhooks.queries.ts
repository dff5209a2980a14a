import { Injectable } from '@nestjs/common';
import { Database, type Reader } from '@hub/model/database.js';
import type { DeliveryStatus, EndpointConfig, EndpointStatus } from '@hub/model/webhook.entity.js';
import { CountCache, offsetOf, type Page } from '@hub/platform/paging.js';
import { withDefaults } from './endpoint-input.js';
import { addressTo } from './sender.js';
import { DeliveryNotFoundError, WebhookNotFoundError } from './webhooks.errors.js';
import {
  shownStatus,
  type AttemptView,
  type DeliveryDetails,
  type DeliveryView,
  type ListDeliveries,
  type ListWebhooks,
  type ShownDeliveryStatus,
  type WebhookView,
} from './webhooks.types.js';

interface WebhookRow {
  readonly organizationId: string;
  readonly id: string;
  readonly url: string;
  readonly events: string[];
  readonly description: string | null;
  readonly headers: Record<string, string>;
  readonly config: EndpointConfig;
  readonly publicKey: string | null;
  readonly status: EndpointStatus;
  readonly disabledReason: string | null;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly latencyMs: number;
  readonly lastId: string | null;
  readonly lastEvent: string;
  readonly lastStatus: DeliveryStatus;
  readonly lastStatusCode: number | null;
  readonly lastAt: Date;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const WEBHOOKS = `
  SELECT w.organization_id AS "organizationId", w.id, w.url, w.events, w.description, w.headers, w.config,
    w.key_pair->>'publicKey' AS "publicKey", w.status, w.disabled_reason AS "disabledReason", w.deliveries_total AS total, w.deliveries_succeeded AS succeeded,
    w.deliveries_failed AS failed, w.latency_total_ms AS "latencyMs", d.id AS "lastId", d.event_type AS "lastEvent",
    d.status AS "lastStatus", d.last_status_code AS "lastStatusCode",
    coalesce(d.last_attempt_at, d.created_at) AS "lastAt", w.created_at AS "createdAt", w.updated_at AS "updatedAt"
  FROM webhook_endpoint w
  LEFT JOIN LATERAL (
    SELECT d.* FROM webhook_delivery d WHERE d.organization_id = w.organization_id AND d.endpoint_id = w.id
    ORDER BY d.id DESC LIMIT 1) AS d ON true`;

type DeliveryRow = Omit<DeliveryView, 'status' | 'payload' | 'request' | 'response' | 'nextAttemptAt'> & {
  readonly status: DeliveryStatus;
  readonly body: string;
  readonly nextAttemptAt: Date;
  readonly requestHeaders: Record<string, string> | null;
  readonly responseCode: number | null;
  readonly responseBody: string | null;
  readonly responseTruncated: boolean;
};

const DELIVERY_COLUMNS = `d.organization_id AS "organizationId", d.id, d.endpoint_id AS "webhookId", d.event_id AS "eventId",
  d.event_type AS event, d.order_key AS "orderKey", d.sequence, d.status, d.last_status_code AS "statusCode",
  d.last_error AS "errorMessage", d.attempts, coalesce(d.test_body, e.body) AS body, d.next_attempt_at AS "nextAttemptAt",
  d.created_at AS "createdAt", d.last_attempt_at AS "lastAttemptAt", a.request_headers AS "requestHeaders",
  a.status_code AS "responseCode", a.response_body AS "responseBody", a.response_truncated AS "responseTruncated"`;

const DELIVERY_JOINS = `
  LEFT JOIN event e ON e.organization_id = d.organization_id AND e.id = d.event_id
  LEFT JOIN webhook_attempt a ON a.organization_id = d.organization_id AND a.id = d.last_attempt_id AND a.outcome <> 'open'`;

/** The stored statuses behind each one that is shown. */
const STORED: Readonly<Record<ShownDeliveryStatus, readonly DeliveryStatus[]>> = {
  pending: ['blocked', 'pending', 'leased'],
  succeeded: ['succeeded'],
  failed: ['exhausted'],
  held: ['held'],
  cancelled: ['cancelled'],
};

const MASK = '********';

@Injectable()
export class WebhooksQueries {
  private readonly counts = new CountCache();

  constructor(private readonly db: Database) {}

  /** @throws WebhookNotFoundError */
  async getWebhook(
    organizationId: string,
    id: string,
    tx: Reader = this.db.reader(organizationId),
  ): Promise<WebhookView> {
    const [row] = await tx.query<WebhookRow[]>(
      `${WEBHOOKS} WHERE w.organization_id = $1 AND w.id = $2 AND w.deleted_at IS NULL`,
      [organizationId, id],
    );
    if (!row) throw new WebhookNotFoundError();
    return toWebhook(row);
  }

  async listWebhooks(organizationId: string, request: ListWebhooks): Promise<Page<WebhookView>> {
    const { page, perPage, sortOrder, status = null } = request;
    const where = `w.organization_id = $1 AND w.deleted_at IS NULL AND ($2::text IS NULL OR w.status = $2)`;
    const values = [organizationId, status];
    const db = this.db.reader(organizationId);
    const rows = await db.query<WebhookRow[]>(
      `${WEBHOOKS} WHERE ${where} ORDER BY w.created_at ${sortOrder}, w.id ${sortOrder}
       LIMIT ${perPage} OFFSET ${offsetOf(request)}`,
      values,
    );
    const totalCount = await this.count(db, `webhooks ${values.join()}`, `webhook_endpoint w WHERE ${where}`, values);
    return { items: rows.map(toWebhook), totalCount, page, perPage };
  }

  /** Newest first. @throws WebhookNotFoundError */
  async listDeliveries(
    organizationId: string,
    webhookId: string,
    request: ListDeliveries,
  ): Promise<Page<DeliveryView>> {
    const { page, perPage, status, event, conversationId } = request;
    const values: unknown[] = [organizationId, webhookId];
    const conditions = ['d.organization_id = $1', 'd.endpoint_id = $2'];
    if (status) conditions.push(`d.status IN (${STORED[status].map((stored) => `'${stored}'`).join()})`);
    if (event) conditions.push(`d.event_type = $${values.push(event)}`);
    if (conversationId) {
      const n = values.push(conversationId);
      conditions.push(
        `d.id = ANY (ARRAY(SELECT webhook_delivery_id(id, position, $2) FROM event
           WHERE organization_id = $1 AND order_key = $${n} AND sequence > 0))`,
      );
    }
    conditions.push(`EXISTS (SELECT FROM webhook_endpoint w
      WHERE w.organization_id = $1 AND w.id = $2 AND w.deleted_at IS NULL)`);
    const from = `webhook_delivery d WHERE ${conditions.join(' AND ')}`;
    const db = this.db.reader(organizationId);
    const rows = await db.query<DeliveryRow[]>(
      `SELECT ${DELIVERY_COLUMNS} FROM (
         SELECT d.* FROM ${from} ORDER BY d.id DESC
         LIMIT ${perPage} OFFSET ${offsetOf(request)}) AS d ${DELIVERY_JOINS}
       ORDER BY d.id DESC`,
      values,
    );
    if (rows.length === 0) await this.getWebhook(organizationId, webhookId);
    const totalCount = await this.count(db, `deliveries ${[status, ...values].join()}`, from, values);
    return { items: rows.map(toDelivery), totalCount, page, perPage };
  }

  /** With every attempt, the first one first. @throws WebhookNotFoundError, DeliveryNotFoundError */
  async getDelivery(organizationId: string, webhookId: string, id: string): Promise<DeliveryDetails> {
    const db = this.db.reader(organizationId);
    const [row] = await db.query<(DeliveryRow & { attemptLog: StoredAttempt[] })[]>(
      `SELECT ${DELIVERY_COLUMNS}, (
         SELECT coalesce(jsonb_agg(jsonb_build_object('n', t.n, 'trigger', t.trigger, 'outcome', t.outcome,
           'statusCode', t.status_code, 'durationMs', t.duration_ms, 'error', t.error,
           'requestHeaders', t.request_headers, 'responseBody', t.response_body,
           'responseTruncated', t.response_truncated, 'startedAt', t.started_at, 'endedAt', t.ended_at)
           ORDER BY t.n), '[]')
         FROM webhook_attempt t WHERE t.organization_id = d.organization_id AND t.delivery_id = d.id) AS "attemptLog"
       FROM webhook_delivery d
       JOIN webhook_endpoint w ON w.organization_id = d.organization_id AND w.id = d.endpoint_id AND w.deleted_at IS NULL
       ${DELIVERY_JOINS}
       WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.id = $3`,
      [organizationId, webhookId, id],
    );
    if (row) return { ...toDelivery(row), attemptLog: row.attemptLog.map(toAttempt) };
    await this.getWebhook(organizationId, webhookId);
    throw new DeliveryNotFoundError();
  }

  private count(db: Reader, key: string, from: string, values: unknown[]): Promise<number> {
    return this.counts.total(key, async () => {
      const [row] = await db.query<{ total: number }[]>(`SELECT count(*) AS total FROM ${from}`, values);
      return row?.total ?? 0;
    });
  }
}

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

function toWebhook(row: WebhookRow): WebhookView {
  const { organizationId, id, url, events, description, status, disabledReason, createdAt, updatedAt } = row;
  const ended = row.succeeded + row.failed;
  return {
    organizationId,
    id,
    url,
    events,
    description,
    headers: Object.fromEntries(Object.keys(row.headers).map((name) => [name, MASK])),
    config: withDefaults(row.config),
    publicKey: row.publicKey,
    status,
    disabledReason,
    stats: {
      deliveriesTotal: row.total,
      deliveriesSucceeded: row.succeeded,
      deliveriesFailed: row.failed,
      successRate: ended === 0 ? null : row.succeeded / ended,
      avgLatency: row.succeeded === 0 ? null : Math.round(row.latencyMs / row.succeeded),
    },
    lastDelivery:
      row.lastId === null
        ? null
        : {
            id: row.lastId,
            event: row.lastEvent,
            status: shownStatus(row.lastStatus),
            statusCode: row.lastStatusCode,
            timestamp: row.lastAt,
          },
    createdAt,
    updatedAt,
  };
}

function toDelivery(row: DeliveryRow): DeliveryView {
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
    payload: JSON.parse(addressTo(row.body, webhookId)) as Record<string, unknown>,
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

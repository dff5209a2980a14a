import { Injectable } from '@nestjs/common';
import { Database, type Reader } from '@hub/model/database.js';
import type { DeliveryStatus, EndpointConfig, EndpointStatus } from '@hub/model/webhook.entity.js';
import { CountCache, offsetOf, type Page } from '@hub/platform/paging.js';
import { withDefaults } from './endpoint-input.js';
import { disableAt } from './endpoint-states.js';
import { WebhookNotFoundError } from './webhooks.errors.js';
import { shownStatus, type EndpointHealth, type ListWebhooks, type WebhookView } from './webhooks.types.js';

interface WebhookRow extends EndpointHealth {
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

/** @param from whose rows are `w`: what is last delivered is looked up for these and no others */
const webhooks = (from: string): string => `
  SELECT w.organization_id AS "organizationId", w.id, w.url, w.events, w.description, w.headers, w.config,
    w.key_pair->>'publicKey' AS "publicKey", w.status, w.disabled_reason AS "disabledReason", w.breaker,
    CASE WHEN w.breaker = 'open' THEN w.open_until END AS "nextProbeAt",
    CASE WHEN w.paused_until > now() THEN w.paused_until END AS "pausedUntil", w.first_failure_at AS "failingSince",
    w.consecutive_failures AS "consecutiveFailures", w.last_success_at AS "lastSuccessAt", w.deliveries_total AS total, w.deliveries_succeeded AS succeeded,
    w.deliveries_failed AS failed, w.latency_total_ms AS "latencyMs", d.id AS "lastId", d.event_type AS "lastEvent",
    d.status AS "lastStatus", d.last_status_code AS "lastStatusCode",
    coalesce(d.last_attempt_at, d.created_at) AS "lastAt", w.created_at AS "createdAt", w.updated_at AS "updatedAt"
  FROM ${from}
  LEFT JOIN LATERAL (
    SELECT d.id, d.event_type, d.status, d.last_status_code, d.last_attempt_at, d.created_at
    FROM webhook_delivery d WHERE d.organization_id = w.organization_id AND d.endpoint_id = w.id
    ORDER BY d.id DESC LIMIT 1) AS d ON true`;

/** @throws WebhookNotFoundError */
export async function assertWebhook(tx: Reader, organizationId: string, id: string): Promise<void> {
  const [known] = await tx.query<object[]>(
    'SELECT FROM webhook_endpoint WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL',
    [organizationId, id],
  );
  if (!known) throw new WebhookNotFoundError();
}

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
      webhooks(`(SELECT * FROM webhook_endpoint WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL) AS w`),
      [organizationId, id],
    );
    if (!row) throw new WebhookNotFoundError();
    return toWebhook(row);
  }

  async listWebhooks(organizationId: string, request: ListWebhooks): Promise<Page<WebhookView>> {
    const { page, perPage, sortOrder, status = null } = request;
    const from = `webhook_endpoint w
      WHERE w.organization_id = $1 AND w.deleted_at IS NULL AND ($2::text IS NULL OR w.status = $2)`;
    const order = `ORDER BY w.created_at ${sortOrder}, w.id ${sortOrder}`;
    const values = [organizationId, status];
    const db = this.db.reader(organizationId);
    const rows = await db.query<WebhookRow[]>(
      `${webhooks(`(SELECT w.* FROM ${from} ${order} LIMIT ${perPage} OFFSET ${offsetOf(request)}) AS w`)} ${order}`,
      values,
    );
    const totalCount = await this.count(db, `webhooks ${values.join()}`, from, values);
    return { items: rows.map(toWebhook), totalCount, page, perPage };
  }

  private count(db: Reader, key: string, from: string, values: unknown[]): Promise<number> {
    return this.counts.total(key, async () => {
      const [row] = await db.query<{ total: number }[]>(`SELECT count(*) AS total FROM ${from}`, values);
      return row?.total ?? 0;
    });
  }
}

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
    disableAt: status === 'active' ? disableAt(row.failingSince) : null,
    health: {
      breaker: row.breaker,
      nextProbeAt: row.nextProbeAt,
      pausedUntil: row.pausedUntil,
      failingSince: row.failingSince,
      consecutiveFailures: row.consecutiveFailures,
      lastSuccessAt: row.lastSuccessAt,
    },
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

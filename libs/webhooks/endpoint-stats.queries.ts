import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import { assertWebhook } from './webhooks.queries.js';

const HOUR = 3_600_000;
const PERIODS = { '24h': 24 * HOUR, '7d': 168 * HOUR, '30d': 720 * HOUR } as const;
const GRANULARITIES = { hour: HOUR, day: 24 * HOUR } as const;
export type EndpointPeriod = keyof typeof PERIODS;
export type EndpointGranularity = keyof typeof GRANULARITIES;
export const ENDPOINT_PERIODS = Object.keys(PERIODS) as EndpointPeriod[];
export const ENDPOINT_GRANULARITIES = Object.keys(GRANULARITIES) as EndpointGranularity[];

const USUAL: Record<EndpointPeriod, EndpointGranularity> = { '24h': 'hour', '7d': 'day', '30d': 'day' };

/** Attempts of a stretch of time; tests are none. */
export interface EndpointCounts {
  readonly attempts: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Milliseconds of an attempt that succeeded; null while there is none. */
  readonly avgLatency: number | null;
}

export interface EndpointStats {
  readonly granularity: EndpointGranularity;
  /** All of the time series. */
  readonly summary: EndpointCounts & {
    /** 0 to 1; null without an attempt. */
    readonly successRate: number | null;
  };
  /** Without gaps, the oldest first; hours and days of UTC, the first and the last one in part. */
  readonly timeSeries: readonly (EndpointCounts & { readonly timestamp: Date })[];
}

interface Sums {
  readonly attempts: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly latencyMs: number;
}
type Point = Sums & { readonly at: Date };

const NOTHING: Sums = { attempts: 0, succeeded: 0, failed: 0, latencyMs: 0 };

@Injectable()
export class EndpointStatsQueries {
  constructor(private readonly db: Database) {}

  /** The period that ends now, in whole hours or days: at most 721 rows, one range of a key. @throws WebhookNotFoundError */
  async getStats(
    organizationId: string,
    webhookId: string,
    period: EndpointPeriod,
    granularity: EndpointGranularity = USUAL[period],
  ): Promise<EndpointStats> {
    const step = GRANULARITIES[granularity];
    const now = Date.now();
    const first = Math.floor((now - PERIODS[period]) / step) + 1;
    const series = Array.from({ length: Math.floor(now / step) - first + 1 }, () => NOTHING);
    const db = this.db.reader(organizationId);
    const [points] = await Promise.all([
      db.query<Point[]>(POINTS, [organizationId, webhookId, new Date(first * step), new Date(now)]),
      assertWebhook(db, organizationId, webhookId),
    ]);
    for (const { at, ...sums } of points) {
      const place = Math.floor(at.getTime() / step) - first;
      series[place] = added(series[place] ?? NOTHING, sums);
    }
    const total = series.reduce(added, NOTHING);
    return {
      granularity,
      summary: { ...shown(total), successRate: total.attempts === 0 ? null : total.succeeded / total.attempts },
      timeSeries: series.map((sums, i) => ({ timestamp: new Date((first + i) * step), ...shown(sums) })),
    };
  }
}

const added = (one: Sums, other: Sums): Sums => ({
  attempts: one.attempts + other.attempts,
  succeeded: one.succeeded + other.succeeded,
  failed: one.failed + other.failed,
  latencyMs: one.latencyMs + other.latencyMs,
});

const shown = ({ latencyMs, ...counts }: Sums): EndpointCounts => ({
  ...counts,
  avgLatency: counts.succeeded === 0 ? null : Math.round(latencyMs / counts.succeeded),
});

const POINTS = `
  SELECT hour AS at, attempts, succeeded, failed, latency_ms AS "latencyMs" FROM webhook_endpoint_stat
  WHERE organization_id = $1 AND endpoint_id = $2 AND hour >= $3 AND hour <= $4`;

import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import { ValidationError } from '@hub/platform/errors.js';
import { ChannelNotFoundError } from './channels.queries.js';

/** In seconds. */
const PERIODS = { '1h': 3_600, '24h': 86_400, '7d': 604_800, '30d': 2_592_000 } as const;
const GRANULARITIES = { minute: 60, hour: 3_600, day: 86_400 } as const;
export type StatsPeriod = keyof typeof PERIODS;
export type StatsGranularity = keyof typeof GRANULARITIES;
export const STATS_PERIODS = Object.keys(PERIODS) as StatsPeriod[];
export const STATS_GRANULARITIES = Object.keys(GRANULARITIES) as StatsGranularity[];

const USUAL: Record<StatsPeriod, StatsGranularity> = { '1h': 'minute', '24h': 'hour', '7d': 'day', '30d': 'day' };
const MAX_POINTS = 1_500;
/** Response times are taken from so many of the latest messages of the period: to put them in order takes time. */
const RESPONSE_MESSAGES = 20_000;

/** Messages and conversations of a stretch of time. */
export interface StatsCounts {
  readonly messagesReceived: number;
  /** Gone out, whatever has become known of them since; without those that failed or wait. */
  readonly messagesSent: number;
  readonly messagesDelivered: number;
  readonly messagesRead: number;
  readonly messagesFailed: number;
  readonly conversationsOpened: number;
  /** Those that still are. */
  readonly conversationsClosed: number;
}

export interface ChannelStats {
  readonly granularity: StatsGranularity;
  readonly summary: StatsCounts & {
    /** Delivered of all that went out or failed, 0 to 1; null while the channel has reported neither. */
    readonly deliveryRate: number | null;
    /**
     * Seconds from what a contact wrote first to the first answer, the median; null without any. Of the latest
     * {@link RESPONSE_MESSAGES} of the period.
     */
    readonly medianResponseTime: number | null;
  };
  /** Without gaps, the oldest first; days and hours are those of UTC. */
  readonly timeSeries: readonly (StatsCounts & { readonly timestamp: Date })[];
}

const NOTHING: StatsCounts = {
  messagesReceived: 0,
  messagesSent: 0,
  messagesDelivered: 0,
  messagesRead: 0,
  messagesFailed: 0,
  conversationsOpened: 0,
  conversationsClosed: 0,
};

type Point = { readonly bucket: number } & Partial<StatsCounts>;

@Injectable()
export class ChannelStatsQueries {
  constructor(private readonly db: Database) {}

  /**
   * What happened on a channel in the period that ends now: four statements, each one index range.
   * @throws ChannelNotFoundError; ValidationError naming `granularity` when it is too fine for the period
   */
  async getStats(
    organizationId: string,
    channelId: string,
    period: StatsPeriod,
    granularity: StatsGranularity = USUAL[period],
  ): Promise<ChannelStats> {
    const step = GRANULARITIES[granularity];
    if (PERIODS[period] / step > MAX_POINTS) {
      throw ValidationError.of('granularity', `granularity ${granularity} is too fine for a period of ${period}`);
    }
    const now = Date.now();
    const since = new Date(now - PERIODS[period] * 1_000);
    const db = this.db.reader(organizationId);
    const range = [organizationId, channelId, leastId(since)];
    const [[known], messages, [responses], conversations] = await Promise.all([
      db.query<unknown[]>('SELECT 1 FROM channel WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL', [
        organizationId,
        channelId,
      ]),
      db.query<Point[]>(MESSAGES, [...range, step]),
      db.query<{ median: number | null }[]>(RESPONSES, range),
      db.query<Point[]>(CONVERSATIONS, [organizationId, channelId, since, step]),
    ]);
    if (!known) throw new ChannelNotFoundError();
    const points = [...messages, ...conversations];
    const total = points.reduce<StatsCounts>(added, NOTHING);
    const { messagesDelivered, messagesSent, messagesFailed } = total;
    const isReported = messagesDelivered + messagesFailed > 0;
    return {
      granularity,
      summary: {
        ...total,
        deliveryRate: isReported ? messagesDelivered / (messagesSent + messagesFailed) : null,
        medianResponseTime: responses?.median ?? null,
      },
      timeSeries: withoutGaps(points, since.getTime(), now, step * 1_000),
    };
  }
}

/** The least UUIDv7 that can have been made at `at`: it begins with the milliseconds. */
function leastId(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

const added = (sum: StatsCounts, point: Partial<StatsCounts>): StatsCounts =>
  Object.fromEntries(
    Object.entries(sum).map(([name, count]) => [name, Number(count) + (point[name as keyof StatsCounts] ?? 0)]),
  ) as unknown as StatsCounts;

function withoutGaps(points: readonly Point[], from: number, to: number, step: number): ChannelStats['timeSeries'] {
  const first = Math.floor(from / step);
  const series = Array.from({ length: Math.floor(to / step) - first + 1 }, () => NOTHING);
  for (const { bucket, ...counts } of points) {
    const place = Math.min(Math.max(bucket - first, 0), series.length - 1);
    series[place] = added(series[place] ?? NOTHING, counts);
  }
  return series.map((counts, i) => ({ timestamp: new Date((first + i) * step), ...counts }));
}

/** $3 the least id, $4 seconds a point: one range of the index by channel, counted as it is read. */
const MESSAGES = `
  SELECT extract(epoch FROM at)::bigint / $4 AS bucket, received AS "messagesReceived", sent AS "messagesSent",
    delivered AS "messagesDelivered", seen AS "messagesRead", failed AS "messagesFailed"
  FROM (
    SELECT date_bin(make_interval(secs => $4), created_at, 'epoch') AS at,
      count(*) FILTER (WHERE direction = 'inbound')::int AS received,
      count(*) FILTER (WHERE direction = 'outbound' AND status IN ('sent', 'delivered', 'read'))::int AS sent,
      count(*) FILTER (WHERE direction = 'outbound' AND status IN ('delivered', 'read'))::int AS delivered,
      count(*) FILTER (WHERE direction = 'outbound' AND status = 'read')::int AS seen,
      count(*) FILTER (WHERE direction = 'outbound' AND status = 'failed')::int AS failed
    FROM message WHERE organization_id = $1 AND channel_id = $2 AND id >= $3 AND direction <> 'internal'
    GROUP BY 1) point`;

/** $3 the least id. Where the side changes, somebody is answered: from the first of what was written in a row. */
const RESPONSES = `
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median
  FROM (
    SELECT direction, extract(epoch FROM created_at - lag(created_at) OVER w)::float8 AS seconds
    FROM (
      SELECT conversation_id, seq, direction, created_at, lag(direction) OVER w AS before
      FROM (
        SELECT conversation_id, seq, direction, created_at FROM message
        WHERE organization_id = $1 AND channel_id = $2 AND id >= $3
          AND (direction = 'inbound' OR direction = 'outbound' AND status IN ('sent', 'delivered', 'read'))
        ORDER BY id DESC LIMIT ${RESPONSE_MESSAGES}) latest
      WINDOW w AS (PARTITION BY conversation_id ORDER BY seq)) said
    WHERE direction IS DISTINCT FROM before
    WINDOW w AS (PARTITION BY conversation_id ORDER BY seq)) turn
  WHERE direction = 'outbound' AND seconds >= 0`;

/** What was opened or closed since $3 has changed since then, too: one range of the index by channel and change. */
const CONVERSATIONS = `
  SELECT floor(extract(epoch FROM at) / $4)::bigint AS bucket, sum(opened)::int AS "conversationsOpened",
    sum(closed)::int AS "conversationsClosed"
  FROM conversation c
  CROSS JOIN LATERAL (VALUES (c.created_at, 1, 0), (c.closed_at, 0, 1)) AS happened (at, opened, closed)
  WHERE c.organization_id = $1 AND c.channel_id = $2 AND c.updated_at >= $3 AND at >= $3
  GROUP BY 1`;

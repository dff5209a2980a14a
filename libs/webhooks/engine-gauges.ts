import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, type Prepared } from '@hub/model/database.js';
import { Metrics } from '@hub/platform/metrics.js';
import { Lanes } from './lanes.js';

/** For so long one look at the database serves every scrape. */
const KEPT_MS = 10_000;
/** Nothing is counted beyond this. */
const MOST = 100_000;

const STATES = ['active', 'inactive', 'disabled', 'breaker_open', 'paused', 'slow_start'];
const count = (status: string): string =>
  `(SELECT count(*)::int FROM (SELECT FROM webhook_delivery WHERE status = '${status}' LIMIT ${MOST}) AS d)`;

/** Each count reads one partial index, so far as {@link MOST}. */
const STATE: Prepared = {
  name: 'webhook-state',
  text: `
  WITH e AS (
    SELECT CASE WHEN status <> 'active' THEN status WHEN breaker = 'open' THEN 'breaker_open'
      WHEN paused_until > now() THEN 'paused' WHEN slow_start IS NOT NULL THEN 'slow_start' ELSE 'active' END AS state
    FROM webhook_endpoint WHERE deleted_at IS NULL LIMIT ${MOST}
  )
  SELECT
    jsonb_build_object('blocked', ${count('blocked')}, 'due', p.due, 'later', p.later,
      'leased', ${count('leased')}, 'held', ${count('held')}) AS deliveries,
    (SELECT jsonb_build_object(${STATES.map((state) => `'${state}', count(*) FILTER (WHERE state = '${state}')`).join(', ')})
      FROM e) AS endpoints,
    (SELECT count(*)::int FROM webhook_recovery WHERE state = 'running') AS recoveries
  FROM (
    SELECT count(*) FILTER (WHERE next_attempt_at <= now())::int AS due,
      count(*) FILTER (WHERE next_attempt_at > now())::int AS later
    FROM (SELECT next_attempt_at FROM webhook_delivery WHERE status = 'pending' LIMIT ${MOST}) AS d) AS p`,
};

interface State {
  readonly deliveries: Readonly<Record<string, number>>;
  readonly endpoints: Readonly<Record<string, number>>;
  readonly recoveries: number;
}

/** What waits, in the database and in this process. The figures of the database are the same at every worker. */
@Injectable()
export class EngineGauges implements OnModuleInit {
  private state: Promise<State> | null = null;
  private staleAt = 0;

  constructor(
    private readonly db: Database,
    private readonly metrics: Metrics,
    private readonly lanes: Lanes,
  ) {}

  onModuleInit(): void {
    const { metrics, lanes } = this;
    metrics.gauges(
      'webhook_deliveries',
      'Deliveries that wait or are under way',
      'status',
      async () => (await this.look()).deliveries,
    );
    metrics.gauges(
      'webhook_endpoints',
      'Endpoints, each in one state',
      'state',
      async () => (await this.look()).endpoints,
    );
    metrics.gauge('webhook_recoveries_running', 'Recoveries at work', async () => (await this.look()).recoveries);
    metrics.gauge(
      'webhook_requests_under_way',
      'Requests to subscribers from this process',
      async () => lanes.underWayCount,
    );
    metrics.gauge('webhook_lanes_open', 'Endpoints that this process is busy with', async () => lanes.openCount);
  }

  private look(): Promise<State> {
    const now = performance.now();
    if (!this.state || now >= this.staleAt) {
      this.staleAt = now + KEPT_MS;
      this.state = this.read();
    }
    return this.state;
  }

  private async read(): Promise<State> {
    const [state] = await this.db.lookup<State>('lanes', STATE, []);
    if (!state) throw new Error('One row was asked for');
    return state;
  }
}

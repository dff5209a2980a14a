import { once } from 'node:events';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RateLimiterPostgres, RateLimiterRedis, type RateLimiterStoreAbstract } from 'rate-limiter-flexible';
import { Database } from '@hub/model/database.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { HubError } from '@hub/platform/errors.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { Metrics } from '@hub/platform/metrics.js';
import { TokenBatches, type Quota } from './token-batches.js';

/** What is counted: the requests of a key or person, and those of an address that nobody vouches for yet. */
export type Limited = 'principal' | 'address';

const WINDOW_SECONDS = 60;
const STORE_TIMEOUT_MS = 500;
const TABLE = 'rate_limit';

export class RateLimitExceededError extends HubError {
  constructor(seconds: number) {
    const message = `Too many requests: try again in ${seconds} s`;
    super('rate_limited', 'RATE_LIMIT_EXCEEDED', message, [], { retryAfter: String(seconds) });
  }
}

/**
 * The rate limits of all processes together: counted in Redis where there is one, else in PostgreSQL, and by each
 * process for itself while that is out of reach – never not at all.
 */
@Injectable()
export class RateLimiter implements OnModuleInit, OnApplicationShutdown {
  private readonly redis: Redis | undefined;
  private readonly limits: Readonly<Record<Limited, TokenBatches | null>>;
  private readonly refused;

  constructor(
    private readonly db: Database,
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.refused = metrics.counter('rate_limited_total', 'Requests refused by a rate limit', ['limit']);
    const failures = metrics.counter('rate_limiter_failures_total', 'Times the shared counter was out of reach');
    if (config.REDIS_URL) this.redis = connect(config.REDIS_URL, logger);
    const build = (name: Limited, limit: number): TokenBatches | null =>
      limit === 0
        ? null
        : new TokenBatches(this.store(name, limit), {
            limit,
            windowSeconds: WINDOW_SECONDS,
            timeoutMs: STORE_TIMEOUT_MS,
            onFailure: (error) => {
              failures.inc();
              this.logger.warn({ limit: name, error: String(error) }, 'rate-limits.local');
            },
            onRecovery: () => this.logger.info({ limit: name }, 'rate-limits.shared'),
          });
    this.limits = {
      principal: build('principal', config.RATE_LIMIT_PER_MINUTE),
      address: build('address', config.LOGIN_RATE_LIMIT_PER_MINUTE),
    };
  }

  /** Gives Redis a moment to answer, so that the first requests are counted there already. */
  async onModuleInit(): Promise<void> {
    if (!this.redis || this.redis.status === 'ready') return;
    await once(this.redis, 'ready', { signal: AbortSignal.timeout(STORE_TIMEOUT_MS) }).catch(() => undefined);
  }

  /** Counts one request. @returns what is left, or null where there is no limit */
  async take(limited: Limited, id: string): Promise<Quota | null> {
    const quota = (await this.limits[limited]?.take(id)) ?? null;
    if (quota && !quota.allowed) this.refused.inc({ limit: limited });
    return quota;
  }

  onApplicationShutdown(): void {
    for (const limit of Object.values(this.limits)) limit?.close();
    this.redis?.disconnect();
  }

  private store(name: Limited, points: number): RateLimiterStoreAbstract {
    const options = { keyPrefix: `rate:${name}`, points, duration: WINDOW_SECONDS };
    if (this.redis) return new RateLimiterRedis({ ...options, storeClient: this.redis, rejectIfRedisNotReady: true });
    const { dataSource } = this.db;
    const table = { storeClient: dataSource, storeType: 'typeorm', tableName: TABLE, tableCreated: true };
    return new RateLimiterPostgres({ ...options, ...table, clearExpiredByTimeout: true });
  }
}

/** A connection of its own that never queues: what cannot be counted at once is counted here. */
function connect(url: string, logger: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    retryStrategy: (times) => Math.min(times * 100, 2_000),
  });
  redis.on('error', (error) => logger.debug({ error: error.message }, 'rate-limits.redis'));
  return redis;
}

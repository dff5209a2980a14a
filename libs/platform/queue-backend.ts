import {
  createPostgresBackend,
  Queue,
  Worker,
  type PostgresConnectionOptions,
  type Processor,
  type QueueOptions,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import type { Config } from './config.js';
import type { Logger } from './logger.js';

/** Connections of one queue or worker on the PostgreSQL backend; more buys nothing. */
const POSTGRES_POOL = 4;

/**
 * The one place that chooses where BullMQ lives: on Redis when `REDIS_URL` is set, else on PostgreSQL.
 * Queues carry hints only: whatever is in them may vanish and nothing but latency suffers.
 */
export class QueueBackend {
  readonly kind: 'redis' | 'postgres';
  private readonly redis: Redis | undefined;
  private readonly queues: Queue[] = [];
  private readonly workers: Worker[] = [];

  constructor(
    private readonly config: Pick<Config, 'REDIS_URL' | 'DATABASE_URL'>,
    private readonly logger: Logger,
  ) {
    this.kind = config.REDIS_URL ? 'redis' : 'postgres';
    if (!config.REDIS_URL) return;
    this.redis = new Redis(config.REDIS_URL, { maxRetriesPerRequest: null });
    this.redis.on('error', (error) => logger.warn({ error: error.message }, 'queue.redis'));
  }

  queue<T>(name: string, options: Omit<QueueOptions, 'connection'> = {}): Queue<T> {
    const queue = new Queue(name, { ...options, connection: this.connection() }, this.factory());
    queue.on('error', (error) => this.logger.warn({ queue: name, error: error.message }, 'queue.error'));
    this.queues.push(queue);
    return queue as unknown as Queue<T>;
  }

  worker<T>(name: string, processor: Processor<T>, options: Omit<WorkerOptions, 'connection'> = {}): Worker<T> {
    const worker = new Worker<T>(name, processor, { ...options, connection: this.connection() }, this.factory());
    worker.on('error', (error) => this.logger.warn({ queue: name, error: error.message }, 'queue.error'));
    this.workers.push(worker);
    return worker;
  }

  /** Resolves when the backend answers, rejects when it does not. */
  async ping(): Promise<void> {
    if (this.redis) await this.redis.ping();
  }

  /** Waits for the jobs at hand, then lets go of every connection. */
  async close(): Promise<void> {
    await Promise.allSettled(this.workers.map((worker) => worker.close()));
    await Promise.allSettled(this.queues.map((queue) => queue.close()));
    this.redis?.disconnect();
  }

  private connection(): Redis {
    if (this.redis) return this.redis;
    const options: PostgresConnectionOptions = {
      connectionString: this.config.DATABASE_URL,
      max: POSTGRES_POOL,
      options: '-c synchronous_commit=off',
    };
    return options as unknown as Redis; // BullMQ types a connection for Redis only
  }

  private factory(): undefined {
    return (this.redis ? undefined : createPostgresBackend) as undefined; // its overloads refuse a union
  }
}

import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';

/** A database of its own, and on the Redis run a Redis database of its own too. */
export interface TestDatabase {
  /** As the processes connect: the application's role, no superuser. */
  readonly databaseUrl: string;
  /** As migrations connect: the owner of the tables. */
  readonly ownerUrl: string;
  /** Set on the run against Redis, otherwise undefined: BullMQ on PostgreSQL. */
  readonly redisUrl: string | undefined;
  /** Cuts whoever is still connected. */
  drop(): Promise<void>;
}

/** Clones the migrated template that `npm test` has made; takes about 40 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await maintain(`CREATE DATABASE ${name} TEMPLATE ${setting('TEST_TEMPLATE')} OWNER switchboard_owner`);
  const at = (pattern: string): string => setting(pattern).replace('{database}', name);
  return {
    databaseUrl: at('TEST_APP_URL'),
    ownerUrl: at('TEST_OWNER_URL'),
    redisUrl: await nextRedisDatabase(),
    drop: async () => {
      await connectionsGone(name);
      await maintain(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** One statement as the cluster's superuser, in its maintenance database. */
export async function maintain(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: setting('TEST_PG_URL') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Connections that are being closed get their time: cut, each would raise an error that nobody waits for. */
async function connectionsGone(database: string): Promise<void> {
  const client = new pg.Client({ connectionString: setting('TEST_PG_URL') });
  await client.connect();
  try {
    for (let i = 0; i < 40; i++) {
      const { rows } = await client.query('SELECT 1 FROM pg_stat_activity WHERE datname = $1 LIMIT 1', [database]);
      if (rows.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  } finally {
    await client.end();
  }
}

async function nextRedisDatabase(): Promise<string | undefined> {
  const server = process.env['TEST_REDIS_URL'];
  if (!server) return undefined;
  const redis = new Redis(server);
  try {
    return `${server}/${await redis.incr('databases-given-out')}`;
  } finally {
    redis.disconnect();
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with \`npm test\`, which starts what they need.`);
  return value;
}

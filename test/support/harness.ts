import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { documentPath } from '@hub/http/document.js';
import { apiKeyPrefix, hashApiKey, newApiKey } from '@hub/identity/api-key.js';
import { ensureFirstOrganization } from '@hub/identity/bootstrap.js';
import { loadConfig, type Config } from '@hub/platform/config.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import { createLogger } from '@hub/platform/logger.js';
import { ApiClient } from './api-client.js';
import { createTestDatabase, type TestDatabase } from './database.js';

/** One whole product in this process: an API on a free port, a database of its own and, if wanted, a worker. */
export interface Hub {
  readonly url: string;
  readonly config: Config;
  readonly database: TestDatabase;
  /** The first organization's admin. */
  readonly admin: ApiClient;
  /** Another organization's admin. */
  newOrganization(name: string): Promise<ApiClient>;
  /** A client of the first organization with these scopes only. */
  withScopes(...scopes: string[]): Promise<ApiClient>;
  /** A client with this credential; '' for nobody. */
  as(credential: string): ApiClient;
  /** As the owner of the tables: to look at what was written, and to set times back. */
  sql<T extends object = Record<string, never>>(text: string, values?: unknown[]): Promise<T[]>;
  startWorker(): Promise<NestFastifyApplication>;
  stop(): Promise<void>;
}

export const TEST_SECRET_KEY = '11'.repeat(32);

export function testConfig(database: TestDatabase, more: NodeJS.ProcessEnv = {}): Config {
  return loadConfig({
    DATABASE_URL: database.databaseUrl,
    ...(database.redisUrl && { REDIS_URL: database.redisUrl }),
    SECRET_KEY: TEST_SECRET_KEY,
    WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
    RATE_LIMIT_PER_MINUTE: '100000', // some suites ask a lot
    LOGIN_RATE_LIMIT_PER_MINUTE: '0',
    MEDIA_STORE: `file:${mediaFolder(database)}`,
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'error',
    ...more,
  });
}

/** Each hub's files by themselves; gone when it stops. */
export const mediaFolder = ({ databaseUrl }: TestDatabase): string =>
  path.join(tmpdir(), 'switchboard-media', new URL(databaseUrl).pathname.slice(1));

export async function startHub({
  worker = false,
  env = {},
}: { worker?: boolean; env?: NodeJS.ProcessEnv } = {}): Promise<Hub> {
  const database = await createTestDatabase();
  const config = testConfig(database, env);
  const { createApi } = await import('../../apps/api/app.js');
  const api = await createApi(config, createLogger(config.LOG_LEVEL, 'api'));
  await api.listen(0, '127.0.0.1');
  const url = (await api.getUrl()).replace('[::1]', '127.0.0.1');
  const owner = new pg.Pool({ connectionString: database.ownerUrl, max: 2 });
  const key = newApiKey();
  const { organizationId } = await ensureFirstOrganization(database.databaseUrl, key);
  const { DIALECTS } = await import('../../apps/api/dialects.js');
  const documents = await Promise.all(
    DIALECTS.map(async (one) => (await (await fetch(url + documentPath(DIALECTS, one))).json()) as object),
  );
  const workers: NestFastifyApplication[] = [];

  const sql = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await owner.query<T>(text, values)).rows;
  const addKey = async (organization: string, scopes: string[]): Promise<ApiClient> => {
    const made = newApiKey();
    await sql(
      `INSERT INTO api_key (organization_id, id, name, kind, prefix, hash, scopes) VALUES ($1, $2, 'Test key', 'service', $3, $4, $5)`,
      [organization, newId(), apiKeyPrefix(made), hashApiKey(made), scopes],
    );
    return new ApiClient(url, made, documents, encodeId('org', organization));
  };
  const hub: Hub = {
    url,
    config,
    database,
    admin: new ApiClient(url, key, documents, encodeId('org', organizationId)),
    sql,
    as: (credential) => new ApiClient(url, credential, documents, encodeId('org', organizationId)),
    withScopes: (...scopes) => addKey(organizationId, scopes),
    newOrganization: async (name) => {
      const id = newId();
      await sql('INSERT INTO organization (id, name) VALUES ($1, $2)', [id, name]);
      return addKey(id, ['admin']);
    },
    startWorker: async () => {
      const { createWorker } = await import('../../apps/worker/app.js');
      const started = await createWorker(config, createLogger(config.LOG_LEVEL, 'worker'));
      await started.listen(0, '127.0.0.1');
      workers.push(started);
      return started;
    },
    stop: async () => {
      await Promise.all(workers.map((one) => one.close()));
      await api.close();
      await owner.end();
      await database.drop();
      await rm(mediaFolder(database), { recursive: true, force: true });
    },
  };
  if (worker) await hub.startWorker();
  return hub;
}

/** Waits until `check` gives something. @throws Error with `what` after `timeoutMs` */
export async function eventually<T>(
  check: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  what: string,
  timeoutMs = 10_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`Still not so after ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

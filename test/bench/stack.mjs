// The product under measurement: databases with rows in them, and API and worker as processes of their own from dist/.
import { fork } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { built, inDatabase, root, TEMPLATE } from '../support/servers.mjs';
import { seedAll } from './seed.mjs';

const { ensureFirstOrganization } = await built('libs/identity/bootstrap.js');
const { newApiKey } = await built('libs/identity/api-key.js');
const { anyFreePort } = await built('apps/standalone/ports.js');
const START_TIMEOUT_MS = 30_000;
const ANOTHER = '00000000-0000-7000-8000-000000000001';

/** As `DATABASE_POOL` is set for the processes, and as many as a ceiling may use. */
export const POOL = 10;

/**
 * @typedef {{ databaseUrl: string, adminUrl: string, organizationId: string, headers: Record<string, string> }} Site
 * @typedef {object} Running
 * @property {string} url
 * @property {number | undefined} pid
 * @property {(message: object) => Promise<unknown>} tell what a preloaded module answers
 * @property {() => Promise<void>} stop
 * @typedef {object} Bench what a benchmark gets
 * @property {boolean} quick
 * @property {readonly number[]} sizes conversations, where a benchmark compares sizes
 * @property {string | undefined} profile folder for processor profiles
 * @property {Awaited<ReturnType<typeof import('../support/servers.mjs').startPostgres>>} postgres
 * @property {Awaited<ReturnType<typeof import('../support/servers.mjs').startRedis>>} redis
 * @property {AbortSignal} stop
 */

/**
 * A database of its own with one organization, its key and its conversations, beside another with a tenth of them.
 * @param {Bench} bench @param {string} name @param {number} conversations @param {boolean} [messages] false: only these
 * @returns {Promise<Site>}
 */
export async function makeSite({ postgres }, name, conversations, messages = true) {
  const at = (/** @type {string} */ url) => inDatabase(url, name);
  await asAdmin(postgres.adminUrl, (admin) =>
    admin.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE} OWNER switchboard_owner`),
  );
  const key = newApiKey();
  const { organizationId } = await ensureFirstOrganization(at(postgres.appUrl), key);
  await asAdmin(at(postgres.adminUrl), async (admin) => {
    await admin.query(`INSERT INTO organization (id, name) VALUES ($1, 'Another')`, [ANOTHER]);
    const sizes = /** @type {[string, number][]} */ ([
      [ANOTHER, Math.ceil(conversations / 10)],
      [organizationId, conversations],
    ]);
    await seedAll(admin, sizes, messages);
  });
  return {
    databaseUrl: at(postgres.appUrl),
    adminUrl: at(postgres.adminUrl),
    organizationId,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  };
}

/** @template T @param {string} url @param {(client: pg.Client) => Promise<T>} work */
export async function asAdmin(url, work) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Starts one process of the product, configured as in production; its log goes to a file.
 * @param {Bench} bench @param {'api' | 'worker'} name @param {Site} site @param {string} [redisUrl] BullMQ on Redis
 * @param {string} [preload] a module of this folder that the process loads first
 * @returns {Promise<Running>}
 */
export async function startProcess({ postgres, profile }, name, site, redisUrl, preload) {
  const logFile = path.join(postgres.dataDir, `${name}.log`);
  const port = String(await anyFreePort('127.0.0.1'));
  if (profile) mkdirSync(profile, { recursive: true });
  const log = openSync(logFile, 'a');
  const child = fork(path.join(root, `dist/apps/${name}/main.js`), {
    execArgv: [
      ...(preload ? ['--import', new URL(preload, import.meta.url).href] : []),
      ...(profile
        ? ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`]
        : []),
    ],
    stdio: ['ignore', log, log, 'ipc'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: port,
      WORKER_PORT: port,
      DATABASE_URL: site.databaseUrl,
      DATABASE_POOL: String(POOL),
      ...(redisUrl && { REDIS_URL: redisUrl }),
      SECRET_KEY: '11'.repeat(32),
      WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
      RATE_LIMIT_PER_MINUTE: '1000000', // counted, never reached
      LOG_LEVEL: 'info',
    },
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const tell = (/** @type {object} */ message) =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.send(message, (error) => error && reject(error));
    });
  const stop = async () => {
    child.kill('SIGTERM');
    await gone;
  };
  try {
    const url = await new Promise((resolve, reject) => {
      child.once('message', (message) => resolve(/** @type {{ url: string }} */ (message).url));
      child.once('exit', () => reject(new Error(`the ${name} ended`)));
      setTimeout(() => reject(new Error(`the ${name} does not get ready`)), START_TIMEOUT_MS).unref();
    });
    return { url: url.replace('[::1]', '127.0.0.1'), pid: child.pid, tell, stop };
  } catch (error) {
    await stop();
    throw new Error(`${String(error)}\n${readFileSync(logFile, 'utf8').slice(-3000)}`, { cause: error });
  }
}

/**
 * Does `work` with processes, and stops them whatever happens.
 * @template T @param {Promise<Running>[]} starting @param {(...running: Running[]) => Promise<T>} work
 */
export async function withProcesses(starting, work) {
  const settled = await Promise.allSettled(starting);
  const running = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  try {
    for (const one of settled) if (one.status === 'rejected') throw one.reason;
    return await work(...running);
  } finally {
    await Promise.all(running.map((one) => one.stop()));
  }
}

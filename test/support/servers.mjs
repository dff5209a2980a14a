// The throw-away servers of tests and benchmarks: a PostgreSQL with a migrated template database, and a Redis.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
export const TEMPLATE = 'switchboard_template';
const PREFIX = 'switchboard-test-';

/** @param {string} file below dist */
export const built = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const { EmbeddedPostgres } = await built('apps/standalone/embedded-postgres.js');
const { removeDataDir } = await built('apps/standalone/cluster-home.js');
const { anyFreePort } = await built('apps/standalone/ports.js');
const { migrate } = await built('libs/model/migrate.js');

/** @param {string} url @param {string} database */
export const inDatabase = (url, database) => url.replace(/[^/]*$/, database);

/** Clusters of runs that were killed before they could clean up. */
export async function removeLeftovers() {
  for (const name of readdirSync(os.tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const dataDir = path.join(os.tmpdir(), name);
    try {
      process.kill(Number(readFileSync(path.join(dataDir, 'runner.pid'), 'utf8')), 0);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') continue; // alive, being made, or another user's
      if (existsSync(path.join(dataDir, 'postgres.json')))
        await (await EmbeddedPostgres.open({ dataDir })).stop('immediate');
      removeDataDir(dataDir);
    }
  }
}

/**
 * A new cluster in the temporary folder, with {@link TEMPLATE} in it.
 * @param {{ temporary?: boolean, settings?: Record<string, string | number> }} options as EmbeddedPostgres takes them
 */
export async function startPostgres(options) {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  chmodSync(dataDir, 0o711); // the server's account must be able to pass when we are root
  writeFileSync(path.join(dataDir, 'runner.pid'), String(process.pid));
  const postgres = await EmbeddedPostgres.open({ dataDir, ...options });
  const stop = async () => {
    await postgres.stop('immediate');
    removeDataDir(dataDir);
  };
  try {
    await postgres.start();
    await makeTemplate(postgres);
  } catch (error) {
    await stop();
    throw error;
  }
  /** As `pg_ctl restart -m immediate`: no shutdown, but a recovery. On the same port while nobody else takes it. */
  const restart = async () => {
    await postgres.stop('immediate');
    await postgres.start();
  };
  const { adminUrl, ownerUrl, appUrl, logFile } = postgres;
  return { dataDir, adminUrl, ownerUrl, appUrl, logFile, restart, stop };
}

/** @param {{ adminUrl: string, ownerUrl: string, appUrl: string }} postgres */
async function makeTemplate(postgres) {
  const admin = new pg.Client({ connectionString: postgres.adminUrl });
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${TEMPLATE} OWNER switchboard_owner`);
    await migrate(inDatabase(postgres.ownerUrl, TEMPLATE), inDatabase(postgres.appUrl, TEMPLATE));
  } finally {
    await admin.end();
  }
}

/** @returns {Promise<{ url: string, stop(): Promise<void> } | null>} null where redis-server is not installed */
export async function startRedis() {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null;
  const port = await anyFreePort('127.0.0.1');
  const options = { bind: '127.0.0.1', port, save: '', appendonly: 'no', databases: 2000, dir: os.tmpdir() };
  const redis = spawn(
    'redis-server',
    Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { stdio: 'ignore', detached: true },
  );
  const gone = new Promise((resolve) => redis.once('exit', resolve));
  for (let i = 0; !(await answers(port)); i++) {
    if (i === 100 || redis.exitCode !== null) throw new Error('redis-server does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      redis.kill('SIGKILL'); // nothing in it is kept
      await gone;
    },
  };
}

/** @param {number} port @returns {Promise<boolean>} */
const answers = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true))).once('error', () => resolve(false));
  });

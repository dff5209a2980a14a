// What `npm test` runs after the build: one throw-away PostgreSQL with a migrated template database, redis-server where
// it is installed, then jest once per queue backend. Arguments go to jest: `npm test -- test/e2e/inbox -t reopen`.
// TEST_QUEUES=postgres or =redis runs one backend only.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const PREFIX = 'switchboard-test-';
const TEMPLATE = 'switchboard_template';
/** Unit specs do not meet a queue; the standalone starter chooses its own. */
const QUEUE_SUITES = ['test/e2e', 'test/dialects', 'test/faults'];
const NOT_TWICE = ['/node_modules/', 'test/e2e/standalone'];

/** @param {string} file below dist */
const built = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const { EmbeddedPostgres } = await built('apps/standalone/embedded-postgres.js');
const { removeDataDir } = await built('apps/standalone/cluster-home.js');
const { migrate } = await built('libs/model/migrate.js');

/** @type {import('node:child_process').ChildProcess | undefined} */
let running;
let interrupted = false;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    interrupted = true;
    running?.kill('SIGTERM');
  });
}

/** Clusters of runs that were killed before they could clean up. */
async function removeLeftovers() {
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

async function startPostgres() {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  chmodSync(dataDir, 0o711); // the server's account must be able to pass when we are root
  writeFileSync(path.join(dataDir, 'runner.pid'), String(process.pid));
  const postgres = await EmbeddedPostgres.open({
    dataDir,
    temporary: true,
    settings: { max_connections: 300 },
  });
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
  return {
    env: {
      TEST_PG_URL: postgres.adminUrl,
      TEST_TEMPLATE: TEMPLATE,
      TEST_OWNER_URL: inDatabase(postgres.ownerUrl, '{database}'),
      TEST_APP_URL: inDatabase(postgres.appUrl, '{database}'),
    },
    stop,
  };
}

/** @param {string} url @param {string} database */
const inDatabase = (url, database) => url.replace(/[^/]*$/, database);

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
async function startRedis() {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null;
  const port = await new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port: free } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(free));
    });
  });
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

/** @param {string[]} args @param {Record<string, string>} env @returns {Promise<boolean>} */
function jest(args, env) {
  if (interrupted) return Promise.resolve(false);
  return new Promise((resolve) => {
    running = spawn(
      process.execPath,
      [
        '--experimental-vm-modules',
        '--no-warnings',
        path.join(root, 'node_modules/jest/bin/jest.js'),
        ...args,
      ],
      { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } },
    );
    running.once('exit', (code) => resolve(code === 0));
  });
}

const wanted = (process.env.TEST_QUEUES ?? 'postgres,redis').split(',');
const given = process.argv.slice(2);
for (const name of ['DATABASE_URL', 'MIGRATION_DATABASE_URL', 'REDIS_URL', 'SECRET_KEY', 'TEST_REDIS_URL'])
  delete process.env[name];

await removeLeftovers();
const postgres = await startPostgres();
/** @type {string[]} */
const report = [];
let ok = true;
/** @param {string} name @param {string[]} args @param {Record<string, string>} env */
const suite = async (name, args, env) => {
  console.log(`\n== BullMQ on ${name}`);
  const passed = await jest([...args, ...given], env);
  ok &&= passed;
  report.push(`BullMQ on ${name}: ${passed ? 'passed' : interrupted ? 'interrupted' : 'FAILED'}`);
};
try {
  if (wanted.includes('postgres')) await suite('PostgreSQL', ['--forceExit'], postgres.env);
  const redis = wanted.includes('redis') ? await startRedis() : null;
  if (redis) {
    const roots = QUEUE_SUITES.filter((folder) => existsSync(path.join(root, folder))).map(
      (folder) => `--roots=${folder}`,
    );
    const skip = NOT_TWICE.map((pattern) => `--testPathIgnorePatterns=${pattern}`);
    try {
      await suite('Redis', [...roots, ...skip, '--passWithNoTests', '--forceExit'], {
        ...postgres.env,
        TEST_REDIS_URL: redis.url,
      });
    } finally {
      await redis.stop();
    }
  } else if (wanted.includes('redis')) {
    report.push('BullMQ on Redis: left out, because redis-server is not installed');
  }
} finally {
  await postgres.stop();
}
console.log(`\n${report.join('\n')}`);
process.exit(ok && !interrupted ? 0 : 1);

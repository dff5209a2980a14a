// What `npm test` runs after the build: one throw-away PostgreSQL with a migrated template database, redis-server where
// it is installed, then jest once per queue backend. Arguments go to jest: `npm test -- test/e2e/inbox -t reopen`.
// TEST_QUEUES=postgres or =redis runs one backend only.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { inDatabase, removeLeftovers, root, startPostgres, startRedis, TEMPLATE } from './servers.mjs';

/** Unit specs do not meet a queue; the standalone starter chooses its own. */
const QUEUE_SUITES = ['test/e2e', 'test/faults'];
const NOT_TWICE = ['/node_modules/', 'test/e2e/standalone'];
const FOREIGN = [
  'DATABASE_URL',
  'MIGRATION_DATABASE_URL',
  'REDIS_URL',
  'SECRET_KEY',
  'SECRET_KEY_PREVIOUS',
  'TEST_REDIS_URL',
];

const wanted = (process.env.TEST_QUEUES ?? 'postgres,redis').split(',');
const given = process.argv.slice(2);
const watching = given.some((argument) => argument.startsWith('--watch'));
for (const name of FOREIGN) delete process.env[name];

/** @type {import('node:child_process').ChildProcess | undefined} */
let running;
let interrupted = false;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    interrupted = true;
    if (running?.pid && running.exitCode === null) process.kill(watching ? running.pid : -running.pid, 'SIGTERM');
  });
}

/**
 * In a process group of its own, so that an interrupt reaches whatever the tests have started, too.
 * @param {string[]} args @param {Record<string, string>} env @returns {Promise<boolean>}
 */
function jest(args, env) {
  if (interrupted) return Promise.resolve(false);
  const script = path.join(root, 'node_modules/jest/bin/jest.js');
  return new Promise((resolve) => {
    running = spawn(process.execPath, ['--experimental-vm-modules', '--no-warnings', script, '--forceExit', ...args], {
      cwd: root,
      stdio: 'inherit',
      detached: !watching && process.platform !== 'win32',
      env: { ...process.env, ...env },
    });
    running.once('exit', (code) => resolve(code === 0));
  });
}

await removeLeftovers();
const postgres = await startPostgres({ temporary: true, settings: { max_connections: 300 } });
const databases = {
  TEST_PG_URL: postgres.adminUrl,
  TEST_TEMPLATE: TEMPLATE,
  TEST_OWNER_URL: inDatabase(postgres.ownerUrl, '{database}'),
  TEST_APP_URL: inDatabase(postgres.appUrl, '{database}'),
};
/** @type {string[]} */
const report = [];
let ok = true;

/** @param {string} name @param {string[]} args @param {Record<string, string>} env */
async function suite(name, args, env) {
  console.log(`\n== BullMQ on ${name}`);
  const passed = await jest([...args, ...given], env);
  ok &&= passed;
  report.push(`BullMQ on ${name}: ${passed ? 'passed' : interrupted ? 'interrupted' : 'FAILED'}`);
}

async function redisSuite() {
  const redis = await startRedis();
  if (!redis) {
    report.push('BullMQ on Redis: left out, because redis-server is not installed');
    return;
  }
  const roots = QUEUE_SUITES.filter((folder) => existsSync(path.join(root, folder))).map(
    (folder) => `--roots=${folder}`,
  );
  const skip = NOT_TWICE.map((pattern) => `--testPathIgnorePatterns=${pattern}`);
  try {
    await suite('Redis', [...roots, ...skip, '--passWithNoTests'], {
      ...databases,
      TEST_REDIS_URL: redis.url,
    });
  } finally {
    await redis.stop();
  }
}

try {
  if (wanted.includes('postgres')) await suite('PostgreSQL', [], databases);
  if (wanted.includes('redis')) await redisSuite();
} finally {
  await postgres.stop();
}
console.log(`\n${report.join('\n')}`);
process.exit(ok && !interrupted ? 0 : 1);

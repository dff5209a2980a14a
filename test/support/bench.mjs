// What `npm run bench` runs after the build: the benchmarks of test/bench against throw-away servers, with the durability
// of production. Figures are for comparing within one run; nothing is asserted, and the exit code says only whether it ran.
//
//   npm run bench                               all of them, about half an hour
//   npm run bench post-message webhooks         some
//   npm run bench wall                          row-level security with, without, and without setting the tenant
//   npm run bench assignment                    queues drained; with a million conversations, some minutes
//   npm run bench lists -- --full               also with a million conversations: ten minutes more, 12 GB on disk
//   npm run bench lists -- --sizes 5000,50000   with as many conversations as you like
//   npm run bench -- --quick                    smaller, about five minutes
//   npm run bench webhooks -- --profile         also writes processor profiles of the API and the worker, and what
//                                               statements a delivery takes
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { asAdmin } from '../bench/stack.mjs';
import { PLAN_SETTINGS } from '../bench/plans.mjs';
import { STATEMENT_SETTINGS } from '../bench/statements.mjs';
import { machine, printNote, progress, progressDone } from '../bench/report.mjs';
import { removeLeftovers, startPostgres, startRedis } from './servers.mjs';

const BENCHMARKS = ['post-message', 'lists', 'webhooks', 'wall', 'assignment'];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    sizes: { type: 'string' },
  },
});
const sizes = options.sizes
  ? options.sizes.split(',').map(Number)
  : options.quick
    ? [1_000, 10_000]
    : [10_000, 100_000, ...(options.full ? [1_000_000] : [])];
if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0)) {
  console.error('--sizes takes numbers of conversations, such as 10000,100000.');
  process.exit(2);
}
const unknown = positionals.filter((name) => !BENCHMARKS.includes(name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${BENCHMARKS.join(', ')}.`);
  process.exit(2);
}
const wanted = positionals.length > 0 ? positionals : BENCHMARKS;
for (const name of [
  'DATABASE_URL',
  'MIGRATION_DATABASE_URL',
  'REDIS_URL',
  'SECRET_KEY',
  'BOOTSTRAP_API_KEY',
  'PUBLIC_URL',
])
  delete process.env[name];

const interruption = new AbortController();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => interruption.abort(new Error('interrupted')));

const started = Date.now();
const load = machine();
progress('starting PostgreSQL and Redis');
await removeLeftovers();
const postgres = await startPostgres({
  settings: { ...PLAN_SETTINGS, ...(options.profile && STATEMENT_SETTINGS), track_commit_timestamp: 'on' },
});
const redis = await startRedis().catch(() => null);
const profile = options.profile ? mkdtempSync(path.join(os.tmpdir(), 'switchboard-profile-')) : undefined;
let ok = true;
try {
  const versions = await asAdmin(postgres.adminUrl, async (admin) => {
    const { rows } =
      await admin.query(`SELECT current_setting('server_version') AS server, current_setting('fsync') AS fsync,
      current_setting('synchronous_commit') AS commit, current_setting('shared_buffers') AS buffers`);
    return rows[0];
  });
  progressDone();
  console.log(`npm run bench ${process.argv.slice(2).join(' ')}`);
  console.log(load);
  console.log(
    `PostgreSQL ${versions.server}: fsync ${versions.fsync}, synchronous_commit ${versions.commit}, ` +
      `shared_buffers ${versions.buffers}; Redis ${redis ? 'there' : 'not installed'}`,
  );
  for (const name of wanted) {
    const { run } = await import(`../bench/${name}.mjs`);
    await run({ quick: options.quick, sizes, profile, postgres, redis, stop: interruption.signal });
  }
  printNote(`\nDone in ${Math.round((Date.now() - started) / 1000)} s.`);
  if (profile) printNote(`Processor profiles, for the developer tools of Chrome: ${profile}`);
} catch (error) {
  ok = false;
  progressDone();
  console.error(interruption.signal.aborted ? 'Interrupted.' : error);
} finally {
  await redis?.stop();
  await postgres.stop();
}
process.exit(ok ? 0 : 1);

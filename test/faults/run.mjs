// What `npm run test:faults` runs after the build: real processes, a real PostgreSQL and Redis and a farm of receivers,
// broken in every way one by one and in a seeded mix, then judged by the invariants of webhook delivery.
//
//   npm run test:faults                        the size of CI: about seven minutes
//   npm run test:faults -- --seed 7            the same blows as the last run with this seed
//   npm run test:faults -- --backend postgres  BullMQ on PostgreSQL, no Redis
//   npm run test:faults -- --mutate            only: the product made worse in three ways, and whether this is noticed
//   npm run test:faults -- --no-mutate         without that
//   npm run test:faults -- --strict            the times count, too: for a machine that has nothing else to do
//   npm run test:faults -- --full              1,000 kills and ten minutes of the mix at the least; takes an hour or two
import path from 'node:path';
import { parseArgs } from 'node:util';
import { machine, printNote, progress, progressDone } from '../bench/report.mjs';
import { removeLeftovers } from '../support/servers.mjs';
import { runMutations } from './mutations.mjs';
import { runProduct } from './product.mjs';
import { startDatabaseServer, startFarm, startRedis } from './servers.mjs';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' },
    backend: { type: 'string', default: 'redis' },
    full: { type: 'boolean', default: false },
    mutate: { type: 'boolean', default: false },
    'no-mutate': { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
});
const seed = options.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(options.seed);
if (!Number.isSafeInteger(seed) || !['redis', 'postgres'].includes(options.backend)) {
  console.error('--seed takes a whole number, --backend redis or postgres.');
  process.exit(2);
}
for (const name of ['DATABASE_URL', 'MIGRATION_DATABASE_URL', 'REDIS_URL', 'SECRET_KEY', 'BOOTSTRAP_API_KEY'])
  delete process.env[name];

const started = Date.now();
await removeLeftovers();
const postgres = await startDatabaseServer();
const redis = options.backend === 'redis' ? await startRedis() : null;
const farm = await startFarm(path.join(postgres.dataDir, 'farm.log'), seed);
const stop = async () => {
  postgres.thaw();
  farm.stop();
  await redis?.kill();
  await postgres.stop();
};
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => void stop().finally(() => process.exit(1)));

const servers = { postgres, redis, farm };
let ok = false;
try {
  printNote(`npm run test:faults -- --seed ${seed} --backend ${redis ? 'redis' : 'postgres'}\n${machine()}`);
  const size = options.full
    ? { rate: 40, outageMs: 60_000, mixMs: 600_000, kills: 1_000, quietMs: 20_000 }
    : { rate: 15, outageMs: 6_000, mixMs: 30_000, kills: 8, quietMs: 6_000 };
  const healthy = options.mutate || (await runProduct(servers, { seed, strict: options.strict, ...size }, tell));
  const noticed = options['no-mutate'] || (await runMutations(servers, { seed }, tell));
  ok = healthy && noticed;
  printNote(`\nDone in ${Math.round((Date.now() - started) / 1_000)} s, seed ${seed}: ${ok ? 'all hold' : 'FAILED'}.`);
} catch (error) {
  progressDone();
  console.error(error);
} finally {
  await stop();
}
process.exit(ok ? 0 : 1);

/** @param {string} what */
function tell(what) {
  progress(`${String(Math.round((Date.now() - started) / 1_000)).padStart(4)} s  ${what}`);
}

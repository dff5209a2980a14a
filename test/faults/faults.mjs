// What happens to PostgreSQL, to Redis and to whole processes: each by itself, then in a seeded mix.
import { randomOf } from './load.mjs';
import { sleep } from './servers.mjs';

/** @typedef {import('./stage.mjs').Stage} Stage */

/** @type {Record<string, (stage: Stage, ms: number) => Promise<unknown>>} */
const REDIS = {
  'Redis FLUSHALL': async ({ redis }) => redis?.ask('FLUSHALL'),
  'Redis killed': async ({ redis }, ms) => {
    await redis?.kill();
    await sleep(ms);
    await redis?.start();
  },
  'Redis stopped': async ({ redis }, ms) => {
    redis?.freeze();
    await sleep(ms);
    redis?.thaw();
  },
};

/** @type {Record<string, (stage: Stage, ms: number) => Promise<unknown>>} */
const POSTGRES = {
  'PostgreSQL connections terminated': (stage) =>
    stage.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()', [
      stage.name,
    ]),
  'PostgreSQL restarted at once': ({ postgres }) => postgres.restart(),
  'PostgreSQL stopped': async ({ postgres }, ms) => {
    postgres.freeze();
    await sleep(ms);
    postgres.thaw();
  },
};

/** @param {Stage} stage @param {import('./stage.mjs').Running} worker */
async function replaceWorker(stage, worker) {
  await stage.kill(worker);
  for (;;) {
    try {
      return await stage.startWorker({ clock: true });
    } catch {
      await sleep(500); // it has met a database that was away: whoever runs it starts it again
    }
  }
}

/** @type {Record<string, (stage: Stage, ms: number) => Promise<unknown>>} */
const API = {
  'API killed': async (stage) => {
    if (stage.api) await stage.kill(stage.api);
    await stage.startApi();
  },
};

/**
 * Every one of them under load, one after the other.
 * @param {Stage} stage @param {import('./load.mjs').Load} load @param {number} rate @param {number} ms that a lasting one lasts
 * @param {(what: string) => void} progress
 */
export async function eachAlone(stage, load, rate, ms, progress) {
  for (const [name, inject] of Object.entries({ ...(stage.redis && REDIS), ...POSTGRES, ...API })) {
    progress(name);
    load.start(rate);
    await sleep(1_000);
    await stage.fault(name, () => inject(stage, ms));
    await sleep(2_500);
    await load.stop();
    await stage.settled();
  }
}

/**
 * Blow upon blow under load, the same ones in the same order for the same seed: mostly kills of workers.
 * @param {Stage} stage @param {import('./load.mjs').Load} load
 * @param {{ seed: number, rate: number, ms: number, kills: number }} size at least so long, and so many kills
 * @param {(what: string) => void} progress
 */
export async function mix(stage, load, { seed, rate, ms, kills }, progress) {
  const random = randomOf(seed);
  const pick = (/** @type {number} */ n) => Math.floor(random() * n);
  const rare = Object.entries({ ...(stage.redis && REDIS), ...POSTGRES, ...API });
  const end = Date.now() + ms;
  const before = stage.kills;
  /** @type {Set<Promise<unknown>>} */
  const starting = new Set();
  load.start(rate);
  while (Date.now() < end || stage.kills - before < kills) {
    const blow = random();
    const worker = stage.workers[pick(stage.workers.length)];
    const [name, inject] = rare[pick(rare.length)];
    const [pause, length] = [100 + pick(900), 500 + pick(2_500)];
    progress(`mix: ${stage.kills - before} kills, ${Math.max(0, Math.round((end - Date.now()) / 1000))} s to go`);
    if (blow < 0.6 && worker) {
      const replaced = stage.fault('worker killed', () => replaceWorker(stage, worker));
      starting.add(replaced);
      void replaced.finally(() => starting.delete(replaced));
    } else if (blow < 0.7) await stage.fault('worker paused', () => paused(worker, length));
    else if (blow < 0.8) worker?.child.kill(worker.clock ? 'SIGUSR2' : 'SIGCONT');
    else if (blow < 0.9) await stage.fault(`mix: ${name}`, () => inject(stage, length));
    await sleep(pause);
  }
  await Promise.all(starting);
  await load.stop();
}

/** @param {import('./stage.mjs').Running | undefined} worker @param {number} ms */
async function paused(worker, ms) {
  worker?.child.kill('SIGSTOP');
  await sleep(ms);
  worker?.child.kill('SIGCONT');
}

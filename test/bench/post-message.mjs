// How much of what PostgreSQL can do reaches the caller of POST /v1/conversations/:id/messages.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { built } from '../support/servers.mjs';
import { closedLoop, cpuMs, httpClient, median, percentile } from './load.mjs';
import { recordStatements, TEXT } from './message-statements.mjs';
import { hasPgbench, pgbench } from './pgbench.mjs';
import { fixed, printNote, printTable, progress, whole } from './report.mjs';
import { seededId } from './seed.mjs';
import { asAdmin, makeSite, POOL, startProcess, withProcesses } from './stack.mjs';

const { encodeId, newId } = await built('libs/platform/ids.js');
const CONVERSATIONS = 1_000;
const LEVELS = [1, 16];
const BODY = JSON.stringify({ content: { type: 'text', text: TEXT } });
const paths = Array.from(
  { length: CONVERSATIONS },
  (_, i) => `/v1/conversations/${encodeId('conv', seededId('conversation', i + 1))}/messages`,
);

/**
 * @typedef {{ perSecond: number, latencies: number[], cpu?: number }} Round `cpu`: ms of the API's processor per call
 * @typedef {(concurrency: number, ms: number) => Promise<Round>} Run
 * @typedef {{ name: string, run: Run, rounds: Map<number, Round[]> }} Variant
 */

/** @param {import('./stack.mjs').Bench} bench */
export async function run(bench) {
  const [rounds, ms] = bench.quick ? [1, 1_000] : [3, 2_000];
  const site = await makeSite(bench, 'bench_post', CONVERSATIONS);
  await asAdmin(site.adminUrl, (admin) =>
    admin.query(`UPDATE conversation SET status = 'open', single = false, closed_at = NULL, snoozed_until = NULL`),
  );
  const { authenticate, target, write } = await recordStatements(
    site.organizationId,
    site.headers['authorization'].slice('Bearer '.length),
  );
  await withProcesses([startProcess(bench, 'api', site)], async (api) => {
    /** @type {Variant[]} */
    const variants = [
      variant('API', viaApi(bench, site, api)),
      variant(
        'API, with an Idempotency-Key',
        viaApi(bench, site, api, () => ({ 'idempotency-key': randomUUID() })),
      ),
      variant('SQL, node-postgres', viaPool(bench, site, [target, write])),
      variant('SQL and key lookup, node-postgres', viaPool(bench, site, [authenticate, target, write])),
    ];
    if (hasPgbench) variants.push(variant('SQL, pgbench', viaPgbench(site, [target, write])));
    variants.push(variant('HTTP without SQL: GET /health/live', withoutSql(bench, api)));
    await measure(bench, variants, rounds, ms);
    const relayed = variant('API while a worker relays', viaApi(bench, site, api));
    await withProcesses([startProcess(bench, 'worker', site)], async () => {
      await untilRelayed(bench, site);
      await measure(bench, [relayed], rounds, ms);
    });
    show([variants[0], relayed, ...variants.slice(1)], rounds, ms);
  });
}

/** @param {string} name @param {Run} run @returns {Variant} */
const variant = (name, run) => ({ name, run, rounds: new Map() });

/** Round by round through all variants, so that a busy minute of the machine meets them all. */
async function measure(
  /** @type {import('./stack.mjs').Bench} */ { stop },
  /** @type {Variant[]} */ variants,
  /** @type {number} */ rounds,
  /** @type {number} */ ms,
) {
  for (const { run } of variants) await run(4, 500); // warm: connections, prepared statements, compiled code
  for (let round = 1; round <= rounds; round++)
    for (const concurrency of LEVELS)
      for (const { name, run, rounds: done } of variants) {
        progress(`post-message: round ${round} of ${rounds}, ${concurrency} at once: ${name}`);
        stop.throwIfAborted();
        done.set(concurrency, [...(done.get(concurrency) ?? []), await run(concurrency, ms)]);
      }
}

/** @returns {Run} */
const viaApi =
  (
    /** @type {import('./stack.mjs').Bench} */ { stop },
    /** @type {import('./stack.mjs').Site} */ site,
    /** @type {import('./stack.mjs').Running} */ api,
    /** @type {() => Record<string, string>} */ more = () => ({}),
  ) =>
  async (concurrency, ms) => {
    const client = httpClient(api.url, concurrency);
    try {
      return await withCpu(api, () =>
        closedLoop({ concurrency, ms, stop }, () =>
          client.send('POST', paths[random()], { ...site.headers, ...more() }, BODY),
        ),
      );
    } finally {
      await client.close();
    }
  };

/** @returns {Run} */
const withoutSql =
  (/** @type {import('./stack.mjs').Bench} */ { stop }, /** @type {import('./stack.mjs').Running} */ api) =>
  async (concurrency, ms) => {
    const client = httpClient(api.url, concurrency);
    try {
      return await withCpu(api, () =>
        closedLoop({ concurrency, ms, stop }, () => client.send('GET', '/health/live', {})),
      );
    } finally {
      await client.close();
    }
  };

/** The ceiling has its tenant set for good, where the product sets it for every transaction. @param {import('./stack.mjs').Site} site */
const scopeOf = ({ organizationId }) => `-c switchboard.organization=${organizationId} -c switchboard.job=authenticate`;

/** @returns {Run} */
const viaPool =
  (
    /** @type {import('./stack.mjs').Bench} */ { stop },
    /** @type {import('./stack.mjs').Site} */ site,
    /** @type {import('./message-statements.mjs').Statement[]} */ statements,
  ) =>
  async (concurrency, ms) => {
    const pool = new pg.Pool({ connectionString: site.databaseUrl, max: POOL, options: scopeOf(site) });
    try {
      return await closedLoop({ concurrency, ms, stop }, async () => {
        let number = 0;
        const conversation = seededId('conversation', random() + 1);
        for (const { name, text, values, varying } of statements) {
          const fresh = { conversation, message: newId(), event: newId(), number };
          const own = values.map((value, i) => (varying[i] ? fresh[varying[i]] : value));
          const { rows } = await pool.query({ name, text, values: own });
          number = rows[0].number;
        }
      });
    } finally {
      await pool.end();
    }
  };

/** @returns {Run} */
const viaPgbench =
  (
    /** @type {import('./stack.mjs').Site} */ site,
    /** @type {import('./message-statements.mjs').Statement[]} */ statements,
  ) =>
  (concurrency, ms) =>
    pgbench(site.databaseUrl, statements, {
      scope: scopeOf(site),
      connections: Math.min(concurrency, POOL),
      ms,
      conversations: CONVERSATIONS,
    });

const random = () => Math.floor(Math.random() * CONVERSATIONS);

/** @param {import('./stack.mjs').Running} api @param {() => Promise<Round>} work */
async function withCpu(api, work) {
  const before = cpuMs(api.pid);
  const round = await work();
  return { ...round, cpu: (cpuMs(api.pid) - before) / round.latencies.length };
}

/** Until the worker has caught up with what was written without it. @param {import('./stack.mjs').Bench} bench @param {import('./stack.mjs').Site} site */
async function untilRelayed({ stop }, site) {
  const end = Date.now() + 30_000;
  await asAdmin(site.adminUrl, async (admin) => {
    for (let waiting = 1; waiting > 0 && Date.now() < end;) {
      const { rows } = await admin.query('SELECT count(*)::int AS n FROM event WHERE fanned_out_at IS NULL');
      waiting = rows[0].n;
      progress(`post-message: the worker catches up, ${waiting} events to go`);
      stop.throwIfAborted();
      if (waiting > 0) await new Promise((resolve) => setTimeout(resolve, 250));
    }
  });
}

/** @param {Variant[]} variants the API first @param {number} rounds @param {number} ms */
function show(variants, rounds, ms) {
  const figure = (/** @type {Variant} */ { rounds }, /** @type {number} */ level) => {
    const results = rounds.get(level) ?? [];
    return {
      perSecond: median(results.map((round) => round.perSecond)),
      p50: median(results.map((round) => median(round.latencies))),
      p99: median(results.map((round) => percentile(round.latencies, 0.99))),
      cpu: median(results.map((round) => (round.cpu ?? NaN) * 1000)),
    };
  };
  for (const level of LEVELS) {
    const api = figure(variants[0], level).perSecond;
    printTable(
      `post-message, ${level} at once: ${whole(CONVERSATIONS)} conversations, pool of ${POOL}, median of ${rounds} x ${ms / 1000} s`,
      [
        ['', 'calls/s', 'p50 ms', 'p99 ms', 'API cpu us/call', 'API / this'],
        ...variants.map((one) => {
          const { perSecond, p50, p99, cpu } = figure(one, level);
          return [one.name, whole(perSecond), fixed(p50, 2), fixed(p99, 2), whole(cpu), fixed(api / perSecond, 2)];
        }),
      ],
    );
  }
  if (!hasPgbench) printNote('\npgbench is not installed: its row is left out.');
}

// How fast queues drain: by workers, beside what PostgreSQL alone can do, from agent to agent, and in a full table.
import { AGENTS, clear, fill, makeFloor, setAll, untilDrained } from './assignment-floor.mjs';
import { recordAssignment, replay } from './assignment-statements.mjs';
import { cpuMs, median, percentile } from './load.mjs';
import { fixed, printNote, printTable, progress, whole } from './report.mjs';
import { asAdmin, makeSite, startProcess, withProcesses } from './stack.mjs';

const WORKERS = [1, 2, 4];
const QUEUES = 10;
const SMALL = 1_000;

/**
 * @typedef {import('./stack.mjs').Bench} Bench
 * @typedef {import('./stack.mjs').Site} Site
 * @typedef {{ seconds: number, perSecond: number, cpu: number }} Drained `cpu`: ms of the workers' processors for each
 */

/** @param {Bench} bench */
export async function run(bench) {
  const large = bench.quick ? 50_000 : 1_000_000;
  const waiting = bench.quick ? 500 : 10_000;
  const site = await makeSite(bench, 'bench_assignment', SMALL, false);
  await makeFloor(site, QUEUES);
  await setAll(site, 'online');
  progress('assignment: recording what one assignment says');
  const said = await recordAssignment(site, bench.stop);
  await drains(bench, site, said, waiting);
  await latency(bench, site, bench.quick ? 100 : 500);
  await cost(bench, site, large, bench.quick ? [2, 150] : [5, 500]);
  showStatements(said);
}

/** @param {readonly import('./assignment-statements.mjs').Said[]} said */
function showStatements(said) {
  const worth = ({ times = [] }) => median(times);
  const slowest = [...said].filter(({ times }) => times).sort((a, b) => worth(b) - worth(a));
  const roundTrips = said.filter(({ ahead }) => !ahead).length;
  printTable(`assignment: the slowest of the ${said.length} statements (${roundTrips} round trips) of one assignment`, [
    ['', 'p50 ms'],
    ...slowest
      .slice(0, 8)
      .map((one) => [one.name ?? one.text.trim().replace(/\s+/g, ' ').slice(0, 70), fixed(worth(one), 2)]),
  ]);
}

/**
 * @param {Bench} bench @param {Site} site @param {readonly import('./assignment-statements.mjs').Said[]} said
 * @param {number} waiting
 */
async function drains(bench, site, said, waiting) {
  const rows = [['', 'seconds', 'assignments/s', 'cpu ms each', 'SQL alone/s', 'of it']];
  const done = await byWorkers(bench, site, waiting);
  for (const { queues, workers, seconds, perSecond, cpu } of done.sort((a, b) => a.queues - b.queues)) {
    const connections = Math.min(queues, 3) * workers; // of each worker as many as it drains queues at once
    progress(`assignment: SQL alone, ${connections} connections`);
    const ceiling = await bySql(bench, site, said, { count: Math.ceil(waiting / 4), queues, connections });
    rows.push([
      `${queues === 1 ? 'one queue' : `${queues} queues`}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
      fixed(seconds),
      whole(perSecond),
      fixed(cpu),
      `${whole(ceiling)} (${connections})`,
      `${fixed((100 * perSecond) / ceiling, 0)} %`,
    ]);
  }
  printTable(`assignment: ${whole(waiting)} waiting conversations given to ${AGENTS} agents`, rows);
  printNote(
    '\nSQL alone: the recorded statements of an assignment on so many connections (in brackets), one item each at a time.',
  );
}

/**
 * With ever more workers: none is started twice.
 * @param {Bench} bench @param {Site} site @param {number} count
 * @returns {Promise<(Drained & { queues: number, workers: number })[]>}
 */
async function byWorkers(bench, site, count) {
  const done = [];
  /** @type {import('./stack.mjs').Running[]} */
  const running = [];
  try {
    for (const workers of WORKERS) {
      while (running.length < workers) running.push(await startProcess(bench, 'worker', site));
      await drained(bench, site, 20 * workers, QUEUES, running); // warm
      for (const queues of [1, QUEUES]) {
        progress(`assignment: ${queues} queues, ${workers} workers`);
        done.push({ queues, workers, ...(await drained(bench, site, count, queues, running)) });
        await clear(site);
      }
    }
  } finally {
    await Promise.all(running.map((one) => one.stop()));
  }
  return done;
}

/**
 * @param {Bench} bench @param {Site} site @param {number} count @param {number} queues
 * @param {readonly import('./stack.mjs').Running[]} running @returns {Promise<Drained>}
 */
const drained = ({ stop }, site, count, queues, running) =>
  asAdmin(site.adminUrl, async (admin) => {
    const used = () => running.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
    await fill(site, count, queues);
    const [start, before] = [performance.now(), used()];
    await untilDrained(admin, stop);
    const seconds = (performance.now() - start) / 1_000;
    return { seconds, perSecond: count / seconds, cpu: (used() - before) / count };
  });

/**
 * @param {Bench} bench @param {Site} site @param {readonly import('./assignment-statements.mjs').Said[]} said
 * @param {{ count: number, queues: number, connections: number }} how
 */
async function bySql({ stop }, site, said, { count, queues, connections }) {
  await fill(site, count, queues);
  const start = performance.now();
  const given = await replay(site, said, { connections, queues, stop });
  const perSecond = (given * 1_000) / (performance.now() - start);
  await clear(site);
  if (given < count) throw new Error(`Only ${given} of ${count} were given by SQL alone`);
  return perSecond;
}

/** An agent comes online while much waits: how long until they have something. @param {Bench} bench @param {Site} site @param {number} rounds */
async function latency(bench, site, rounds) {
  await setAll(site, 'away');
  await fill(site, rounds + 1_000);
  /** @type {number[]} */
  const times = [];
  await withProcesses([startProcess(bench, 'worker', site)], () =>
    asAdmin(site.adminUrl, async (admin) => {
      await admin.query(
        `UPDATE users SET capacity = '{"total":1,"perChannel":{}}' WHERE email LIKE '%@floor.example.com'`,
      );
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // it has looked in vain
      const { rows: agents } = await admin.query(
        `SELECT id FROM users WHERE email LIKE '%@floor.example.com' ORDER BY id LIMIT $1`,
        [rounds],
      );
      for (const { id } of agents) {
        bench.stop.throwIfAborted();
        if (times.length % 20 === 0) progress(`assignment: agent ${times.length} of ${rounds} comes online`);
        times.push(await comesOnline(admin, site, id));
      }
    }),
  );
  await clear(site);
  printTable(
    `assignment: from an agent's coming online to their first conversation, ${times.length} times, one worker`,
    [
      ['', 'p50 ms', 'p99 ms', 'worst ms'],
      [
        '1,000 wait, nobody else is there',
        fixed(median(times)),
        fixed(percentile(times, 0.99)),
        fixed(Math.max(...times)),
      ],
    ],
  );
}

/** By the commits themselves, as PostgreSQL has timed them. @param {import('pg').Client} admin @param {Site} site @param {string} id */
async function comesOnline(admin, { organizationId }, id) {
  await admin.query('BEGIN');
  await admin.query(`UPDATE agent_state SET status = 'online', changed_at = now() WHERE user_id = $1`, [id]);
  await admin.query(`SELECT pg_notify('switchboard_routing', $1)`, [`user:${organizationId}:${id}`]);
  const { rows } = await admin.query('SELECT pg_current_xact_id()::xid AS xid');
  await admin.query('COMMIT');
  for (;;) {
    const { rows: found } = await admin.query(
      `SELECT extract(epoch FROM given - came) * 1000 AS ms FROM assignment,
         LATERAL (SELECT pg_xact_commit_timestamp(xmin) AS given, pg_xact_commit_timestamp($2::text::xid) AS came) AS t
       WHERE to_id = $1 AND ended_at IS NULL AND given > came LIMIT 1`,
      [id, rows[0].xid],
    );
    if (found[0]) return Number(found[0].ms);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * The same with few conversations and with many in the table, by turns.
 * @param {Bench} bench @param {Site} site @param {number} large @param {[rounds: number, count: number]} how
 */
async function cost(bench, site, large, [rounds, count]) {
  const other = await makeSite(bench, 'bench_assignment_large', large, false);
  await makeFloor(other, QUEUES);
  await asAdmin(site.adminUrl, (admin) =>
    admin.query(`UPDATE users SET capacity = '{"total":40,"perChannel":{}}' WHERE email LIKE '%@floor.example.com'`),
  );
  const sites = [site, other];
  /** @type {Drained[][]} */
  const done = [[], []];
  const starting = sites.map((one) => startProcess(bench, 'worker', one));
  await withProcesses(starting, async (...running) => {
    for (const one of sites) await setAll(one, 'online');
    for (let round = 0; round <= rounds; round++) {
      for (const [i, one] of sites.entries()) {
        progress(`assignment: ${whole(i ? large : SMALL)} conversations, round ${round} of ${rounds}`);
        const drain = await drained(bench, one, round === 0 ? 50 : count, 1, [running[i]]);
        if (round > 0) done[i].push(drain);
        await clear(one);
      }
    }
  });
  const ms = (/** @type {Drained[]} */ drains) => median(drains.map(({ perSecond }) => 1_000 / perSecond));
  const ratios = done[1].map(({ perSecond }, round) => done[0][round].perSecond / perSecond);
  printTable(`assignment: one worker, one queue, ${rounds} x ${count}, by turns`, [
    ['conversations in the table', 'ms each', 'cpu ms each', 'ratio'],
    [whole(SMALL), fixed(ms(done[0])), fixed(median(done[0].map(({ cpu }) => cpu))), '1.00'],
    [whole(large), fixed(ms(done[1])), fixed(median(done[1].map(({ cpu }) => cpu))), fixed(median(ratios), 2)],
  ]);
}

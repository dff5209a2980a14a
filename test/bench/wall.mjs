// What the tenant wall (row-level security, and setting the tenant for every transaction) costs the caller.
import { built } from '../support/servers.mjs';
import { closedLoop, cpuMs, httpClient, median, percentile } from './load.mjs';
import { TEXT } from './message-statements.mjs';
import { fixed, printNote, printTable, progressBar, whole } from './report.mjs';
import { makeSite, startProcess, withProcesses } from './stack.mjs';
import { measureStatements } from './wall-statements.mjs';
import { COSTS, costs, inSets, STATES, withWall } from './wall-states.mjs';

const { encodeId } = await built('libs/platform/ids.js');
const CALLERS = 4;
const SEARCH = 'Maria Oliveira';
const BODY = JSON.stringify({ content: { type: 'text', text: TEXT } });

/**
 * @typedef {{ perCall: number, p50: number, p99: number, cpu: number }} Figures milliseconds
 * @typedef {ReturnType<typeof httpClient>} Client
 * @typedef {{ name: string, send: (client: Client) => Promise<unknown>, sets: Figures[][] }} Call
 */

/** @param {import('./stack.mjs').Bench} bench */
export async function run(bench) {
  const [sets, ms, conversations] = bench.quick ? [2, 250, 1_000] : [10, 1_500, 10_000];
  const site = await makeSite(bench, 'bench_wall', conversations);
  await withWall(site, async (wall) => {
    const open = await wall.query(
      `SELECT id FROM conversation WHERE organization_id = '${site.organizationId}' AND status <> 'closed' ORDER BY id`,
    );
    await measureStatements(bench, site, wall, SEARCH);
    const calls = callsOn(
      site,
      open.map(({ id }) => String(id)),
    );
    const starting = startProcess(bench, 'api', site, undefined, './without-envelope.mjs');
    await withProcesses([starting], async (api) => {
      for (const call of calls) call.sets = await measure(bench, api, wall, call, sets, ms);
    });
    show(calls, sets, ms, conversations);
  });
}

/** Reads first: writing leaves dead rows. @param {import('./stack.mjs').Site} site @param {string[]} open @returns {Call[]} */
function callsOn(site, open) {
  const list = (/** @type {Record<string, string>} */ query) => (/** @type {Client} */ client) =>
    client.send('GET', `/v1/conversations?${String(new URLSearchParams(query))}`, site.headers);
  const post = (/** @type {Client} */ client) => {
    const id = encodeId('conv', open[Math.floor(Math.random() * open.length)]);
    return client.send('POST', `/v1/conversations/${id}/messages`, site.headers, BODY);
  };
  return [
    { name: 'list, first page', send: list({}), sets: [] },
    { name: 'list, status=open', send: list({ status: 'open' }), sets: [] },
    { name: 'list, search', send: list({ search: SEARCH }), sets: [] },
    { name: 'POST message', send: post, sets: [] },
  ];
}

/**
 * @param {import('./stack.mjs').Bench} bench @param {import('./stack.mjs').Running} api
 * @param {import('./wall-states.mjs').Wall} wall @param {Call} call @param {number} sets @param {number} ms
 */
async function measure({ stop }, api, wall, call, sets, ms) {
  const client = httpClient(api.url, CALLERS);
  const load = (/** @type {number} */ ms) => closedLoop({ concurrency: CALLERS, ms, stop }, () => call.send(client));
  const warm = Math.min(300, ms / 3);
  let done = 0;
  try {
    await load(ms);
    return await inSets(sets, async (state) => {
      progressBar(`wall: ${call.name}, ${STATES[state]}`, done++, sets * STATES.length);
      await wall.set(state === 0);
      await api.tell({ bare: state === 2 });
      await load(warm); // plans are made anew
      const pids = [...(await wall.backends()), api.pid];
      const used = () => pids.reduce((/** @type {number} */ sum, pid) => sum + cpuMs(pid), 0);
      const before = used();
      const { perSecond, latencies } = await load(ms);
      const cpu = (used() - before) / latencies.length;
      return { perCall: 1_000 / perSecond, p50: median(latencies), p99: percentile(latencies, 0.99), cpu };
    });
  } finally {
    await api.tell({ bare: false });
    await wall.set(true);
    await client.close();
  }
}

/** @type {[keyof Figures, string, (ms: number) => string][]} */
const MEASURES = [
  ['perCall', 'calls/s', (ms) => whole(1_000 / ms)],
  ['p50', 'p50 ms', (ms) => fixed(ms, 2)],
  ['p99', 'p99 ms', (ms) => fixed(ms, 2)],
  ['cpu', 'cpu us/call', (ms) => whole(ms * 1_000)],
];

/** @param {Call[]} calls @param {number} sets @param {number} ms @param {number} conversations */
function show(calls, sets, ms, conversations) {
  printTable(
    `wall: ${CALLERS} callers, ${whole(conversations)} conversations, ${sets} sets of ${STATES.length} x ${ms / 1000} s; cpu of API and PostgreSQL`,
    [
      ['', ...STATES, ...COSTS],
      ...calls.flatMap(({ name, sets }) =>
        MEASURES.map(([key, unit, print], i) => {
          const figures = sets.map((set) => set.map((round) => round[key]));
          const states = STATES.map((_, state) => print(median(figures.map((set) => set[state]))));
          return [`${i ? ''.padEnd(name.length) : name}  ${unit}`, ...states, ...costs(figures)];
        }),
      ),
    ],
  );
  printNote(
    '\nCosts: how much longer a call takes, median of the ratios within the sets (and their middle half).\nOn a busy machine the processor time is the steadiest.',
  );
}

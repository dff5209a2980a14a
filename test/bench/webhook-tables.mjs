// The tables of `webhooks`: figures, the same without a hub, and what is aimed at.
import { median, percentile } from './load.mjs';
import { fixed, printNote, printTable, whole } from './report.mjs';

const AIM = { perSecond: 2_000, rate: 200, p95: 50, noise: 2, flat: 1.2 };

/** @param {boolean} isMet */
const verdict = (isMet) => (isMet ? 'met' : 'missed');

/**
 * @param {{ sustained: import('./webhooks.mjs').Sustained[], latency: import('./webhooks.mjs').Latency[],
 *   noise: import('./webhooks.mjs').Noise[], history: import('./webhooks.mjs').History[] }} results
 * @param {{ redis: boolean }} there
 */
export function show({ sustained, latency, noise, history }, { redis }) {
  showSustained(sustained);
  showLatency(latency);
  showStages(latency);
  showNoise(noise);
  showHistory(history);
  if (!redis) printNote('\nredis-server is not installed: its rows are left out.');
}

/** @param {import('./webhooks.mjs').Sustained[]} results */
const showSustained = (results) =>
  printTable(
    `webhooks: deliveries a second, each with its domain transaction and fan-out; aim: ${whole(AIM.perSecond)} on two cores; ceiling: the same client posts to the same subscribers without a hub`,
    [
      [
        '',
        'deliveries/s',
        'aim',
        'ceiling/s',
        'of ceiling',
        'transactions/s',
        'worker us each',
        'PostgreSQL us each',
        'missing',
      ],
      ...results.map(({ backend, fan, atOnce, perSecond, transactions, workerUs, postgresUs, missing, ceiling }) => [
        `${fan} ${fan === 1 ? 'endpoint' : 'endpoints'}${atOnce === 10 ? '' : `, ${atOnce} at once`}, BullMQ on ${backend}`,
        whole(perSecond),
        verdict(perSecond >= AIM.perSecond),
        whole(median(ceiling)),
        fixed(perSecond / median(ceiling), 2),
        whole(transactions),
        whole(workerUs),
        whole(postgresUs),
        whole(missing),
      ]),
    ],
  );

const spread = (/** @type {number[]} */ values) =>
  [0.5, 0.95, 0.99].map((share) => fixed(percentile(values, share), 2));

/** @param {import('./webhooks.mjs').Latency[]} results */
const showLatency = (results) =>
  printTable(
    `webhooks: from a message's commit to its 2xx, in ms; aim: p95 at most ${AIM.p95} at ${AIM.rate} a second; ceiling: from the call to the 2xx without a hub`,
    [
      ['', 'arrived', 'p50', 'p95', 'p99', 'aim', 'ceiling p50', 'p95', 'p99', 'p95 - ceiling'],
      ...results.map(({ backend, rate, sent, traces, ceiling }) => {
        const latencies = traces.map(({ received, commit }) => received - commit);
        const p95 = percentile(latencies, 0.95);
        return [
          `${rate}/s, BullMQ on ${backend}`,
          `${traces.length} of ${sent}`,
          ...spread(latencies),
          rate === AIM.rate ? verdict(p95 <= AIM.p95) : '',
          ...spread(ceiling),
          fixed(p95 - percentile(ceiling, 0.95), 2),
        ];
      }),
    ],
  );

/** @param {import('./webhooks.mjs').Latency[]} results */
const showStages = (results) =>
  printTable('webhooks: where that goes, p50 and p95 in ms', [
    ['', 'commit - relay', 'p95', 'relay - claim', 'p95', 'claim - 2xx', 'p95'],
    ...results.map(({ backend, rate, traces }) => {
      const stage = (
        /** @type {keyof import('./webhooks.mjs').Trace} */ from,
        /** @type {keyof import('./webhooks.mjs').Trace} */ to,
      ) => {
        const values = traces.map((trace) => (trace[to] ?? NaN) - (trace[from] ?? NaN)).filter(Number.isFinite);
        return [fixed(percentile(values, 0.5), 2), fixed(percentile(values, 0.95), 2)];
      };
      const name = `${rate}/s, BullMQ on ${backend}`;
      return [name, ...stage('commit', 'relayed'), ...stage('relayed', 'attempted'), ...stage('attempted', 'received')];
    }),
  ]);

/** @param {import('./webhooks.mjs').Noise[]} results */
const showNoise = (results) =>
  printTable(
    `webhooks: four endpoints' p95 in ms beside neighbours with ten times their volume; aim: at most ${AIM.noise} times as long when these hang and drip`,
    [
      ['', 'alone', 'they answer', 'they hang and drip', 'to alone', 'aim', 'to answering', 'longest', 'missing'],
      ...results.map(({ backend, latencies, missing }) => {
        const p95 = (/** @type {number[][]} */ rounds) => median(rounds.map((round) => percentile(round, 0.95)));
        const [quiet, busy, bad] = [p95(latencies.quiet), p95(latencies.busy), p95(latencies.bad)];
        return [
          `BullMQ on ${backend}`,
          fixed(quiet, 2),
          fixed(busy, 2),
          fixed(bad, 2),
          fixed(bad / quiet, 2),
          verdict(bad / quiet <= AIM.noise),
          fixed(bad / busy, 2),
          fixed(Math.max(...latencies.bad.flat()), 1),
          whole(missing),
        ];
      }),
    ],
  );

/** @param {import('./webhooks.mjs').History[]} results */
function showHistory(results) {
  const of = (/** @type {import('./webhooks.mjs').History} */ { rounds }) => ({
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    workerUs: median(rounds.map(({ workerUs }) => workerUs)),
    postgresUs: median(rounds.map(({ postgresUs }) => postgresUs)),
  });
  printTable(
    `webhooks: a delivery's cost by the deliveries behind it, ten endpoints, all of them today's; aim: flat, at most ${AIM.flat} times`,
    [
      ['', 'deliveries/s', 'worker us each', 'PostgreSQL us each', 'both, to none', 'aim', 'missing'],
      ...results.map((result) => {
        const none = of(results.find(({ backend, rows }) => backend === result.backend && rows === 0) ?? result);
        const { perSecond, workerUs, postgresUs } = of(result);
        const ratio = (workerUs + postgresUs) / (none.workerUs + none.postgresUs);
        return [
          `${whole(result.rows)} behind, BullMQ on ${result.backend}`,
          whole(perSecond),
          whole(workerUs),
          whole(postgresUs),
          fixed(ratio, 2),
          verdict(ratio <= AIM.flat),
          whole(result.rounds.reduce((sum, { missing }) => sum + missing, 0)),
        ];
      }),
    ],
  );
}

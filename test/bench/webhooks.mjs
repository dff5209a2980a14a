// What the webhook engine does, each figure beside its ceiling in the same run, with the queue on PostgreSQL and on Redis.
//
// The load are domain transactions of the product's own message command (webhook-load.mjs), not API calls: at these rates
// an API would need a processor of its own, and its cost is what `post-message` measures. Fan-out, claims, signatures,
// attempts written ahead and settlements are all the worker's, one process of it.
import { built } from '../support/servers.mjs';
import { openLoop } from './load.mjs';
import { progress } from './report.mjs';
import { asAdmin, makeSite } from './stack.mjs';
import { withStatements } from './statements.mjs';
import { startSubscribers } from './subscribers.mjs';
import { seedHistory } from './webhook-history.mjs';
import {
  arrived,
  CONVERSATIONS,
  only,
  saturate,
  straight,
  straightAtRate,
  subscribe,
  withWorker,
} from './webhook-load.mjs';
import { show } from './webhook-tables.mjs';

const { decodeId } = await built('libs/platform/ids.js');
/** Endpoints, and requests at once to each: ten unless it is set. */
const FANS = [
  [1, 10],
  [1, 100],
  [10, 10],
  [100, 10],
];
const RATES = [50, 200, 500];
/** Of the neighbours: events a second to each quiet and to each noisy endpoint. */
const QUIET_RATE = 20;
const NOISY_RATE = 10 * QUIET_RATE;
const QUIET = 4;

/** Deliveries outstanding while as much is measured as it takes. @param {import('./stack.mjs').Bench} bench */
const windowOf = ({ quick }) => (quick ? 600 : 2_000);

const healthy = (/** @type {number} */ count) => Array.from({ length: count }, (_, n) => `/n/${n}`);

/**
 * @typedef {import('./webhook-load.mjs').Scene} Scene
 * @typedef {Awaited<ReturnType<typeof saturate>>} Saturated
 * @typedef {{ backend: string, fan: number, atOnce: number, ceiling: number[] } & Saturated} Sustained
 * @typedef {{ received: number, commit: number, relayed: number | null, attempted: number | null }} Trace
 * @typedef {{ backend: string, rate: number, sent: number, traces: Trace[], ceiling: number[] }} Latency
 * @typedef {'quiet' | 'busy' | 'bad'} Neighbours
 * @typedef {{ backend: string, latencies: Record<Neighbours, number[][]>, missing: number }} Noise
 * @typedef {{ backend: string, rows: number, rounds: Saturated[] }} History
 */

/** @param {import('./stack.mjs').Bench} bench */
export async function run(bench) {
  const { quick } = bench;
  const backends = /** @type {[string, string | undefined][]} */ ([['PostgreSQL', undefined]]);
  if (bench.redis) backends.push(['Redis', `${bench.redis.url}/0`]);
  /** @type {{ sustained: Sustained[], latency: Latency[], noise: Noise[], history: History[] }} */
  const results = { sustained: [], latency: [], noise: [], history: [] };
  const subscribers = await startSubscribers();
  try {
    for (const [backend, redisUrl] of backends) {
      const site = await makeSite(bench, `bench_webhooks_${backend.toLowerCase()}`, CONVERSATIONS);
      await openConversations(site);
      const paths = healthy(Math.max(...FANS.map(([fan]) => fan))).map(
        (path) => /** @type {[string, string]} */ ([path, 'message.sent']),
      );
      const scene = { bench, site, subscribers };
      await subscribe(scene, [...paths, ['/hang', 'message.received'], ['/drip', 'message.received']]);
      await withWorker(scene, redisUrl, async (running) => {
        for (const [fan, atOnce] of FANS)
          results.sustained.push(await sustained(running, backend, { fan, atOnce }, quick ? 1_500 : 15_000));
        for (const rate of RATES) results.latency.push(await latency(running, backend, rate, quick ? 1_500 : 15_000));
        results.noise.push(await noise(running, backend, quick ? 1 : 2, quick ? 3_000 : 12_000));
      });
    }
    const sizes = quick ? [0, 100_000] : [0, 100_000, 1_000_000];
    results.history = await history(bench, subscribers, quick ? backends.slice(0, 1) : backends, sizes);
  } finally {
    subscribers.stop();
  }
  show(results, { redis: bench.redis !== null });
}

/** Any of them may get a message, and be opened beside others. @param {import('./stack.mjs').Site} site */
const openConversations = (site) =>
  asAdmin(site.adminUrl, (admin) =>
    admin.query(`UPDATE conversation SET status = 'open', single = false, closed_at = NULL, snoozed_until = NULL`),
  );

/**
 * @param {Scene} scene @param {string} backend @param {{ fan: number, atOnce: number }} load @param {number} ms
 * @returns {Promise<Sustained>}
 */
async function sustained(scene, backend, { fan, atOnce }, ms) {
  const { bench, subscribers } = scene;
  progress(`webhooks: ${fan} endpoints, as much as it takes, BullMQ on ${backend}`);
  const paths = healthy(fan);
  await only(scene, paths, atOnce);
  const bare = () =>
    straight(subscribers, { paths, concurrency: Math.min(atOnce * fan, 100), ms: ms / 5, stop: bench.stop });
  const before = await bare();
  const saturated = await withStatements(
    bench,
    scene.site,
    `webhooks: ${fan} endpoints`,
    () => saturate(scene, { fan, window: windowOf(bench), warmMs: ms / 4, ms }),
    ({ total }) => total,
  );
  return { backend, fan, atOnce, ...saturated, ceiling: [before, await bare()] };
}

/** @param {Scene} scene @param {string} backend @param {number} rate @param {number} ms @returns {Promise<Latency>} */
async function latency(scene, backend, rate, ms) {
  const { bench, subscribers } = scene;
  progress(`webhooks: ${rate} events a second, BullMQ on ${backend}`);
  await only(scene, healthy(1));
  const bare = () => straightAtRate(subscribers, { rate, ms: ms / 4, stop: bench.stop });
  const before = await bare();
  await write(scene, { rate: 20, ms: 1_000, fan: 1 }); // warm
  const { sent, traces } = await write(scene, { rate, ms, fan: 1 });
  return { backend, rate, sent, traces, ceiling: [...before, ...(await bare())] };
}

/**
 * Messages at a rate, each to `fan` endpoints; beside them `others` a second that go elsewhere.
 * @param {Scene} scene @param {{ rate: number, ms: number, fan: number, others?: number }} load
 */
async function write({ bench, site, domain, subscribers }, { rate, ms, fan, others = 0 }) {
  const { stop } = bench;
  await subscribers.tell('forget');
  /** @type {string[]} */
  const sent = [];
  const aside = others ? openLoop({ rate: others, ms, stop }, () => domain.write('inbound')) : Promise.resolve();
  await openLoop({ rate, ms, stop }, async () => void sent.push(await domain.write('outbound')));
  await aside;
  await arrived(bench, subscribers, sent.length * fan);
  const rows = await stages(site, sent);
  const traces = (await subscribers.take()).flatMap(([, id, received]) => {
    const row = rows.get(decodeId('evt', id));
    return row ? [{ received, ...row }] : [];
  });
  return { sent: sent.length * fan, traces };
}

/** When each message was committed, its event claimed by the relay, and its first attempt begun: the database's clock. */
async function stages(/** @type {import('./stack.mjs').Site} */ site, /** @type {string[]} */ messages) {
  const ms = (/** @type {string} */ time) => `(extract(epoch FROM ${time}) * 1000)::float8`;
  const { rows } = await asAdmin(site.adminUrl, (admin) =>
    admin.query(
      `WITH e AS MATERIALIZED (
         SELECT e.id, e.fanned_out_at, ${ms('pg_xact_commit_timestamp(m.xmin)')} AS commit
         FROM message m JOIN event e ON e.organization_id = m.organization_id AND e.subject_id = m.id
         WHERE m.organization_id = $1 AND m.id = ANY ($2::uuid[]) AND e.type = 'message.sent')
       SELECT e.id, min(e.commit) AS commit, min(${ms('e.fanned_out_at')}) AS relayed, min(${ms('d.first_attempt_at')}) AS attempted
       FROM e JOIN webhook_delivery d ON d.organization_id = $1 AND d.event_id = e.id GROUP BY e.id`,
      [site.organizationId, messages],
    ),
  );
  return new Map(rows.map(({ id, ...row }) => [id, row]));
}

/**
 * The quiet endpoints' latencies without neighbours, with two neighbours that get ten times as much and answer, and with
 * the same two never answering or dripping. @param {Scene} scene @param {string} backend @param {number} rounds @param {number} ms
 * @returns {Promise<Noise>}
 */
async function noise(scene, backend, rounds, ms) {
  /** @type {Noise} */
  const result = { backend, latencies: { quiet: [], busy: [], bad: [] }, missing: 0 };
  for (let round = 1; round <= rounds; round++) {
    for (const neighbours of /** @type {Neighbours[]} */ (['quiet', 'busy', 'bad'])) {
      progress(`webhooks: neighbours ${neighbours}, round ${round}, BullMQ on ${backend}`);
      const others = neighbours === 'quiet' ? 0 : NOISY_RATE;
      await only(scene, [...healthy(QUIET), ...(others ? ['/hang', '/drip'] : [])]);
      if (neighbours === 'bad') await scene.subscribers.tell('bad');
      const { sent, traces } = await write(scene, { rate: QUIET_RATE, ms, fan: QUIET, others });
      result.latencies[neighbours].push(traces.map(({ received, commit }) => received - commit));
      result.missing += sent - traces.length;
    }
  }
  await only(scene, []);
  return result;
}

/**
 * Ten endpoints, as much as it takes, in databases that differ by their past.
 * @param {import('./stack.mjs').Bench} bench @param {import('./subscribers.mjs').Subscribers} subscribers
 * @param {[string, string | undefined][]} backends @param {number[]} sizes @returns {Promise<History[]>}
 */
async function history(bench, subscribers, backends, sizes) {
  const [rounds, warmMs, ms] = bench.quick ? [1, 500, 2_000] : [3, 1_000, 6_000];
  const fan = 10;
  const scenes = [];
  for (const rows of sizes) {
    const site = await makeSite(bench, `bench_webhooks_after_${rows}`, CONVERSATIONS);
    await openConversations(site);
    const scene = { bench, site, subscribers };
    await subscribe(
      scene,
      healthy(fan).map((path) => [path, 'message.sent']),
    );
    await asAdmin(site.adminUrl, (admin) => seedHistory(admin, site.organizationId, rows));
    scenes.push({ rows, scene });
  }
  /** @type {History[]} */
  const results = backends.flatMap(([backend]) => sizes.map((rows) => ({ backend, rows, rounds: [] })));
  for (let round = 1; round <= rounds; round++) {
    for (const [backend, redisUrl] of backends) {
      for (const { rows, scene } of round % 2 ? scenes : scenes.toReversed()) {
        progress(`webhooks: ${rows} deliveries of history, round ${round} of ${rounds}, BullMQ on ${backend}`);
        const one = await withWorker(scene, redisUrl, (running) =>
          saturate(running, { fan, window: windowOf(bench), warmMs, ms }),
        );
        results.find((result) => result.backend === backend && result.rows === rows)?.rounds.push(one);
      }
    }
  }
  return results;
}

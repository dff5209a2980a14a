// I8 to I10, and how fast an interrupted attempt is seen: what is read from clocks.
import { percentile } from '../bench/load.mjs';
import { isAccepted, latencies, pair } from './evidence.mjs';
import { verdict } from './invariants.mjs';
import { LEASE, LEASE_MARGIN } from './stage.mjs';

/** @typedef {import('./evidence.mjs').Evidence} Evidence @typedef {{ from: number, to: number }} Window */

const p95 = (/** @type {readonly number[]} */ values) => percentile(values, 0.95);
const fixed = (/** @type {number} */ ms) => (Number.isFinite(ms) ? `${ms.toFixed(0)} ms` : 'nothing');
/** Below this a ratio says more about the machine than about the product. */
const SMALL_MS = 50;
const LONGEST_MS = 1_000;
/** Seconds after a lease's end: a round of the sweeper, and as much for a machine that is slow. */
const AGAIN = LEASE + 2;

/** @param {Evidence} evidence @param {Window} quiet */
export function withoutRedis(evidence, quiet) {
  const windows = evidence.faults.filter(({ name }) => name === 'Redis killed' || name === 'Redis stopped');
  const name = 'Redis dead or stopped changes little';
  if (windows.length === 0) return verdict('I8', name, null, 'redis-server is not installed');
  const dead = windows.flatMap(({ from, to }) => latencies(evidence, from, to));
  const before = p95(latencies(evidence, quiet.from, quiet.to));
  const seconds = windows.reduce((sum, { from, to }) => sum + to - from, 0) / 1_000;
  return verdict(
    'I8',
    name,
    dead.length > 0 && p95(dead) - before <= 1_500,
    `${dead.length} delivered of ${seconds.toFixed(0)} s without it, p95 ${fixed(p95(dead))} against ${fixed(before)}: ` +
      `added ${fixed(p95(dead) - before)} <= 1500 ms`,
  );
}

/** @param {Evidence} evidence @param {number} takeOverMs */
export function recovers(evidence, takeOverMs) {
  const again = rerun(evidence);
  const restarts = evidence.faults.filter(({ name }) => name === 'PostgreSQL restarted at once');
  const firsts = restarts.map(({ to }) => firstAfter(evidence, to) - to);
  const [slowest, first] = [Math.max(0, ...again) / 1_000, Math.max(0, ...firsts) / 1_000];
  const stopped = takeOverMs / 1_000;
  return verdict(
    'I9',
    'Recovery: leases re-run, PostgreSQL comes back',
    again.length > 0 && slowest <= AGAIN && firsts.length > 0 && first <= 5 && stopped <= AGAIN,
    `${again.length} interrupted, run again after ${slowest.toFixed(1)} s <= ${AGAIN} s at the most; first delivery ` +
      `${first.toFixed(1)} s <= 5 s after ${restarts.length} restarts; fan-out of a stopped worker taken over after ` +
      `${stopped.toFixed(1)} s <= ${AGAIN} s`,
  );
}

/** Milliseconds from the blow that interrupted each attempt at a healthy webhook to the next attempt, as far as there was a worker. @param {Evidence} evidence */
function rerun({ deliveries, attempts, endpoints, events, faults, blows, idle }) {
  const away = faults.filter(({ name }) => name.includes('PostgreSQL') || name === 'everything killed');
  return endpoints
    .filter(({ healthy }) => healthy)
    .flatMap(({ uuid }) => events.flatMap(({ id }) => deliveries.get(pair(uuid, id)) ?? []))
    .flatMap(({ id }) => {
      const made = attempts.get(id) ?? [];
      return made.flatMap(({ outcome, from }, nth) => {
        const next = made[nth + 1];
        if (!next || (outcome !== 'interrupted' && outcome !== 'superseded')) return [];
        const blow = blows.find((at) => at >= from) ?? from;
        return away.some((fault) => fault.from <= next.from && fault.to >= from)
          ? []
          : [next.from - blow - overlap(idle, blow, next.from)];
      });
    });
}

/** How long no worker was there, whose start takes what it takes. @param {readonly Window[]} idle @param {number} from @param {number} to */
const overlap = (idle, from, to) =>
  idle.reduce((sum, one) => sum + Math.max(0, Math.min(one.to, to) - Math.max(one.from, from)), 0);

/** @param {Evidence} evidence @param {number} at */
function firstAfter({ arrivals, endpoints }, at) {
  const healthy = endpoints.filter((one) => one.healthy).flatMap(({ path }) => arrivals.get(path) ?? []);
  return Math.min(...healthy.filter((one) => isAccepted(one) && one.at > at).map((one) => one.at));
}

/** @param {Evidence} evidence @param {Window} quiet @param {Window} noisy @param {number} noise webhooks that hang or drip */
export function isolated(evidence, quiet, noisy, noise) {
  const [before, after] = [quiet, noisy].map(({ from, to }) => latencies(evidence, from, to));
  const [calm, loud, longest] = [p95(before), p95(after), Math.max(...after)];
  const most = Math.max(LONGEST_MS, 2 * Math.max(...before)); // a slow machine is slow without them, too
  return verdict(
    'I10',
    'Isolation: hanging webhooks slow nobody else',
    loud <= Math.max(2 * calm, SMALL_MS) && longest <= most,
    `healthy p95 ${fixed(loud)} beside ${noise} that hang or drip, ${fixed(calm)} without: x${(loud / calm).toFixed(1)} ` +
      `<= x2 or ${SMALL_MS} ms; longest ${fixed(longest)} <= ${fixed(most)}`,
  );
}

/** Seconds from the end of a lease, or of the fault that kept everybody from seeing it, until the attempt was written off. @param {Evidence} evidence */
export function oldestOpen({ attempts, deliveries, endpoints, faults }) {
  const limits = new Map(endpoints.map(({ uuid, config }) => [uuid, (config.timeout + LEASE_MARGIN) * 1_000]));
  const leases = new Map(
    [...deliveries.values()].flat().map(({ id, endpointId }) => [id, limits.get(endpointId) ?? 0]),
  );
  const late = [...attempts.values()]
    .flat()
    .filter(({ outcome }) => outcome === 'interrupted')
    .map(({ deliveryId, from, to }) => {
      const ended = to ?? Infinity;
      const due = from + (leases.get(deliveryId) ?? 0);
      const excused = faults.filter((fault) => fault.from <= ended && fault.to >= due).map((fault) => fault.to);
      return ended - Math.max(due, ...excused);
    });
  return Math.max(0, ...late) / 1_000;
}

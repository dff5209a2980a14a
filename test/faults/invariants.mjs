// I1 to I7: judged by the whole run, from the farm's log and the product's tables.
import { printNote } from '../bench/report.mjs';
import { expectedOf, grouped, isAccepted, pair } from './evidence.mjs';

/**
 * @typedef {import('./evidence.mjs').Evidence} Evidence
 * @typedef {{ id: string, name: string, ok: boolean | null, figure: string }} Verdict `ok` null: left out, the figure says why
 */

const TERMINAL = new Set(['succeeded', 'exhausted', 'cancelled', 'held']);
/** A send whose outcome the product never learned. */
const UNKNOWN = new Set(['interrupted', 'superseded']);
const count = (/** @type {number} */ n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** @param {Evidence} evidence @param {readonly string[]} unkept promises that are in no table @param {number} promised */
export function noLoss({ arrivals, events, deliveries, endpoints }, unkept, promised) {
  const sums = { expected: 0, missing: 0, twice: 0, unfinished: 0, healthy: 0, received: 0 };
  for (const endpoint of endpoints) {
    const accepted = new Set((arrivals.get(endpoint.path) ?? []).filter(isAccepted).map(({ id }) => id));
    for (const { id } of expectedOf(endpoint, events)) {
      const found = deliveries.get(pair(endpoint.uuid, id)) ?? [];
      sums.expected += 1;
      sums.missing += Number(found.length === 0);
      sums.twice += Number(found.length > 1);
      sums.unfinished += found.filter(({ status }) => !TERMINAL.has(status)).length;
      if (!endpoint.healthy) continue;
      sums.healthy += 1;
      sums.received += Number(accepted.has(id));
    }
  }
  const { expected, missing, twice, unfinished, healthy, received } = sums;
  return verdict(
    'I1',
    'No loss: each event x webhook has one end',
    missing + twice + unfinished + unkept.length === 0 && received === healthy && expected > 0,
    `${count(expected)} expected: ${missing} missing, ${twice} twice, ${unfinished} unfinished; healthy ${count(received)} ` +
      `of ${count(healthy)}; ${count(promised)} promises, ${unkept.length} broken`,
  );
}

/** @param {Evidence} evidence @param {number} doomed @param {number} promised of these, by a 2xx */
export function noPhantom({ arrivals, events }, doomed, promised) {
  const known = new Set(events.map(({ id }) => id));
  const all = [...arrivals.values()].flat();
  const strangers = all.filter(({ id }) => !known.has(id)).length;
  const undead = all.filter((one) => one.doomed).length;
  return verdict(
    'I2',
    'No phantom: nothing rolled back is seen',
    strangers + undead + promised === 0,
    `${count(doomed)} rolled back: ${undead} seen, ${strangers} requests of unknown events, ${promised} answered with a 2xx`,
  );
}

/** @param {Evidence} evidence */
export function sameBytes({ arrivals }) {
  const all = [...arrivals.values()].flat();
  const ids = grouped(all, ({ path, id }) => pair(path, id));
  const repeated = [...ids.values()].filter((group) => group.length > 1);
  const changed = repeated.filter((group) => new Set(group.map(({ hash }) => hash)).size > 1).length;
  const invalid = all.filter(({ valid }) => !valid).length;
  return verdict(
    'I3',
    'Repeats are byte-identical and signed',
    changed + invalid === 0,
    `${count(all.length)} requests, ${count(repeated.length)} ids repeated: ${changed} with other bytes; ${invalid} not signed`,
  );
}

/** Deliveries whose extra 2xx are asked for, by a replay, are judged apart. @param {Evidence} evidence */
export function boundedRepeats({ arrivals, deliveries, attempts, endpoints, faults }) {
  const sums = { extra: 0, late: 0, bound: 0, beyond: 0, unexplained: 0 };
  /** @type {Map<string, number>} */
  const where = new Map();
  for (const { path, uuid } of endpoints) {
    const accepted = grouped((arrivals.get(path) ?? []).filter(isAccepted), ({ id }) => id);
    for (const [id, group] of accepted) {
      const made = (deliveries.get(pair(uuid, id)) ?? []).flatMap((one) => attempts.get(one.id) ?? []);
      const asked = made.filter(({ trigger }) => trigger === 'manual' || trigger === 'replay').length;
      const late = made.filter(({ outcome }) => outcome === 'timeout').length;
      const lost = late + made.filter(({ outcome }) => UNKNOWN.has(outcome)).length;
      sums.late += Math.min(late, Math.max(0, group.length - 1 - asked));
      const extra = Math.max(0, group.length - 1 - asked);
      sums.extra += extra;
      if (extra > lost) where.set(path, (where.get(path) ?? 0) + extra - lost);
      sums.beyond += Math.max(0, extra - lost);
    }
  }
  for (const { outcome, from, to } of [...attempts.values()].flat()) {
    if (!UNKNOWN.has(outcome)) continue;
    sums.bound += 1;
    sums.unexplained += Number(!faults.some((fault) => fault.from <= (to ?? Infinity) && fault.to >= from));
  }
  const { extra, late, bound, beyond, unexplained } = sums;
  return verdict(
    'I4',
    'Repeats only of what faults interrupted',
    beyond + unexplained === 0,
    `extra 2xx ${extra} <= ${bound} in flight at ${faults.length} faults + ${late} answered after the time limit; ${beyond} beyond` +
      `${[...where].map(([path, n]) => ` (${path} ${n})`).join('')}, ${unexplained} interrupted without a fault`,
  );
}

/** @param {Evidence} evidence */
export function fenced({ attempts }) {
  const sums = { twice: 0, numbers: 0, after: 0, overlaps: 0, superseded: 0 };
  for (const made of attempts.values()) {
    const own = made.filter(({ trigger }) => trigger === 'auto');
    const [first, ...more] = own.filter(({ outcome }) => outcome === 'success');
    sums.twice += more.length;
    sums.numbers += made.length - new Set(made.map(({ n }) => n)).size;
    sums.after += first ? own.filter(({ from, n }) => n > first.n && from > (first.to ?? Infinity)).length : 0;
    sums.superseded += made.filter(({ outcome }) => outcome === 'superseded').length;
    sums.overlaps += made.filter(({ to, outcome }, nth) => {
      const next = made[nth + 1];
      return next && !UNKNOWN.has(outcome) && next.from < (to ?? Infinity);
    }).length;
  }
  const { twice, numbers, after, overlaps, superseded } = sums;
  return verdict(
    'I5',
    'Fencing: one success, one live lease',
    twice + numbers + after + overlaps === 0,
    `${count(attempts.size)} deliveries: ${twice} second successes, ${after} sends after one, ${numbers} numbers twice, ` +
      `${overlaps} results of a lease that was another's; ${superseded} late results refused`,
  );
}

/** @param {Evidence} evidence @param {number} oldestOpen seconds that an attempt stayed open beyond its lease, at the most */
export function completeLog({ arrivals, deliveries, attempts, endpoints }, oldestOpen) {
  const sums = { seen: 0, unlogged: 0 };
  for (const { path, uuid } of endpoints) {
    for (const [id, group] of grouped(arrivals.get(path) ?? [], (one) => one.id)) {
      const made = (deliveries.get(pair(uuid, id)) ?? []).flatMap((one) => attempts.get(one.id) ?? []);
      sums.seen += group.length;
      sums.unlogged += Math.max(0, group.length - made.length);
    }
  }
  const open = [...attempts.values()].flat().filter(({ outcome }) => outcome === 'open').length;
  return verdict(
    'I6',
    'Log: a row for each request, none left open',
    sums.unlogged + open === 0 && oldestOpen <= 5,
    `${count(sums.seen)} requests: ${sums.unlogged} without an attempt; ${open} open at the end, ` +
      `at the most ${oldestOpen.toFixed(1)} s beyond the lease <= 5 s`,
  );
}

/** Where nothing was released from its order. @param {Evidence} evidence */
export function inOrder({ arrivals, endpoints }) {
  const sums = { conversations: 0, firsts: 0, wrong: 0 };
  for (const { path } of endpoints.filter(({ config }) => config.ordering !== 'none')) {
    const accepted = (arrivals.get(path) ?? []).filter((one) => isAccepted(one) && one.seq > 0);
    for (const group of grouped(accepted, ({ key }) => key).values()) {
      const seen = new Set();
      let last = 0;
      sums.conversations += 1;
      for (const { id, seq } of group) {
        if (seen.has(id)) continue;
        seen.add(id);
        sums.firsts += 1;
        sums.wrong += Number(seq <= last);
        last = Math.max(last, seq);
      }
    }
  }
  return verdict(
    'I7',
    'Order: first successes rise per conversation',
    sums.firsts > 0 ? sums.wrong === 0 : null,
    `${count(sums.firsts)} first successes in ${count(sums.conversations)} conversations x webhooks: ${sums.wrong} out of order`,
  );
}

/** @param {string} id @param {string} name @param {boolean | null} ok @param {string} figure @returns {Verdict} */
export const verdict = (id, name, ok, figure) => ({ id, name, ok, figure });

/** What is read from clocks. On a machine that has other work it says little, so only `--strict` lets it fail a run. */
export const TIMED = new Set(['I8', 'I9', 'I10']);

/** @param {readonly Verdict[]} verdicts */
export function printVerdicts(verdicts) {
  for (const { id, name, ok, figure } of verdicts) {
    const word = ok === null ? 'left out' : ok ? 'holds' : TIMED.has(id) ? 'LATE' : 'FAILED';
    printNote(`${id.padEnd(4)}${word.padEnd(10)}${name}\n              ${figure}`);
  }
}

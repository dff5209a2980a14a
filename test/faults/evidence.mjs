// What the invariants are judged by: the farm's log on one side, the product's tables on the other.
import { readFileSync } from 'node:fs';
import { built } from '../support/servers.mjs';

const { decodeId } = await built('libs/platform/ids.js');

/**
 * @typedef {{ n: number, at: number, path: string, id: string, kind: string, status: number, valid: boolean,
 *   hash: string, type: string, key: string, seq: number, doomed?: boolean }} Arrival
 * @typedef {{ id: string, type: string, key: string, position: number, at: number, marker: string }} Event
 * @typedef {{ id: string, eventId: string, endpointId: string, status: string, outOfBand: boolean }} Delivery
 * @typedef {{ deliveryId: string, n: number, trigger: string, outcome: string, from: number, to: number | null }} Attempt
 * @typedef {object} Evidence
 * @property {Map<string, Arrival[]>} arrivals by path, in their order
 * @property {Event[]} events
 * @property {Map<string, Delivery[]>} deliveries by endpoint and event
 * @property {Map<string, Attempt[]>} attempts by delivery, in their order
 * @property {import('./stage.mjs').Endpoint[]} endpoints
 * @property {import('./stage.mjs').Fault[]} faults
 * @property {number[]} blows
 * @property {{ from: number, to: number }[]} idle
 */

const ms = (/** @type {string} */ time) => `(extract(epoch FROM ${time}) * 1000)::float8`;

/** @param {import('./stage.mjs').Stage} stage @returns {Promise<Evidence>} */
export async function collect(stage) {
  const arrivals = arrivalsOf(stage); // first: what has arrived has been committed before
  const [events, deliveries, attempts] = await Promise.all([
    stage.sql(
      `SELECT id, type, order_key AS key, position::float8, ${ms('created_at')} AS at FROM event ORDER BY position`,
    ),
    stage.sql(`SELECT id, event_id AS "eventId", endpoint_id AS "endpointId", status, out_of_band AS "outOfBand"
      FROM webhook_delivery WHERE test_body IS NULL`),
    stage.sql(`SELECT delivery_id AS "deliveryId", n, trigger, outcome, ${ms('started_at')} AS from, ${ms('ended_at')} AS to
      FROM webhook_attempt ORDER BY delivery_id, n, started_at`),
  ]);
  const { endpoints, faults, blows, idle } = stage;
  return {
    arrivals,
    events,
    deliveries: grouped(deliveries, (one) => pair(one.endpointId, one.eventId)),
    attempts: grouped(attempts, (one) => one.deliveryId),
    endpoints,
    faults,
    blows,
    idle,
  };
}

/** @param {string} endpointId @param {string} eventId */
export const pair = (endpointId, eventId) => `${endpointId} ${eventId}`;

/** @param {import('./stage.mjs').Stage} stage */
function arrivalsOf({ farm, name }) {
  /** @type {Map<number, Arrival>} */
  const byNumber = new Map();
  for (const line of readFileSync(farm.logFile, 'utf8').split('\n')) {
    if (line === '') continue;
    const entry = JSON.parse(line);
    const before = byNumber.get(entry.n);
    if (before) before.status = entry.answered;
    else byNumber.set(entry.n, { ...entry, id: decodeId('evt', entry.id) });
  }
  const own = [...byNumber.values()].filter(({ path }) => path.startsWith(`/${name}/`));
  return grouped(own, ({ path }) => path);
}

/** @template T @param {readonly T[]} all @param {(one: T) => string} by */
export function grouped(all, by) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const one of all) {
    const key = by(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
}

export const isAccepted = (/** @type {Arrival} */ { status }) => status >= 200 && status < 300;

/** What this endpoint must hear of. @param {import('./stage.mjs').Endpoint} endpoint @param {readonly Event[]} events */
export const expectedOf = ({ events: patterns, from, to }, events) =>
  events.filter(
    ({ type, position }) =>
      position > from &&
      position <= to &&
      patterns.some((one) => one === '*' || one === type || (one.endsWith('.*') && type.startsWith(one.slice(0, -1)))),
  );

/** Milliseconds from each event to its first 2xx at the healthy webhooks. @param {Evidence} evidence @param {number} from @param {number} to when it was written */
export function latencies({ arrivals, events, endpoints }, from, to) {
  const written = new Map(events.filter(({ at }) => at >= from && at < to).map(({ id, at }) => [id, at]));
  return endpoints
    .filter(({ healthy }) => healthy)
    .flatMap(({ path }) => {
      /** @type {Map<string, number>} */
      const firsts = new Map();
      for (const one of arrivals.get(path) ?? []) {
        const at = written.get(one.id);
        if (at !== undefined && isAccepted(one) && !firsts.has(one.id)) firsts.set(one.id, one.at - at);
      }
      return [...firsts.values()];
    });
}

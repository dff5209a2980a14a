// The tenant wall in its states, side by side on the same data: as shipped, and with parts of it taken away.
import { median, percentile } from './load.mjs';
import { asAdmin } from './stack.mjs';

/** In the order in which they lose something. */
export const STATES = /** @type {const} */ (['as shipped', 'no policies', 'no policies, tenant not set']);

/**
 * @typedef {object} Wall
 * @property {(up: boolean) => Promise<void>} set
 * @property {() => Promise<number[]>} backends process ids of the other sessions
 * @property {(text: string) => Promise<Record<string, unknown>[]>} query past the wall
 */

/**
 * Does `work` with a switch for row-level security on every table that has it, and leaves it on whatever happens.
 * @template T @param {import('./stack.mjs').Site} site @param {(wall: Wall) => Promise<T>} work @returns {Promise<T>}
 */
export const withWall = (site, work) =>
  asAdmin(site.adminUrl, async (admin) => {
    const query = async (/** @type {string} */ text) => (await admin.query(text)).rows;
    const tables = await query(`SELECT oid::regclass::text AS name FROM pg_class WHERE relrowsecurity`);
    const alter = (/** @type {string} */ verb) =>
      admin.query(tables.map(({ name }) => `ALTER TABLE ${name} ${verb} ROW LEVEL SECURITY`).join(';'));
    let isUp = true;
    const set = async (/** @type {boolean} */ up) => {
      if (up !== isUp) await alter(up ? 'ENABLE' : 'DISABLE');
      isUp = up;
    };
    const backends = async () => {
      const rows = await query(`SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`);
      return rows.map(({ pid }) => Number(pid));
    };
    try {
      return await work({ set, backends, query });
    } finally {
      await set(true);
    }
  });

/**
 * One result of each state per set, in alternating order, so that a busy minute of the machine meets all of them.
 * @template R @param {number} sets @param {(state: number) => Promise<R>} measure @returns {Promise<R[][]>}
 */
export async function inSets(sets, measure) {
  /** @type {R[][]} */
  const results = [];
  for (let set = 0; set < sets; set++) {
    /** @type {R[]} */
    const result = [];
    const order = STATES.map((_, state) => state);
    for (const state of set % 2 ? order.reverse() : order) result[state] = await measure(state);
    results.push(result);
  }
  return results;
}

/**
 * What `state` costs more than `less`: the median of the sets' own ratios, and the middle half of them.
 * @param {readonly number[][]} sets @param {number} state @param {number} less
 */
export function cost(sets, state, less) {
  const ratios = sets.map((figures) => ((figures[state] ?? NaN) / (figures[less] ?? NaN) - 1) * 100);
  const [low, high] = [percentile(ratios, 0.25), percentile(ratios, 0.75)].map(signed);
  return Number.isFinite(ratios[0]) ? `${signed(median(ratios))} % (${low}..${high})` : '-';
}

/** The columns of {@link cost}. */
export const COSTS = ['policies', 'setting the tenant', 'both'];
/** @param {readonly number[][]} sets */
export const costs = (sets) => [cost(sets, 0, 1), cost(sets, 1, 2), cost(sets, 0, 2)];

const signed = (/** @type {number} */ percent) => `${percent < 0 ? '' : '+'}${percent.toFixed(1)}`;

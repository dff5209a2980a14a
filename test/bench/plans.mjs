// The plans of the statements that a call really ran, as auto_explain logs them. They are read from the server's log.
import { openSync, readSync, closeSync, statSync } from 'node:fs';
import { asAdmin } from './stack.mjs';

/** As EmbeddedPostgres takes them. */
export const PLAN_SETTINGS = {
  shared_preload_libraries: 'auto_explain',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_buffers': 'on',
  'auto_explain.log_format': 'json',
  log_line_prefix: '@%d@',
};
/** Tables of this many rows are read whole without harm. */
const SMALL = 1_000;

/**
 * @typedef {{ 'Node Type': string, 'Relation Name'?: string, 'Index Name'?: string, 'Actual Rows'?: number,
 *   'Actual Loops'?: number, 'Rows Removed by Filter'?: number, Plans?: PlanNode[], [key: string]: unknown }} PlanNode
 * @typedef {{ text: string, values: (string | null)[], ms: number, plan: PlanNode }} Ran
 */

/**
 * While `work` runs, what it asks about is logged.
 * @param {import('./stack.mjs').Bench} bench @param {import('./stack.mjs').Site} site
 * @param {(ranBy: (call: () => Promise<unknown>) => Promise<Ran[]>) => Promise<void>} work what `ranBy` gives is in the
 *   order in which the statements ended
 */
export async function explaining({ postgres }, site, work) {
  const set = (/** @type {string} */ change) =>
    asAdmin(site.adminUrl, async (admin) => {
      await admin.query(change);
      await admin.query('SELECT pg_reload_conf()');
      await new Promise((resolve) => setTimeout(resolve, 200)); // every session sees it before its next statement
    });
  await set('ALTER SYSTEM SET auto_explain.log_min_duration = 0');
  const database = new URL(site.databaseUrl).pathname.slice(1);
  try {
    await work(async (call) => {
      const from = statSync(postgres.logFile).size;
      await call();
      await new Promise((resolve) => setTimeout(resolve, 25)); // logged when the answer is out
      return statementsIn(readFrom(postgres.logFile, from), database);
    });
  } finally {
    await set('ALTER SYSTEM RESET auto_explain.log_min_duration');
  }
}

/** @param {string} log @param {string} database @returns {Ran[]} */
function statementsIn(log, database) {
  return log
    .split(/^@/m)
    .flatMap((entry) => {
      const found = /^([^@]*)@LOG: {2}duration: ([\d.]+) ms {2}plan:\n([\s\S]*)$/.exec(entry);
      if (!found || found[1] !== database) return [];
      const json = JSON.parse(found[3].replace(/\n\t/g, '\n'));
      const values = [...(json['Query Parameters'] ?? '').matchAll(/\$\d+ = (?:NULL|'((?:[^']|'')*)')/g)].map(
        ([, value]) => value?.replaceAll("''", "'") ?? null,
      );
      return [{ text: json['Query Text'], values, ms: Number(found[2]), plan: json.Plan }];
    })
    .filter(({ text }) => !/auto_explain|pg_reload_conf|set_config/.test(text));
}

/** @param {string} file @param {number} position */
function readFrom(file, position) {
  const buffer = Buffer.alloc(statSync(file).size - position);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, buffer, 0, buffer.length, position);
  closeSync(descriptor);
  return buffer.toString('utf8');
}

/** How a plan finds its rows, e.g. `Index Only Scan using conversation_updated`; large tables read whole come first. */
export function verdict(/** @type {PlanNode} */ plan) {
  /** @type {string[]} */
  const [bad, good] = [[], []];
  let buffers = Number(plan['Shared Hit Blocks'] ?? 0) + Number(plan['Shared Read Blocks'] ?? 0);
  const walk = (/** @type {PlanNode} */ node) => {
    const read = ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 1);
    const type = node['Node Type'];
    if (type === 'Seq Scan' && read > SMALL)
      bad.push(`SEQ SCAN of ${Math.round(read)} rows of ${node['Relation Name']}`);
    else if (type === 'Sort' && read > SMALL) bad.push(`SORT of ${Math.round(read)} rows`);
    else if (node['Index Name'] && read > 0 && !node['Index Name'].endsWith('_pkey')) {
      const removed = node['Rows Removed by Filter'];
      good.push(
        `${type} using ${node['Index Name']}${read > SMALL ? ` (${Math.round(read)} rows${removed ? `, ${removed} removed` : ''})` : ''}`,
      );
    }
    node.Plans?.forEach(walk);
  };
  walk(plan);
  return `${[...new Set([...bad, ...good])].join(', ') || 'by primary key'}; ${buffers} buffers`;
}

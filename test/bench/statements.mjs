// With `--profile`: what PostgreSQL was asked while something was measured, and how long it took over each.
import { fixed, printTable } from './report.mjs';
import { asAdmin } from './stack.mjs';

/** Beside the benchmarks' other settings. */
export const STATEMENT_SETTINGS = {
  shared_preload_libraries: 'auto_explain,pg_stat_statements',
  'pg_stat_statements.track_planning': 'on',
};
const TOP = 14;
const WIDTH = 90;

/**
 * @template T @param {import('./stack.mjs').Bench} bench @param {import('./stack.mjs').Site} site @param {string} title
 * @param {() => Promise<T>} work @param {(outcome: T) => number} unitsOf how many the figures are shared out among
 * @returns {Promise<T>}
 */
export async function withStatements({ profile }, site, title, work, unitsOf) {
  if (!profile) return work();
  return asAdmin(site.adminUrl, async (admin) => {
    await admin.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    await admin.query('SELECT pg_stat_statements_reset()');
    const outcome = await work();
    const { rows } = await admin.query(
      `SELECT query, calls::float8, rows::float8, total_exec_time + total_plan_time AS ms, total_plan_time AS plan,
         (shared_blks_hit + shared_blks_read)::float8 AS blocks, wal_bytes::float8 AS wal
       FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       ORDER BY ms DESC LIMIT ${TOP}`,
    );
    const units = unitsOf(outcome);
    const per = (/** @type {number} */ value, digits = 2) => fixed(value / units, digits);
    printTable(`${title}: its statements, shared out among ${units} deliveries`, [
      ['', 'calls', 'ms a call', 'of it planning', 'rows', 'us', 'blocks', 'WAL bytes'],
      ...rows.map(({ query, calls, rows: read, ms, plan, blocks, wal }) => [
        query.replaceAll(/\s+/g, ' ').trim().slice(0, WIDTH),
        per(calls, 3),
        fixed(ms / calls, 2),
        fixed(plan / calls, 2),
        per(read),
        per(ms * 1_000, 0),
        per(blocks, 1),
        per(wal, 0),
      ]),
    ]);
    return outcome;
  });
}

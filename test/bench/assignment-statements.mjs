// What giving one waiting conversation to an agent says to PostgreSQL, recorded from the product itself, and done again
// without it: a ceiling that cannot drift from what it is the ceiling of.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { built } from '../support/servers.mjs';
import { fill, queueId, untilDrained } from './assignment-floor.mjs';
import { asAdmin } from './stack.mjs';

const { createWorker } = await built('apps/worker/app.js');
const { loadConfig } = await built('libs/platform/config.js');
const { createLogger } = await built('libs/platform/logger.js');
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * @typedef {object} Said
 * @property {string} text
 * @property {string} [name]
 * @property {unknown[]} values
 * @property {boolean} ahead sent before the one before it was answered
 * @property {Record<string, unknown>[]} rows what it was answered with
 * @property {number[]} [times] how long it has taken each time that it was said again, in ms
 */

/** @param {import('./stack.mjs').Site} site @param {AbortSignal} stop @returns {Promise<Said[]>} from BEGIN to COMMIT */
export async function recordAssignment(site, stop) {
  const config = loadConfig({ DATABASE_URL: site.databaseUrl, SECRET_KEY: '11'.repeat(32), LOG_LEVEL: 'error' });
  const recording = record();
  const worker = await createWorker(config, createLogger('error', 'bench'));
  try {
    await worker.init();
    await asAdmin(site.adminUrl, async (admin) => {
      for (let n = 0; n < 3; n++) {
        await fill(site, 1); // the last time, every connection knows its statements
        await untilDrained(admin, stop);
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    recording.end();
    await worker.close();
  }
  const last = recording.transactions.findLast((said) =>
    said.some(({ name, rows }) => name === 'routing-pick' && rows.length),
  );
  if (!last) throw new Error('No assignment was recorded: bring this file up to date');
  return last;
}

/** Hears what is said on every connection of this process. */
function record() {
  /** @type {Said[][]} */
  const transactions = [];
  /** @type {WeakMap<object, { said: Said[], pending: number }>} */
  const clients = new WeakMap();
  const shipped = Reflect.get(pg.Client.prototype, 'query');
  const heard = /** @this {pg.Client} @param {any} config @param {any} values @param {any} callback */ function (
    config,
    values,
    callback,
  ) {
    const answer = shipped.call(this, config, values, callback);
    const text = typeof config === 'string' ? config : config?.text;
    if (typeof text !== 'string' || typeof answer?.then !== 'function') return answer;
    if (/^(START TRANSACTION|BEGIN)/.test(text)) clients.set(this, { said: [], pending: 0 });
    const open = clients.get(this);
    if (!open) return answer;
    /** @type {Said} */
    const one = {
      text,
      values: (Array.isArray(values) ? values : config.values) ?? [],
      ahead: open.pending > 0,
      rows: [],
    };
    if (typeof config === 'object' && config.name) one.name = config.name;
    open.said.push(one);
    open.pending++;
    answer
      .then(
        (/** @type {any} */ result) => (one.rows = result?.rows ?? []),
        () => undefined,
      )
      .finally(() => open.pending--);
    if (text.startsWith('COMMIT')) {
      transactions.push(open.said);
      clients.delete(this);
    }
    return answer;
  };
  pg.Client.prototype.query = /** @type {any} */ (heard);
  return { transactions, end: () => void (pg.Client.prototype.query = shipped) };
}

/** @param {readonly Said[]} said what was recorded, with its own conversation and agent */
function ownOf(said) {
  const rowOf = (/** @type {string} */ name) => said.find((one) => one.name?.startsWith(name))?.rows[0] ?? {};
  const conversationId = String(rowOf('routing-pick')['conversationId']);
  const agentId = String(rowOf('routing-take-agent')['id']);
  if (!UUID.test(conversationId) || !UUID.test(agentId)) {
    throw new Error('An assignment is said otherwise now: bring this file up to date');
  }
  return { conversationId, agentId };
}

/**
 * Says the same again on each of `connections` connections, each with its own item and agent, until nobody waits.
 * @param {import('./stack.mjs').Site} site @param {readonly Said[]} said @param {{ connections: number, queues: number, stop: AbortSignal }} how
 * @returns {Promise<number>} how many were given
 */
export async function replay(site, said, { connections, queues, stop }) {
  const own = ownOf(said);
  const fixed = new Set([site.organizationId]);
  const rows = await asAdmin(
    site.adminUrl,
    async (admin) =>
      (await admin.query('SELECT id FROM channel UNION SELECT id FROM contact UNION SELECT id FROM team')).rows,
  );
  for (const { id } of rows) fixed.add(id);
  let given = 0;
  await Promise.all(
    Array.from({ length: connections }, async (_, connection) => {
      const client = new pg.Client({ connectionString: site.databaseUrl, pipeline: true });
      await client.connect();
      try {
        for (let queue = connection % queues, empty = 0; empty < queues && !stop.aborted;) {
          const outcome = await sayAgain(client, said, own, fixed, queueId(queue));
          if (outcome === 'given') given++;
          if (outcome === 'empty') queue = (queue + 1) % queues;
          empty = outcome === 'empty' ? empty + 1 : 0;
        }
      } finally {
        await client.end();
      }
    }),
  );
  stop.throwIfAborted();
  return given;
}

/**
 * @param {pg.Client} client @param {readonly Said[]} said @param {ReturnType<typeof ownOf>} own
 * @param {ReadonlySet<string>} fixed @param {string} queue @returns {Promise<'given' | 'raced' | 'empty'>}
 */
async function sayAgain(client, said, own, fixed, queue) {
  /** @type {Map<string, string>} */
  const now = new Map([[queueId(0), queue]]);
  /** @type {any[]} */
  let eligible = [];
  const put = (/** @type {unknown} */ value) => {
    if (typeof value !== 'string' || !UUID.test(value) || fixed.has(value)) return value;
    if (!now.has(value)) now.set(value, randomUUID());
    return now.get(value);
  };
  /** @type {Promise<any>[]} */
  let sent = [];
  for (const [n, { text, name, values, ahead }] of said.entries()) {
    if (!ahead) await Promise.all(sent.splice(0));
    let used = values.map((value) => (Array.isArray(value) ? value.map(put) : put(value)));
    if (name === 'routing-take-agent') {
      used = [
        values[0],
        eligible.map(({ id }) => id),
        eligible.map((one) => one.lastAssignedAt),
        eligible.map(() => 1e9),
        values[4],
      ];
    }
    const before = performance.now();
    const answer = client.query({ text, values: used, ...(name && { name }) });
    answer.then(
      () => (said[n].times ??= []).push(performance.now() - before),
      () => undefined,
    );
    sent.push(answer);
    if (name === 'routing-pick') {
      const { rows } = await answer;
      if (rows.length === 0) {
        await client.query('ROLLBACK');
        return 'empty';
      }
      now.set(own.conversationId, rows[0].conversationId);
    } else if (name?.startsWith('routing-candidates')) {
      eligible = (await answer).rows.filter(({ reason }) => reason === null);
    } else if (name === 'routing-take-agent') {
      const { rows } = await answer;
      if (rows.length === 0) {
        await client.query('ROLLBACK');
        return 'raced';
      }
      now.set(own.agentId, rows[0].id);
    }
  }
  await Promise.all(sent);
  return 'given';
}

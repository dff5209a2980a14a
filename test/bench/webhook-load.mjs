// What the deliveries are made of: domain transactions by the product's own command, and the same requests without a hub.
import { readdirSync, readFileSync } from 'node:fs';
import { DataSource } from 'typeorm';
import { built } from '../support/servers.mjs';
import { closedLoop, cpuMs, openLoop } from './load.mjs';
import { TEXT } from './message-statements.mjs';
import { seededId } from './seed.mjs';
import { asAdmin, POOL, startProcess, withProcesses } from './stack.mjs';
import { wallClock } from './subscribers.mjs';

const { MessageWriter } = await built('libs/conversations/message-writer.js');
const { Outbox } = await built('libs/events/outbox.js');
const { OutboxSignal } = await built('libs/events/outbox-signal.js');
const { V1EventFormat } = await built('libs/dialects/v1/v1.events.js');
const { dataSourceOptions } = await built('libs/model/data-source.js');
const { Database } = await built('libs/model/database.js');
const { safeFetch } = await built('libs/platform/safe-fetch.js');

export const CONVERSATIONS = 1_000;
const GIVE_UP_MS = 20_000;
/** Until so much is outstanding as is to be, at the most. */
const FILL_MS = 5_000;
const NUMBERS_FROM = 4_000_000_000;

/**
 * The domain: each `write` is one transaction of the product's own message command – message, counters, event – with the
 * relay told after its commit. Everything but HTTP, the key's check and reading the conversation.
 * @param {import('./stack.mjs').Site} site
 */
export async function openDomain({ databaseUrl, organizationId }) {
  const source = await new DataSource(dataSourceOptions(databaseUrl, POOL)).initialize();
  const db = new Database(source);
  const signal = new OutboxSignal(db, { debug: () => undefined });
  const writer = new MessageWriter(db, new Outbox(new V1EventFormat(), signal));
  const sender = { type: 'user', id: seededId('user', 1), name: 'Agent' };
  const author = { organizationId, principal: sender };
  const content = { type: 'text', text: TEXT };
  const nothing = { externalId: null, clientMessageId: null, metadata: {}, recipients: null, attachments: [] };
  let n = 0;
  return {
    /** @param {'outbound' | 'inbound'} direction `message.sent` or `message.received` @returns {Promise<string>} the message */
    async write(direction) {
      n += 1;
      const conversationId = seededId('conversation', 1 + (n % CONVERSATIONS));
      const target = { conversationId, channelId: seededId('channel', 1), number: NUMBERS_FROM + n };
      const message = { ...target, ...nothing, direction, content, sender, occurredAt: new Date(), marksRead: false };
      return (await writer.write(null, author, message)).id;
    },
    async close() {
      await signal.onModuleDestroy();
      await source.destroy();
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openDomain>>} Domain */

/**
 * One site at work: its worker, its domain, and the subscribers.
 * @typedef {object} Scene
 * @property {import('./stack.mjs').Bench} bench
 * @property {import('./stack.mjs').Site} site
 * @property {Domain} domain
 * @property {import('./stack.mjs').Running} worker
 * @property {import('./subscribers.mjs').Subscribers} subscribers
 */

/**
 * @template T @param {Omit<Scene, 'domain' | 'worker'>} scene @param {string | undefined} redisUrl
 * @param {(scene: Scene) => Promise<T>} work
 */
export const withWorker = (scene, redisUrl, work) =>
  withProcesses([startProcess(scene.bench, 'worker', scene.site, redisUrl)], async (worker) => {
    const domain = await openDomain(scene.site);
    try {
      return await work({ ...scene, domain, worker });
    } finally {
      await domain.close();
    }
  });

/** Subscribes `paths`, each to one event, through the API. @param {Omit<Scene, 'domain' | 'worker'>} scene @param {[path: string, event: string][]} paths */
export const subscribe = ({ bench, site, subscribers }, paths) =>
  withProcesses([startProcess(bench, 'api', site)], async (api) => {
    for (const [path, event] of paths) {
      const body = JSON.stringify({ url: `${subscribers.url}${path}`, events: [event] });
      const answer = await fetch(`${api.url}/v1/webhooks`, { method: 'POST', headers: site.headers, body });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    }
  });

const CALL_OFF = `UPDATE webhook_delivery SET status = 'cancelled', finished_at = now() WHERE status IN ('blocked','pending','leased')`;
/** A delivery was settled, and so moved into the log, between being found and being changed. */
const isMovedMeanwhile = (/** @type {{ code?: string }} */ { code }) => code === '40001';

/**
 * Only these paths get what is written from now on; what the others have still to get is called off.
 * @param {Scene} scene @param {string[]} paths @param {number} [atOnce] requests to each
 */
export async function only({ site, subscribers }, paths, atOnce = 10) {
  const urls = paths.map((path) => `${subscribers.url}${path}`);
  await asAdmin(site.adminUrl, async (admin) => {
    await admin.query(
      `UPDATE webhook_endpoint SET status = CASE WHEN url = ANY ($1) THEN 'active' ELSE 'inactive' END,
         config = config || jsonb_build_object('concurrency', $2::int), consecutive_failures = 0, first_failure_at = NULL,
         breaker = 'closed', open_until = NULL, slow_start = NULL, paused_until = NULL`,
      [urls, atOnce],
    );
    await subscribers.tell('good');
    await new Promise((resolve) => setTimeout(resolve, 500)); // what hung is being written down
    for (let left = true; left;) {
      left = await admin.query(CALL_OFF).then(
        () => false,
        (error) => isMovedMeanwhile(error) || Promise.reject(error),
      );
    }
  });
  await subscribers.tell('forget');
}

/**
 * As many domain transactions as keep `window` deliveries outstanding: nothing waits for want of work, and no backlog
 * grows. Measured after `warmMs`; returns when everything has arrived.
 * @param {Scene} scene @param {{ fan: number, window: number, warmMs: number, ms: number }} load
 */
export async function saturate({ bench: { stop }, site, domain, worker, subscribers }, { fan, window, warmMs, ms }) {
  await subscribers.tell('forget');
  const postmaster = await postmasterOf(site);
  let [written, received] = [0, 0];
  const over = new AbortController();
  const writers = Array.from({ length: Math.min(8, POOL) }, async () => {
    while (!over.signal.aborted && !stop.aborted) {
      if ((written + 1) * fan - received > window) await pause(2);
      else {
        written += 1;
        await domain.write('outbound');
      }
    }
  });
  const look = async () => {
    received = await subscribers.count();
    const cpu = { worker: cpuMs(worker.pid), postgres: postgresCpuMs(postmaster) };
    return { at: performance.now(), received, written, ...cpu };
  };
  const watch = async (/** @type {number} */ until, enough = () => false) => {
    while (performance.now() < until && !enough() && !stop.aborted) {
      received = await subscribers.count();
      await pause(5);
    }
  };
  await watch(performance.now() + FILL_MS, () => written * fan - received > window - 2 * fan);
  await watch(performance.now() + warmMs);
  const before = await look();
  await watch(before.at + ms);
  const after = await look();
  over.abort();
  await Promise.all(writers);
  await arrived({ stop }, subscribers, written * fan);
  const deliveries = after.received - before.received;
  return {
    perSecond: (deliveries * 1_000) / (after.at - before.at),
    transactions: ((after.written - before.written) * 1_000) / (after.at - before.at),
    workerUs: ((after.worker - before.worker) * 1_000) / deliveries,
    postgresUs: ((after.postgres - before.postgres) * 1_000) / deliveries,
    total: await subscribers.count(),
    missing: written * fan - (await subscribers.count()),
  };
}

/** Waits until so many deliveries are there, or for long enough. */
export async function arrived(
  /** @type {{ stop: AbortSignal }} */ { stop },
  /** @type {import('./subscribers.mjs').Subscribers} */ subscribers,
  /** @type {number} */ expected,
) {
  for (const end = Date.now() + GIVE_UP_MS; (await subscribers.count()) < expected && Date.now() < end;) {
    stop.throwIfAborted();
    await pause(25);
  }
  await pause(300); // the last attempts are being written down
}

/**
 * The ceiling: the product's own client posts an event's body without a hub, as fast as it can.
 * @param {import('./subscribers.mjs').Subscribers} subscribers @param {{ paths: string[], concurrency: number, ms: number, stop: AbortSignal }} load
 */
export async function straight(subscribers, { paths, ...limits }) {
  let n = 0;
  return (await closedLoop(limits, () => post(subscribers, paths[n++ % paths.length], `straight-${n}`))).perSecond;
}

/**
 * The same at a rate. @param {import('./subscribers.mjs').Subscribers} subscribers
 * @param {{ rate: number, ms: number, stop: AbortSignal }} limits @returns {Promise<number[]>} ms from the call to the answer
 */
export async function straightAtRate(subscribers, limits) {
  await subscribers.tell('forget');
  /** @type {Map<string, number>} */
  const sent = new Map();
  await openLoop(limits, async (n) => {
    sent.set(`straight-${n}`, wallClock());
    await post(subscribers, '/n/0', `straight-${n}`);
  });
  return (await subscribers.take()).map(([, id, at]) => at - (sent.get(id) ?? NaN));
}

const BODY = JSON.stringify({ id: 'evt_bench', type: 'message.sent', data: { text: TEXT, fill: '.'.repeat(900) } });

/** @param {import('./subscribers.mjs').Subscribers} subscribers @param {string} path @param {string} id */
async function post({ url }, path, id) {
  const headers = { 'content-type': 'application/json', 'webhook-id': id };
  const call = { url: `${url}${path}`, headers, body: BODY, timeoutMs: 15_000, allowedNetworks: NETWORKS };
  const result = await safeFetch(call);
  if (result.status !== 200) throw new Error(`the ceiling's request failed: ${result.error ?? result.status}`);
}
const NETWORKS = ['127.0.0.0/8'];

/** @param {import('./stack.mjs').Site} site */
const postmasterOf = (site) =>
  asAdmin(site.adminUrl, async (admin) => {
    const { rows } = await admin.query('SELECT pg_backend_pid() AS pid');
    return parentOf(rows[0].pid);
  });

const statOf = (/** @type {number | string} */ pid) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');

const parentOf = (/** @type {number} */ pid) => {
  try {
    return Number(statOf(pid)[1]);
  } catch {
    return NaN;
  }
};

/** Processor time of the whole server: its processes of now and those that have ended. @param {number} postmaster */
function postgresCpuMs(postmaster) {
  if (Number.isNaN(postmaster)) return NaN;
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = statOf(pid);
      if (Number(pid) === postmaster) ticks += [11, 12, 13, 14].reduce((sum, i) => sum + Number(stat[i]), 0);
      else if (Number(stat[1]) === postmaster) ticks += Number(stat[11]) + Number(stat[12]);
    } catch {
      // it has ended meanwhile
    }
  }
  return ticks * 10;
}

export const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

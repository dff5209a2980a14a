// How long after its commit an event is with the subscriber, on each backend of the queue.
import { createServer } from 'node:http';
import { built } from '../support/servers.mjs';
import { cpuMs, httpClient, openLoop, percentile } from './load.mjs';
import { TEXT } from './message-statements.mjs';
import { fixed, printNote, printTable, progress } from './report.mjs';
import { seededId } from './seed.mjs';
import { asAdmin, makeSite, startProcess, withProcesses } from './stack.mjs';

const { encodeId, decodeId } = await built('libs/platform/ids.js');
const CONVERSATIONS = 1_000;
const RATES = [20, 100];
const BODY = JSON.stringify({ content: { type: 'text', text: TEXT } });
const GIVE_UP_MS = 20_000;

/** As PostgreSQL sees it, in milliseconds with decimals. */
const wallClock = () => performance.timeOrigin + performance.now();

/** @typedef {{ sent: number, commit: number, relayed: number | null, attempted: number | null, received: number }} Trace */
/** @typedef {{ backend: string, rate: number, sent: number, traces: Trace[], workerCpu: number, straight: number[] }} Outcome */

/** @param {import('./stack.mjs').Bench} bench */
export async function run(bench) {
  const ms = bench.quick ? 1_500 : 10_000;
  const backends = /** @type {[string, string | undefined][]} */ ([['PostgreSQL', undefined]]);
  if (bench.redis) backends.push(['Redis', `${bench.redis.url}/0`]);
  /** @type {Outcome[]} */
  const outcomes = [];
  const subscriber = await startSubscriber();
  try {
    const site = await makeSite(bench, 'bench_events', CONVERSATIONS);
    await asAdmin(site.adminUrl, (admin) =>
      admin.query(`UPDATE conversation SET status = 'open', single = false, closed_at = NULL, snoozed_until = NULL`),
    );
    for (const [backend, redisUrl] of backends) {
      const processes = /** @type {const} */ (['api', 'worker']).map((name) =>
        startProcess(bench, name, site, redisUrl),
      );
      await withProcesses(processes, async (api, worker) => {
        const client = httpClient(api.url, 16);
        try {
          const hook = JSON.stringify({ url: `${subscriber.url}/hook`, events: ['message.*'] });
          if (outcomes.length === 0) await client.send('POST', '/v1/webhooks', site.headers, hook);
          await deliver(bench, site, client, subscriber, 20, 1_000); // warm
          for (const rate of RATES) {
            progress(`event-latency: ${rate} a second, BullMQ on ${backend}`);
            const before = await straight(bench, subscriber, rate, ms / 4);
            const cpu = cpuMs(worker.pid);
            const delivered = await deliver(bench, site, client, subscriber, rate, ms);
            const workerCpu = (cpuMs(worker.pid) - cpu) / delivered.sent;
            const after = await straight(bench, subscriber, rate, ms / 4);
            outcomes.push({ backend, rate, ...delivered, workerCpu, straight: [...before, ...after] });
          }
        } finally {
          await client.close();
        }
      });
    }
  } finally {
    await subscriber.close();
  }
  show(outcomes, ms);
  if (!bench.redis) printNote('\nredis-server is not installed: its rows are left out.');
}

/** Answers 200 to everything and remembers when each subject came first, and the last body. */
async function startSubscriber() {
  /** @type {Map<string, number>} */
  const received = new Map();
  const state = { body: '' };
  const server = createServer((request, response) => {
    /** @type {Buffer[]} */
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const at = wallClock();
      response.end();
      const body = Buffer.concat(chunks).toString('utf8');
      const key = String(request.headers['x-bench'] ?? JSON.parse(body).data.id);
      if (!received.has(key)) received.set(key, at);
      state.body = body;
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    state,
    close: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  };
}

/** @typedef {Awaited<ReturnType<typeof startSubscriber>>} Subscriber */

/**
 * The ceiling: the same client posts an event's body to the subscriber itself.
 * @param {import('./stack.mjs').Bench} bench @param {Subscriber} subscriber @param {number} rate @param {number} ms
 */
async function straight({ stop }, subscriber, rate, ms) {
  const client = httpClient(subscriber.url, 16);
  /** @type {number[]} */
  const latencies = [];
  const { body } = subscriber.state;
  try {
    await openLoop({ rate, ms, stop }, async (n) => {
      const key = `straight-${n}`;
      subscriber.received.delete(key);
      const sent = wallClock();
      await client.send('POST', '/hook', { 'content-type': 'application/json', 'x-bench': key }, body);
      latencies.push((subscriber.received.get(key) ?? NaN) - sent);
    });
  } finally {
    await client.close();
  }
  return latencies;
}

/**
 * @param {import('./stack.mjs').Bench} bench @param {import('./stack.mjs').Site} site @param {ReturnType<typeof httpClient>} client
 * @param {Subscriber} subscriber @param {number} rate @param {number} ms
 */
async function deliver({ stop }, site, client, subscriber, rate, ms) {
  /** @type {Map<string, number>} */
  const sent = new Map();
  await openLoop({ rate, ms, stop }, async (n) => {
    const at = wallClock();
    const path = `/v1/conversations/${encodeId('conv', seededId('conversation', (n % CONVERSATIONS) + 1))}/messages`;
    sent.set(JSON.parse(await client.send('POST', path, site.headers, BODY)).data.id, at);
  });
  const missing = () => [...sent.keys()].filter((id) => !subscriber.received.has(id)).length;
  for (const end = Date.now() + GIVE_UP_MS; missing() > 0 && Date.now() < end;) {
    stop.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise((resolve) => setTimeout(resolve, 500)); // the last attempts are being written down
  const rows = await stages(
    site,
    [...sent.keys()].map((id) => decodeId('msg', id)),
  );
  const traces = [...sent].flatMap(([id, at]) => {
    const received = subscriber.received.get(id);
    const row = rows.get(decodeId('msg', id));
    return received && row ? [{ sent: at, received, ...row }] : [];
  });
  return { sent: sent.size, traces };
}

/** When each message was committed, its event claimed by the relay, and its first attempt begun. */
async function stages(/** @type {import('./stack.mjs').Site} */ site, /** @type {string[]} */ ids) {
  const ms = (/** @type {string} */ time) => `(extract(epoch FROM ${time}) * 1000)::float8`;
  const { rows } = await asAdmin(site.adminUrl, (admin) =>
    admin.query(
      `SELECT m.id, ${ms('pg_xact_commit_timestamp(m.xmin)')} AS commit, ${ms('e.fanned_out_at')} AS relayed,
         (SELECT min(${ms('a.started_at')}) FROM webhook_delivery d
           JOIN webhook_attempt a ON a.organization_id = d.organization_id AND a.delivery_id = d.id
           WHERE d.organization_id = e.organization_id AND d.event_id = e.id) AS attempted
       FROM message m JOIN event e ON e.organization_id = m.organization_id AND e.subject_id = m.id
       WHERE m.organization_id = $1 AND m.id = ANY($2::uuid[]) AND e.type = 'message.sent'`,
      [site.organizationId, ids],
    ),
  );
  return new Map(rows.map(({ id, ...row }) => [id, row]));
}

/** @param {Outcome[]} outcomes @param {number} ms */
function show(outcomes, ms) {
  const spread = (/** @type {number[]} */ values) =>
    [0.5, 0.95, 0.99].map((share) => fixed(percentile(values, share), 2));
  printTable(
    `event-latency: from the commit of a message to its receipt by a webhook, in ms, ${ms / 1000} s each; ceiling: the same client posts to the subscriber`,
    [
      ['', 'arrived', 'p50', 'p95', 'p99', 'ceiling p50', 'p95', 'p99', 'p50 ratio', 'from request p50'],
      ...outcomes.map(({ backend, rate, sent, traces, straight }) => {
        const latencies = traces.map((trace) => trace.received - trace.commit);
        return [
          `${rate}/s, BullMQ on ${backend}`,
          `${traces.length} of ${sent}`,
          ...spread(latencies),
          ...spread(straight),
          fixed(percentile(latencies, 0.5) / percentile(straight, 0.5), 1),
          fixed(
            percentile(
              traces.map((trace) => trace.received - trace.sent),
              0.5,
            ),
            2,
          ),
        ];
      }),
    ],
  );
  printTable('event-latency: where it goes, p50 and p95 in ms', [
    ['', 'commit - relay', 'p95', 'relay - attempt', 'p95', 'attempt - receipt', 'p95', 'worker cpu ms/event'],
    ...outcomes.map(({ backend, rate, traces, workerCpu }) => {
      const stage = (/** @type {keyof Trace} */ from, /** @type {keyof Trace} */ to) => {
        const values = traces.map((trace) => (trace[to] ?? NaN) - (trace[from] ?? NaN)).filter(Number.isFinite);
        return [fixed(percentile(values, 0.5), 2), fixed(percentile(values, 0.95), 2)];
      };
      return [
        `${rate}/s, BullMQ on ${backend}`,
        ...stage('commit', 'relayed'),
        ...stage('relayed', 'attempted'),
        ...stage('attempted', 'received'),
        fixed(workerCpu, 2),
      ];
    }),
  ]);
}

// The receiver farm: customers' web servers of every kind, in a process of their own. What arrives is on the disk before
// it is answered: which webhook-id, the hash of its bytes, whether its signature is right, and what it was answered.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import { createServer } from 'node:net';
import { Webhook } from 'standardwebhooks';

const [logFile, seed] = process.argv.slice(2);
const log = await open(logFile, 'a');
const wallClock = () => performance.timeOrigin + performance.now();

/** @typedef {{ kind: string, judge: Webhook | null, count: number, held: Map<number, { id: string, response: import('node:http').ServerResponse }> }} Route */
/** @type {Map<string, Route>} */
const routes = new Map();
/** @type {Map<string, Set<string>>} who has answered 2xx to what */
const accepted = new Map();
/** @type {{ line: string, resolve: (value?: unknown) => void }[]} */
let unwritten = [];
let writing = false;
let arrivals = 0;
let trapped = 0;

/** On the disk when it resolves; what comes while one write is under way goes with the next. @param {object} entry */
function record(entry) {
  return new Promise((resolve) => {
    unwritten.push({ line: `${JSON.stringify(entry)}\n`, resolve });
    if (!writing) void write();
  });
}

async function write() {
  writing = true;
  while (unwritten.length > 0) {
    const batch = unwritten;
    unwritten = [];
    await log.write(batch.map(({ line }) => line).join(''));
    await log.datasync();
    for (const { resolve } of batch) resolve();
  }
  writing = false;
}

/** 0 to 1, the same for the same seed. @param {string} path @param {number} nth */
const share = (path, nth) => createHash('sha256').update(`${seed} ${path} ${nth}`).digest().readUInt32BE() / 2 ** 32;

/**
 * The status a request is answered with; 0 for what is never answered properly.
 * @type {Record<string, (path: string, nth: number) => number>}
 */
const KINDS = {
  ok: () => 200,
  tenth: (path, nth) => (share(path, nth) < 0.1 ? 500 : 200),
  flap: () => (Math.floor(Date.now() / 5_000) % 2 ? 500 : 200),
  fail: () => 500,
  gone: () => 410,
  busy: (path, nth) => (share(path, nth) < 0.1 ? 429 : 200),
  redirect: () => 302,
  endless: () => 200,
  headers: () => 0,
  hang: () => 0,
  drip: () => 0,
  reset: () => 0,
  gate: () => 0,
};

const trap = createServer((socket) => {
  trapped += 1;
  socket.destroy();
});

const web = createWebServer({ keepAliveTimeout: 30_000 }, (request, response) => {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => void serve(request, response, Buffer.concat(chunks)));
});

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response @param {Buffer} raw */
async function serve(request, response, raw) {
  const at = wallClock();
  const path = request.url ?? '/';
  const route = routes.get(path);
  if (!route) return void response.writeHead(404).end();
  const n = (arrivals += 1);
  const { kind } = route;
  const status = KINDS[kind](path, (route.count += 1));
  const id = String(request.headers['webhook-id']);
  await record({ n, at, path, id, kind, status, valid: isValid(route, request, raw), ...contents(raw) });
  if (status >= 200 && status < 300) accept(path, id);
  if (kind === 'gate') route.held.set(n, { id, response });
  else answer(kind, status, response);
}

/** @param {string} path @param {string} id */
function accept(path, id) {
  accepted.set(path, (accepted.get(path) ?? new Set()).add(id));
}

/** @param {Route} route @param {import('node:http').IncomingMessage} request @param {Buffer} raw */
function isValid({ judge }, request, raw) {
  try {
    judge?.verify(raw.toString(), /** @type {Record<string, string>} */ (request.headers));
    return true;
  } catch {
    return false;
  }
}

/** @param {Buffer} raw */
function contents(raw) {
  const hash = createHash('sha256').update(raw).digest('base64');
  const text = raw.toString();
  const { type, data, meta } = JSON.parse(text);
  const key = data?.attributes?.conversationId ?? data?.id ?? '';
  return { hash, type, key, seq: meta?.sequence ?? 0, ...(text.includes('doomed-') && { doomed: true }) };
}

/** @param {string} kind @param {number} status @param {import('node:http').ServerResponse} response */
function answer(kind, status, response) {
  if (kind === 'hang') return;
  if (kind === 'reset') return void response.socket?.resetAndDestroy();
  if (kind === 'drip') return trickle(response, 'x', 200);
  if (kind === 'endless') return trickle(response, 'x'.repeat(64 * 1024), 1);
  if (kind === 'headers') {
    for (let i = 0; i < 64; i++) response.setHeader(`x-more-${i}`, 'x'.repeat(16 * 1024));
    return void response.end();
  }
  if (status === 429) response.setHeader('retry-after', '2');
  if (status === 302) response.setHeader('location', trapUrl());
  response.writeHead(status).end();
}

/** @param {import('node:http').ServerResponse} response @param {string} piece @param {number} everyMs */
function trickle(response, piece, everyMs) {
  response.writeHead(200);
  const timer = setInterval(() => {
    if (!response.writableNeedDrain) response.write(piece);
  }, everyMs);
  response.on('close', () => clearInterval(timer));
}

const portOf = (/** @type {import('node:net').Server} */ server) =>
  /** @type {import('node:net').AddressInfo} */ (server.address()).port;
const trapUrl = () => `http://127.0.0.2:${portOf(trap)}/trap`;

/** What the harness may ask of the farm. @type {Record<string, (message: any) => unknown>} */
const ORDERS = {
  /** `secret` null: keeps the one it has. */
  route: ({ path, kind, secret }) => {
    const before = routes.get(path);
    const judge = secret ? new Webhook(secret) : (before?.judge ?? null);
    routes.set(path, { kind, judge, count: before?.count ?? 0, held: before?.held ?? new Map() });
  },
  held: ({ path }) => routes.get(path)?.held.size ?? 0,
  /** Answers 200 to what is held, and from now on at once. */
  release: async ({ path }) => {
    const route = /** @type {Route} */ (routes.get(path));
    route.kind = 'ok';
    const held = [...route.held];
    route.held.clear();
    await Promise.all(held.map(([n]) => record({ n, answered: 200 })));
    for (const [, { id, response }] of held) {
      accept(path, id);
      response.writeHead(200).end();
    }
    return held.length;
  },
  repair: () => {
    for (const route of routes.values()) if (route.kind !== 'gate') route.kind = 'ok';
  },
  accepted: ({ path }) => accepted.get(path)?.size ?? 0,
  requests: ({ path }) => routes.get(path)?.count ?? 0,
  trapped: () => trapped,
};

/** @param {{ nr: number, order: string }} message */
async function obey(message) {
  process.send?.({ nr: message.nr, answered: await ORDERS[message.order](message) });
}

process.on('message', (message) => void obey(/** @type {any} */ (message)));
process.on('disconnect', () => process.exit());
await new Promise((resolve) => web.listen(0, '127.0.0.1', () => resolve(undefined)));
await new Promise((resolve) => trap.listen(0, '127.0.0.2', () => resolve(undefined)));
process.send?.({ url: `http://127.0.0.1:${portOf(web)}`, trapUrl: trapUrl() });

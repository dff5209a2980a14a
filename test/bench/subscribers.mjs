// The webhooks' subscribers, in a process of their own. `/n/…` answers 200 at once, `/hang` and `/drip` only until they are
// told to be bad: then the one never answers and the other sends a byte of its answer a second.
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(import.meta.url);
const DRIP_MS = 1_000;

/** As PostgreSQL sees it, in milliseconds with decimals. */
export const wallClock = () => performance.timeOrigin + performance.now();

/**
 * @typedef {'count' | 'take' | 'forget' | 'bad' | 'good'} Wish
 * @typedef {[path: string, id: string, answeredAt: number][]} Received of `/n/…` only, each delivery once
 */

/** Starts them; `stop` ends them. */
export async function startSubscribers() {
  const child = fork(FILE, ['serve'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ask = (/** @type {Wish | null} */ wish) =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      if (wish) child.send(wish, (error) => error && reject(error));
    });
  const { url } = /** @type {{ url: string }} */ (await ask(null));
  let last = /** @type {Promise<any>} */ (Promise.resolve());
  const inTurn = (/** @type {Wish} */ wish) => (last = last.then(() => ask(wish)));
  return {
    url,
    pid: child.pid,
    /** How many deliveries have been answered at `/n/…`, each counted once. @returns {Promise<number>} */
    count: () => inTurn('count'),
    /** @returns {Promise<Received>} */
    take: () => inTurn('take'),
    /** @param {Exclude<Wish, 'count' | 'take'>} wish `good` also ends what hangs */
    tell: (wish) => inTurn(wish),
    stop: () => void child.kill('SIGKILL'),
  };
}

/** @typedef {Awaited<ReturnType<typeof startSubscribers>>} Subscribers */

function serve() {
  /** @type {Map<string, [string, string, number]>} */
  const received = new Map();
  /** @type {Set<import('node:http').ServerResponse>} */
  const kept = new Set();
  let bad = false;
  const server = createServer((request, response) => {
    const { url = '' } = request;
    request.resume().on('end', () => {
      if (bad && !url.startsWith('/n/')) {
        kept.add(response.on('close', () => kept.delete(response)));
        if (url === '/drip') response.writeHead(200, { 'content-length': '1000' }).write('.');
        return;
      }
      response.end();
      if (!url.startsWith('/n/')) return;
      const id = String(request.headers['webhook-id']);
      const key = `${url} ${id}`;
      if (!received.has(key)) received.set(key, [url, id, wallClock()]);
    });
  });
  setInterval(() => {
    for (const response of kept) if (response.headersSent) response.write('.');
  }, DRIP_MS).unref();
  /** @type {Record<Wish, () => unknown>} */
  const wishes = {
    count: () => received.size,
    take: () => [...received.values()],
    forget: () => received.clear(),
    bad: () => void (bad = true),
    good: () => {
      bad = false;
      for (const response of kept) response.destroy();
    },
  };
  process.on('message', (/** @type {Wish} */ wish) => process.send?.(wishes[wish]() ?? null));
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    process.send?.({ url: `http://127.0.0.1:${port}` });
  });
}

if (process.argv[1] === FILE && process.argv[2] === 'serve') serve();

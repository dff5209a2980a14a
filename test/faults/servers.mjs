// What the suite breaks: one PostgreSQL, one Redis without persistence and the receiver farm, each a process of its own.
import { fork, spawn, spawnSync } from 'node:child_process';
import { createServer, connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { built, startPostgres } from '../support/servers.mjs';

const { anyFreePort } = await built('apps/standalone/ports.js');
const { processesIn } = await built('apps/standalone/processes.js');

export const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @template T @param {() => T | Promise<T>} check @param {string} what @param {number} [timeoutMs]
 * @returns {Promise<T>} what `check` gives as soon as it gives something
 */
export async function until(check, what, timeoutMs = 30_000) {
  for (const end = Date.now() + timeoutMs; ;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`Still not so after ${timeoutMs} ms: ${what}`);
    await sleep(25);
  }
}

/** With the durability of production: a commit that was answered is on the disk. */
export async function startDatabaseServer() {
  const postgres = await startPostgres({ settings: { max_connections: 300 } });
  const admin = new pg.Client({ connectionString: postgres.adminUrl });
  await admin.connect();
  const { rows } = await admin.query(`SELECT current_setting('data_directory') AS folder`);
  await admin.end();
  const signal = (/** @type {NodeJS.Signals} */ name) => {
    for (const pid of processesIn(rows[0].folder) ?? []) {
      try {
        process.kill(pid, name);
      } catch {
        // it has ended meanwhile
      }
    }
  };
  return { ...postgres, freeze: () => signal('SIGSTOP'), thaw: () => signal('SIGCONT') };
}

/** @returns {Promise<RedisServer | null>} null where redis-server is not installed */
export async function startRedis() {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null;
  const redis = new RedisServer(await anyFreePort('127.0.0.1'));
  await redis.start();
  return redis;
}

export class RedisServer {
  /** @param {number} port */
  constructor(port) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  async start() {
    const options = ['--bind', '127.0.0.1', '--port', String(this.port), '--save', '', '--dir', os.tmpdir()];
    this.child = spawn('redis-server', options, { stdio: 'ignore' });
    this.gone = new Promise((resolve) => this.child?.once('exit', resolve));
    await this.ask('PING');
  }

  /** @param {string} command */
  async ask(command) {
    const client = new Redis(this.url, { maxRetriesPerRequest: 200, retryStrategy: () => 50 });
    client.on('error', () => undefined);
    await client.call(command);
    client.disconnect();
  }

  freeze = () => this.child?.kill('SIGSTOP');
  thaw = () => this.child?.kill('SIGCONT');

  async kill() {
    this.child?.kill('SIGKILL');
    await this.gone;
  }
}

/** @param {string} logFile @param {number} seed */
export async function startFarm(logFile, seed) {
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'receivers.mjs');
  const child = fork(script, [logFile, String(seed)]);
  /** @type {Map<number, (answered: any) => void>} */
  const asked = new Map();
  let nr = 0;
  const first = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the receiver farm ended with ${code}`)));
    child.once('message', resolve);
  });
  child.on('message', (/** @type {any} */ message) => {
    asked.get(message.nr)?.(message.answered);
    asked.delete(message.nr);
  });
  const ask = (/** @type {string} */ order, /** @type {object} */ more = {}) =>
    new Promise((/** @type {(answered: any) => void} */ resolve) => {
      asked.set((nr += 1), resolve);
      child.send({ nr, order, ...more });
    });
  return {
    .../** @type {{ url: string, trapUrl: string }} */ (first),
    logFile,
    ask,
    stop: () => child.kill('SIGKILL'),
  };
}

/** A way to the database that can be cut without a word, as a network does. @param {string} databaseUrl */
export async function startLine(databaseUrl) {
  const target = new URL(databaseUrl);
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  let cut = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one.on('data', (chunk) => other.write(chunk));
      one.on('error', () => undefined);
      one.on('close', () => (sockets.delete(one), other.destroy()));
      if (cut) one.pause();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const url = new URL(databaseUrl);
  url.port = String(/** @type {import('node:net').AddressInfo} */ (server.address()).port);
  return {
    url: url.href,
    cut: () => {
      cut = true;
      for (const socket of sockets) socket.pause();
    },
    mend: () => {
      cut = false;
      for (const socket of sockets) socket.resume();
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

// One installation: a database, an API, workers, webhooks at the farm, and a memory of what was done to it and when.
import { fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { built, inDatabase, root, TEMPLATE } from '../support/servers.mjs';
import { sleep, until } from './servers.mjs';

const { anyFreePort } = await built('apps/standalone/ports.js');
const { newApiKey } = await built('libs/identity/api-key.js');
const { ensureFirstOrganization } = await built('libs/identity/bootstrap.js');
const { decodeId } = await built('libs/platform/ids.js');

/** Seconds: the time limit of a webhook that never answers, that of the others, and how long a lease lasts after it. */
const TIMEOUT = 1;
const PATIENCE = 3;
const SILENT = new Set(['hang', 'drip']);
export const LEASE_MARGIN = 15;
/** The longest lease. */
export const LEASE = PATIENCE + LEASE_MARGIN;
const START_TIMEOUT_MS = 180_000; // on a machine that is busy with other things
const CLOCK = new URL('clock.mjs', import.meta.url).href;

/**
 * @typedef {object} Servers
 * @property {Awaited<ReturnType<typeof import('./servers.mjs').startDatabaseServer>>} postgres
 * @property {import('./servers.mjs').RedisServer | null} redis
 * @property {Awaited<ReturnType<typeof import('./servers.mjs').startFarm>>} farm
 * @typedef {{ name: string, child: import('node:child_process').ChildProcess, url: string, alive: boolean, clock: boolean }} Running `clock`: SIGUSR2 makes it jump
 * @typedef {{ name: string, path: string, id: string, uuid: string, events: string[], config: Record<string, any>,
 *   kind: string, healthy: boolean, from: number, to: number }} Endpoint `from` < position <= `to` is what it must hear of
 * @typedef {{ name: string, from: number, to: number }} Fault in milliseconds of the wall clock
 */

export class Stage {
  /** @type {Endpoint[]} */
  endpoints = [];
  /** @type {Fault[]} */
  faults = [];
  /** @type {Running[]} */
  workers = [];
  /** @type {Running | null} */
  api = null;
  kills = 0;
  /** How many workers there are. */
  crew = 3;
  /** When processes were killed, stopped or cut off. @type {number[]} */
  blows = [];
  /** When there was no worker. @type {{ from: number, to: number }[]} */
  idle = [];
  /** Until another worker did the fan-out in the middle of which one was stopped. */
  takeOverMs = NaN;

  /** @param {Servers} servers @param {string} name @param {string} dist @param {string} key */
  constructor(servers, name, dist, key) {
    this.postgres = servers.postgres;
    this.redis = servers.redis;
    this.farm = servers.farm;
    this.name = name;
    this.dist = dist;
    this.key = key;
    this.logFile = path.join(servers.postgres.dataDir, `${name}.log`);
    this.databaseUrl = inDatabase(servers.postgres.appUrl, name);
    this.sqlPool = new pg.Pool({ connectionString: inDatabase(servers.postgres.adminUrl, name), max: 3 });
    this.sqlPool.on('error', () => undefined);
  }

  /** @param {Servers} servers @param {string} name of its database @param {string} [dist] another build of the product */
  static async open(servers, name, dist = path.join(root, 'dist')) {
    const key = newApiKey();
    const admin = new pg.Client({ connectionString: servers.postgres.adminUrl });
    await admin.connect();
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE} OWNER switchboard_owner`);
    await admin.end();
    await ensureFirstOrganization(inDatabase(servers.postgres.appUrl, name), key);
    const stage = new Stage(servers, name, dist, key);
    stage.apiPort = await anyFreePort('127.0.0.1');
    await stage.sql(TRIGGERS);
    await stage.startApi();
    stage.channel = (await stage.insist('POST', '/v1/channels', { name: 'Faults', type: 'api' })).id;
    return stage;
  }

  /** As a superuser, whom neither row-level security nor a role binds; tried again while the server is away. */
  async sql(/** @type {string} */ text, /** @type {unknown[]} */ values = []) {
    for (const end = Date.now() + 60_000; ;) {
      try {
        return (await this.sqlPool.query(text, values)).rows;
      } catch (error) {
        const state = String(/** @type {any} */ (error).code ?? '');
        const away = /^(08|57P|E)/.test(state) || /Connection terminated|ECONN/.test(String(error));
        if (!away || Date.now() > end) throw error;
        await sleep(100);
      }
    }
  }

  async startApi() {
    this.api = await this.start('api', { PORT: String(this.apiPort) });
  }

  /** @param {{ databaseUrl?: string, clock?: boolean }} [options] @returns {Promise<Running>} */
  async startWorker({ databaseUrl = this.databaseUrl, clock = false } = {}) {
    const env = { DATABASE_URL: databaseUrl, ...(clock && { NODE_OPTIONS: `--import ${CLOCK}` }) };
    const worker = await this.start('worker', env);
    worker.clock = clock;
    this.workers.push(worker);
    const since = this.idle.at(-1);
    if (since?.to === Infinity) since.to = Date.now();
    return worker;
  }

  async startWorkers() {
    await Promise.all(Array.from({ length: this.crew }, (_, n) => this.startWorker({ clock: n === 0 })));
  }

  /** @param {Running} worker */
  async kill(worker) {
    if (!worker.alive) return;
    this.kills += 1;
    this.blows.push(Date.now());
    const others = this.workers.filter((one) => one !== worker);
    if (others.length === 0 && this.workers.length > 0) this.idle.push({ from: Date.now(), to: Infinity });
    this.workers = others;
    const gone = new Promise((resolve) => worker.child.once('exit', resolve));
    worker.child.kill('SIGKILL');
    await gone;
  }

  async killWorkers() {
    await Promise.all(this.workers.map((worker) => this.kill(worker)));
  }

  /** @param {readonly Running[]} workers */
  stop(workers) {
    for (const { child } of workers) child.kill('SIGSTOP');
    this.blows.push(Date.now());
  }

  /** @param {readonly Running[]} workers */
  wake(workers) {
    for (const { child } of workers) child.kill('SIGCONT');
  }

  /** Remembers a fault with its time. @template T @param {string} name @param {() => Promise<T>} work */
  async fault(name, work) {
    const fault = { name, from: Date.now(), to: Infinity };
    this.faults.push(fault);
    try {
      return await work();
    } finally {
      fault.to = Date.now();
    }
  }

  /**
   * @param {string} method @param {string} address @param {object} [body]
   * @returns {Promise<any>} the data of a 2xx. @throws Error with `status` on any other answer
   */
  async call(method, address, body) {
    const response = await fetch(`http://127.0.0.1:${this.apiPort}${address}`, {
      method,
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (!response.ok) {
      throw Object.assign(new Error(`${method} ${address}: ${response.status} ${text}`), { status: response.status });
    }
    return text === '' ? null : JSON.parse(text).data;
  }

  /** As {@link call}, asked again while the API is busy or away. @param {Parameters<Stage['call']>} request @returns {Promise<any>} */
  async insist(...request) {
    for (const end = Date.now() + 60_000; ;) {
      try {
        return await this.call(...request);
      } catch (error) {
        const status = /** @type {any} */ (error).status ?? 503;
        if (status < 500 || Date.now() > end) throw error;
        await sleep(500);
      }
    }
  }

  /**
   * A webhook at the farm that hears of everything from now on. To be called while nothing is written.
   * @param {string} name @param {string} kind of receiver
   * @param {{ events?: string[], config?: object, healthy?: boolean }} [options]
   */
  async subscribe(name, kind, { events = ['*'], config = {}, healthy = false } = {}) {
    const address = `/${this.name}/${name}`;
    const timeout = SILENT.has(kind) ? TIMEOUT : PATIENCE;
    await this.relayed();
    await this.farm.ask('route', { path: address, kind, secret: null });
    const made = await this.insist('POST', '/v1/webhooks', {
      url: this.farm.url + address,
      events,
      config: { timeout, retryPolicy: 'custom', steps: STEPS, ...config },
    });
    await this.farm.ask('route', { path: address, kind, secret: made.attributes.secret });
    const { id } = made;
    const from = await this.position();
    /** @type {Endpoint} */
    const endpoint = {
      name,
      path: address,
      id,
      uuid: decodeId('wh', id),
      events,
      config: { timeout, ...config },
      kind,
      healthy,
      from,
      to: Infinity,
    };
    this.endpoints.push(endpoint);
    return endpoint;
  }

  /** Past the API, which would refuse some. @param {Endpoint} endpoint @param {string} [url] its own unless given */
  async readdress({ uuid, path: address }, url = this.farm.url + address) {
    await this.sql('UPDATE webhook_endpoint SET url = $2 WHERE id = $1', [uuid, url]);
  }

  /** It hears of nothing that is written from now on. @param {Endpoint} endpoint */
  async deactivate(endpoint) {
    await this.relayed();
    await this.insist('PATCH', `/v1/webhooks/${endpoint.id}`, { status: 'inactive' });
    endpoint.to = await this.position();
  }

  /** Of the last event. */
  async position() {
    return Number((await this.sql('SELECT coalesce(max(position), 0) AS last FROM event'))[0].last);
  }

  /** A message of one of the contacts. @param {string} text @param {number} person */
  message(text, person) {
    const body = { externalId: text, contact: { externalId: `p${person}` }, content: { type: 'text', text } };
    return this.call('POST', `/v1/channels/${this.channel}/messages`, body);
  }

  /** Waits until every event has been fanned out. */
  async relayed() {
    if (this.workers.length === 0) return;
    const waiting = 'SELECT 1 FROM event WHERE fanned_out_at IS NULL LIMIT 1';
    await until(async () => (await this.sql(waiting)).length === 0, 'every event is fanned out', 120_000);
  }

  /** Deliveries that are not finished. @param {readonly Endpoint[]} [endpoints] */
  async unfinished(endpoints = this.endpoints) {
    const [{ count }] = await this.sql(
      `SELECT count(*)::int AS count FROM webhook_delivery
       WHERE status IN ('blocked','pending','leased') AND endpoint_id = ANY ($1::uuid[])`,
      [endpoints.map(({ uuid }) => uuid)],
    );
    return /** @type {number} */ (count);
  }

  /** Waits until the healthy ones have got everything, but not for the minute that follows a timeout. */
  async settled(timeoutMs = 180_000) {
    await this.relayed();
    const healthy = this.endpoints.filter((one) => one.healthy);
    const done = async () => {
      await this.hurry(healthy);
      return (await this.unfinished(healthy)) === 0;
    };
    await until(done, 'the healthy webhooks have it all', timeoutMs);
  }

  /**
   * Sets back the times at which something is due: of retries, and of whatever keeps a lane waiting.
   * @param {readonly Endpoint[]} [endpoints]
   */
  async hurry(endpoints = this.endpoints) {
    const ids = [endpoints.map(({ uuid }) => uuid)];
    await this.sql(
      `UPDATE webhook_delivery SET next_attempt_at = now()
       WHERE status = 'pending' AND next_attempt_at > now() AND endpoint_id = ANY ($1::uuid[])`,
      ids,
    );
    for (const column of ['open_until', 'paused_until', 'next_token_at']) {
      if (!(await this.hasColumn(column))) continue;
      await this.sql(
        `UPDATE webhook_endpoint SET ${column} = now() WHERE ${column} > now() AND id = ANY ($1::uuid[])`,
        ids,
      );
    }
  }

  /** @param {string} column of a webhook */
  async hasColumn(column) {
    const rows = await this.sql(
      `SELECT 1 FROM information_schema.columns WHERE table_name = 'webhook_endpoint' AND column_name = $1`,
      [column],
    );
    return rows.length > 0;
  }

  /** What every process has logged last. */
  lastWords = () => readFileSync(this.logFile, 'utf8').slice(-3_000);

  async close() {
    await Promise.all([...this.workers, ...(this.api ? [this.api] : [])].map((one) => this.kill(one)));
    await this.sqlPool.end();
  }

  /** @param {'api' | 'worker'} name @param {NodeJS.ProcessEnv} env @returns {Promise<Running>} */
  async start(name, env) {
    const log = openSync(this.logFile, 'a');
    const child = fork(path.join(this.dist, `apps/${name}/main.js`), {
      execArgv: [],
      stdio: ['ignore', log, log, 'ipc'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        WORKER_PORT: '0',
        DATABASE_URL: this.databaseUrl,
        ...(this.redis && { REDIS_URL: this.redis.url }),
        SECRET_KEY: '11'.repeat(32),
        WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32',
        RATE_LIMIT_PER_MINUTE: '1000000',
        MEDIA_STORE: `file:${path.join(this.postgres.dataDir, 'media')}`,
        LOG_LEVEL: 'warn',
        ...env,
      },
    });
    closeSync(log);
    /** @type {Running} */
    const running = { name, child, url: '', alive: true, clock: false };
    child.once('exit', () => (running.alive = false));
    running.url = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the ${name} does not get ready`)), START_TIMEOUT_MS);
      child.once('message', (message) => (clearTimeout(timer), resolve(/** @type {any} */ (message).url)));
      child.once('exit', (code) => reject(new Error(`the ${name} ended with ${code}\n${this.lastWords()}`)));
    });
    return running;
  }
}

/** Waits in seconds, so short that a run sees a schedule's end. */
const STEPS = [0, 1, 1, 2, 2, 4, 4, 8, 8, 15];

/** Steps at which a statement of the product can be stopped, by the keys of advisory locks. */
export const STOPS = {
  commit: 4711,
  'INSERT webhook_delivery': 4712,
  'INSERT webhook_attempt': 4713,
  'UPDATE webhook_attempt': 4714,
  'UPDATE webhook_recovery': 4715,
};

/**
 * What makes a transaction fail at its very end, as a full disk would: state and event have been written, and what is
 * marked as doomed is refused by the COMMIT. And what makes statements wait while somebody holds the lock of {@link STOPS}.
 */
const TRIGGERS = `
  CREATE FUNCTION doom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF to_jsonb(NEW)::text LIKE '%doomed-%' THEN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END IF;
    IF to_jsonb(NEW)::text LIKE '%dawdle-%' THEN PERFORM pg_advisory_xact_lock_shared(${STOPS.commit}); END IF;
    RETURN NULL;
  END $$;
  CREATE CONSTRAINT TRIGGER doom AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION doom();
  CREATE CONSTRAINT TRIGGER doom AFTER INSERT ON contact DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION doom();
  CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::bigint);
    RETURN NULL;
  END $$;
  ${Object.entries(STOPS)
    .map(([stop, key]) => [...stop.split(' '), key])
    .filter(([, table]) => typeof table === 'string')
    .map(
      ([verb, table, key]) => `CREATE TRIGGER stop_${verb} BEFORE ${verb} ON ${table}
        FOR EACH STATEMENT EXECUTE FUNCTION stop_here('${key}');`,
    )
    .join('\n')}`;

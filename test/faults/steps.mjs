// Kills and pauses at the very steps of a delivery. No product code takes part: a trigger with a lock stops a
// statement of the worker, a gate at the receiver stops its request, and there it is killed, stopped or cut off.
import pg from 'pg';
import { inDatabase } from '../support/servers.mjs';
import { LEASE, STOPS } from './stage.mjs';
import { sleep, startLine, until } from './servers.mjs';

/**
 * @typedef {import('./stage.mjs').Stage} Stage
 * @typedef {import('./stage.mjs').Endpoint} Endpoint
 * @typedef {{ step: string, hits: number }} Hit how many deliveries or statements were caught at the step
 */

const BURST = 12;

/**
 * Stops statements of the product at one step while `work` runs.
 * @template T @param {Stage} stage @param {keyof typeof STOPS} stop
 * @param {(caught: () => Promise<number>) => Promise<T>} work `caught` waits until some have been stopped
 */
export async function stoppedAt({ postgres, name }, stop, work) {
  const client = new pg.Client({ connectionString: inDatabase(postgres.adminUrl, name) });
  await client.connect();
  const waiting = `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  const caught = async () => (await client.query(waiting, [STOPS[stop]])).rows[0].n;
  try {
    await client.query('SELECT pg_advisory_lock($1)', [STOPS[stop]]);
    return await work(() => until(caught, `a statement stops at ${stop}`, 20_000));
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The receiver holds its answers until it is told. @param {Stage} stage @param {Endpoint} endpoint */
async function gated({ farm }, endpoint, /** @type {() => Promise<unknown>} */ write) {
  await farm.ask('route', { path: endpoint.path, kind: 'gate' });
  await write();
  return until(() => farm.ask('held', { path: endpoint.path }), 'requests are at the receiver');
}

const release = (/** @type {Stage} */ { farm }, /** @type {Endpoint} */ { path }) => farm.ask('release', { path });

/** @param {Stage} stage @param {import('./load.mjs').Load} load */
export const duringFanOut = (stage, load) =>
  stage.fault('worker killed during the fan-out', async () => {
    const hits = await stoppedAt(stage, 'INSERT webhook_delivery', async (caught) => {
      await load.burst(BURST);
      const found = await caught();
      await stage.killWorkers();
      return found;
    });
    await stage.startWorkers();
    return { step: 'during the fan-out', hits };
  });

/** The claim's commit is the last thing it does: its statement goes on without it. @param {Stage} stage @param {import('./load.mjs').Load} load */
export const afterClaim = (stage, load) =>
  stage.fault('worker killed after the claim', async () => {
    const since = await stoppedAt(stage, 'INSERT webhook_attempt', async (caught) => {
      const [{ now }] = await stage.sql('SELECT clock_timestamp()::text AS now');
      await load.burst(BURST);
      await caught();
      await stage.killWorkers();
      return now;
    });
    await sleep(500); // what was let go has committed
    const claimed = `SELECT count(*)::int AS hits FROM webhook_attempt WHERE outcome = 'open' AND started_at >= $1::timestamptz`;
    const [{ hits }] = await stage.sql(claimed, [since]);
    await stage.startWorkers();
    return { step: 'after the claim, before the send', hits };
  });

/** @param {Stage} stage @param {import('./load.mjs').Load} load @param {Endpoint} endpoint */
export const atReceiver = (stage, load, endpoint) =>
  stage.fault('worker killed while the receiver works', async () => {
    const hits = await gated(stage, endpoint, () => load.burst(BURST));
    await stage.killWorkers();
    await release(stage, endpoint);
    await stage.startWorkers();
    return { step: 'during the send', hits };
  });

/** @param {Stage} stage @param {import('./load.mjs').Load} load @param {Endpoint} endpoint */
export const beforeCompletion = (stage, load, endpoint) =>
  stage.fault('worker killed before the completion', async () => {
    await gated(stage, endpoint, () => load.burst(BURST));
    const hits = await stoppedAt(stage, 'UPDATE webhook_attempt', async (caught) => {
      const released = await release(stage, endpoint);
      await caught();
      await stage.killWorkers();
      return released;
    });
    await stage.startWorkers();
    return { step: 'after the send, before its completion', hits };
  });

/** Its requests are answered while it is stopped; it wakes when its leases are others'. @param {Stage} stage @param {import('./load.mjs').Load} load @param {Endpoint} endpoint */
export const stoppedBeyondLease = (stage, load, endpoint) =>
  stage.fault('worker stopped beyond its lease', async () => {
    const sleepers = [...stage.workers];
    const hits = await gated(stage, endpoint, () => load.burst(BURST));
    stage.stop(sleepers);
    await release(stage, endpoint);
    await stage.startWorker();
    await load.during(10, (LEASE + 3) * 1_000);
    stage.wake(sleepers);
    await load.during(10, 2_000);
    return { step: 'stopped beyond the lease', hits };
  });

/** Whether deliveries are under way again whose lease had run out. @param {Stage} stage @param {Endpoint} endpoint */
async function takenOver(stage, { uuid }) {
  const rows = await stage.sql(
    `SELECT 1 FROM webhook_delivery d
     JOIN webhook_attempt a ON a.delivery_id = d.id AND a.n = d.attempts AND a.outcome = 'open'
     JOIN webhook_attempt b ON b.delivery_id = d.id AND b.n = d.attempts - 1 AND b.outcome = 'interrupted'
     WHERE d.endpoint_id = $1 AND d.status = 'leased' LIMIT 1`,
    [uuid],
  );
  return rows.length > 0;
}

/**
 * It runs, has seen the 2xx and cannot reach the database. When it can again, another worker has its deliveries, and they
 * are at the receiver.
 * @param {Stage} stage @param {import('./load.mjs').Load} load @param {Endpoint} endpoint
 */
export const cutOffBeyondLease = (stage, load, endpoint) =>
  stage.fault('worker cut off from PostgreSQL beyond its lease', async () => {
    const line = await startLine(stage.databaseUrl);
    try {
      await stage.killWorkers();
      const cut = await stage.startWorker({ databaseUrl: line.url });
      const hits = await gated(stage, endpoint, () => load.burst(BURST));
      line.cut();
      stage.blows.push(Date.now());
      await release(stage, endpoint);
      await stage.farm.ask('route', { path: endpoint.path, kind: 'gate' });
      await stage.startWorkers();
      await until(() => takenOver(stage, endpoint), 'another worker has its deliveries', 90_000);
      line.mend();
      await sleep(1_500);
      await release(stage, endpoint);
      await stage.kill(cut);
      return { step: 'cut off beyond the lease', hits };
    } finally {
      line.close();
    }
  });

/** A worker that stops in the middle of a fan-out has the locks of its transaction. @param {Stage} stage @param {import('./load.mjs').Load} load */
export const stoppedDuringFanOut = (stage, load) =>
  stage.fault('worker stopped during the fan-out', async () => {
    const sleepers = [...stage.workers];
    const hits = await stoppedAt(stage, 'INSERT webhook_delivery', async (caught) => {
      await load.burst(BURST);
      const found = await caught();
      stage.stop(sleepers);
      return found;
    });
    await stage.startWorker();
    const since = performance.now();
    try {
      await stage.relayed();
    } finally {
      stage.takeOverMs = performance.now() - since;
      stage.wake(sleepers);
    }
    return { step: 'stopped during the fan-out', hits };
  });

/** Between the commit of a message and its answer; asked again, the answer is the same message. @param {Stage} stage @param {import('./load.mjs').Load} load */
export const apiInsideCommit = (stage, load) =>
  stage.fault('API killed between commit and answer', async () => {
    const text = `dawdle-${stage.faults.length}`;
    const hits = await stoppedAt(stage, 'commit', async (caught) => {
      const lost = stage.message(text, 1).catch(() => undefined);
      const found = await caught();
      if (stage.api) await stage.kill(stage.api);
      await lost;
      return found;
    });
    await stage.startApi();
    await stage.message(text, 1);
    load.promised.push(text);
    return { step: 'API between commit and answer', hits };
  });

// I13 and I14: where no connection goes, and how much of an answer is kept.
import { readFileSync } from 'node:fs';
import { verdict } from './invariants.mjs';
import { Load } from './load.mjs';
import { sleep, until } from './servers.mjs';

/** @typedef {import('./stage.mjs').Stage} Stage */

const MOST_MB = 50;

/** A private address that is not allowed has a listener; a redirect leads there, too. @param {Stage} stage */
export async function guarded(stage) {
  const endpoint = await stage.subscribe('private', 'ok', { config: { ordering: 'none' } });
  await stage.readdress(endpoint, stage.farm.trapUrl);
  await new Load(stage, 13).burst(10);
  const blocked = () =>
    stage.sql(
      `SELECT count(*)::int AS n FROM webhook_attempt a WHERE outcome = 'blocked_address'
       AND EXISTS (SELECT FROM webhook_delivery d WHERE d.id = a.delivery_id AND d.endpoint_id = $1)`,
      [endpoint.uuid],
    );
  await until(async () => (await blocked())[0].n >= 5, 'the private address is refused').catch(() => undefined);
  const [{ n }] = await blocked();
  await stage.readdress(endpoint);
  const redirects = await stage.farm.ask('requests', { path: `/${stage.name}/redirect` });
  const trapped = await stage.farm.ask('trapped');
  return verdict(
    'I13',
    'No connection to a private address',
    trapped === 0 && n > 0 && redirects > 0,
    `${trapped} connections to 127.0.0.2 after ${n} attempts to go there and ${redirects} redirects`,
  );
}

/** Bodies that never end and a megabyte of headers. @param {Stage} stage */
export async function memory(stage) {
  const load = new Load(stage, 14);
  await load.during(20, 5_000); // the workers are warm
  await stage.settled();
  const before = new Map(stage.workers.map((worker) => [worker, megabytes(worker.child.pid)]));
  const config = { ordering: 'none', steps: [0, 1] };
  const endless = await stage.subscribe('memory-endless', 'endless', { config });
  const headers = await stage.subscribe('memory-headers', 'headers', { config });
  let growth = 0;
  const watch = setInterval(() => {
    for (const [worker, size] of before) growth = Math.max(growth, megabytes(worker.child.pid) - size);
  }, 50);
  await load.during(30, 8_000);
  await sleep(2_000);
  clearInterval(watch);
  const [bodies, heads] = [await stage.farm.ask('requests', endless), await stage.farm.ask('requests', headers)];
  return verdict(
    'I14',
    'Memory stays bounded',
    growth < MOST_MB && bodies > 50 && heads > 50,
    `${growth.toFixed(0)} MB < ${MOST_MB} MB more in a worker, ${bodies} endless bodies and ${heads} times 1 MB of headers`,
  );
}

/** Resident memory. @param {number | undefined} pid */
const megabytes = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

// I11 and I12: what outlasts hours and the death of everything. Hours pass by setting rows back.
import { collect, expectedOf, isAccepted } from './evidence.mjs';
import { verdict } from './invariants.mjs';
import { Load } from './load.mjs';
import { sleep, until } from './servers.mjs';
import { stoppedAt } from './steps.mjs';

/** @typedef {import('./stage.mjs').Stage} Stage @typedef {import('./stage.mjs').Endpoint} Endpoint */

const STANDARD = { retryPolicy: 'standard', steps: undefined };
const QUARTERS = 8;
const KILLS = 3;
/** More than it takes to be disabled. */
const FAILURES = 25;

/** @param {Stage} stage @param {(what: string) => void} progress */
export async function surviving(stage, progress) {
  const load = new Load(stage, 11);
  const [outage, dead] = [
    await stage.subscribe('outage', 'fail', { config: { ...STANDARD, ordering: 'strict' } }),
    await stage.subscribe('dead', 'fail', { config: { ...STANDARD, ordering: 'none' } }),
  ];
  await load.burst(60);
  await until(
    async () => (await stage.farm.ask('requests', dead)) >= FAILURES,
    `the dead webhook has failed ${FAILURES} times`,
    90_000,
  );
  for (let quarter = 1; quarter <= QUARTERS; quarter++) {
    progress(`outage: ${quarter * 15} minutes`);
    await pass(stage, outage, '15 minutes');
    await sleep(1_500);
  }
  await pass(stage, dead, '121 hours');
  await stage.hurry([dead]);
  const disabled = await disabledIn(stage, dead, 20_000);
  const { same, kept, states } = await killedAll(stage);
  const drained = await recoversFrom(stage, outage);
  return verdict(
    'I11',
    'State survives the death of everything',
    same && kept && disabled && drained.exhausted + drained.others === 0 && drained.succeeded > 0,
    `${states.length} webhooks (${summary(states)}) ${same && kept ? 'equal' : 'CHANGED'} before and after; ` +
      `${disabled ? 'disabled' : 'NOT disabled'} after 121 h; after 2 h of outage ${drained.succeeded} of ` +
      `${drained.succeeded + drained.exhausted + drained.others} delivered, ${drained.exhausted} exhausted`,
  );
}

/** Time passes for one webhook. @param {Stage} stage @param {Endpoint} endpoint @param {string} interval */
async function pass(stage, { uuid }, interval) {
  const back = (/** @type {string[]} */ columns) => columns.map((one) => `${one} = ${one} - $2::interval`).join(', ');
  await stage.sql(
    `UPDATE webhook_delivery SET ${back(['next_attempt_at', 'first_attempt_at', 'last_attempt_at'])}
     WHERE endpoint_id = $1 AND status IN ('blocked','pending')`,
    [uuid, interval],
  );
  const times = ['first_failure_at', 'last_success_at'];
  for (const column of ['open_until', 'paused_until']) if (await stage.hasColumn(column)) times.push(column);
  await stage.sql(`UPDATE webhook_endpoint SET ${back(times)} WHERE id = $1`, [uuid, interval]);
}

/** @param {Stage} stage @param {Endpoint} endpoint @param {number} ms */
async function disabledIn(stage, { uuid }, ms) {
  const disabled = async () => (await states(stage)).some((one) => one.id === uuid && one.status === 'disabled');
  return until(disabled, 'it is disabled', ms).then(
    () => true,
    () => false,
  );
}

/** @param {Stage} stage @returns {Promise<any[]>} */
async function states(stage) {
  const rows = await stage.sql('SELECT to_jsonb(e) AS state FROM webhook_endpoint e ORDER BY id');
  return rows.map(({ state }) => state);
}

/** Everything dies and comes back. @param {Stage} stage */
function killedAll(stage) {
  return stage.fault('everything killed', async () => {
    await stage.killWorkers();
    if (stage.api) await stage.kill(stage.api);
    await sleep(300); // statements that were under way end by themselves
    const before = await states(stage);
    await Promise.all([stage.redis?.kill(), stage.postgres.restart()]);
    await stage.redis?.start();
    const after = await states(stage);
    const quiet = await refused(stage);
    await stage.startApi();
    await stage.startWorkers();
    await sleep(2_000);
    const later = await states(stage);
    const kept = later.every(({ status }, nth) => status === before[nth].status) && quiet === (await refused(stage));
    return { same: JSON.stringify(before) === JSON.stringify(after), kept, states: before };
  });
}

/** Requests at the webhook that is gone. @param {Stage} stage */
const refused = (stage) => stage.farm.ask('requests', { path: `/${stage.name}/gone` });

/** @param {readonly any[]} all */
function summary(all) {
  const disabled = all.filter(({ status }) => status === 'disabled').length;
  const open = all.filter(({ breaker }) => breaker === 'open').length;
  return `${disabled} disabled${all.some(({ breaker }) => breaker) ? `, ${open} with an open breaker` : ''}`;
}

/** @param {Stage} stage @param {Endpoint} endpoint */
async function recoversFrom(stage, endpoint) {
  await stage.farm.ask('route', { path: endpoint.path, kind: 'ok' });
  await finished(stage, endpoint);
  const rows = await stage.sql(
    `SELECT status, count(*)::int AS n FROM webhook_delivery WHERE endpoint_id = $1 GROUP BY status`,
    [endpoint.uuid],
  );
  const sums = { succeeded: 0, exhausted: 0, others: 0 };
  for (const { status, n } of rows) sums[status in sums ? /** @type {keyof typeof sums} */ (status) : 'others'] += n;
  return sums;
}

/** @param {Stage} stage @param {Endpoint} endpoint */
async function finished(stage, endpoint) {
  await stage.relayed();
  await until(
    async () => {
      await stage.hurry([endpoint]);
      await sleep(200);
      return (await stage.unfinished([endpoint])) === 0;
    },
    `${endpoint.name} has it all`,
    60_000,
  );
}

/** The job is stopped three times in the middle of its work, each time with the worker that did it. @param {Stage} stage @param {(what: string) => void} progress */
export async function recovered(stage, progress) {
  progress('a recovery, killed three times');
  const name = 'A recovery killed three times replays its set';
  const endpoint = await stage.subscribe('recover', 'fail', { config: { steps: [0], ordering: 'none' } });
  const since = new Date(Date.now() - 60_000).toISOString();
  await new Load(stage, 12).burst(150);
  await finished(stage, endpoint);
  await stage.farm.ask('route', { path: endpoint.path, kind: 'ok' });
  const body = { since, status: 'failed', events: ['message.*'] };
  const killed = await stage.fault('worker killed in a recovery', async () => {
    await stage.killWorkers();
    const job = await stage.call('POST', `/v1/webhooks/${endpoint.id}/recover`, body).catch(missing);
    let caught = 0;
    for (let n = 0; n < (job ? KILLS : 0); n++) {
      caught += await stoppedAt(stage, 'UPDATE webhook_recovery', async (waiting) => {
        await stage.startWorker();
        const found = await waiting().catch(() => 0);
        await stage.killWorkers();
        return Math.min(1, found);
      });
    }
    await stage.startWorkers();
    return { job, caught };
  });
  if (!killed.job) return verdict('I12', name, null, 'POST /v1/webhooks/:id/recover answers 404');
  const address = `/v1/webhooks/${endpoint.id}/recoveries/${killed.job.id}`;
  const job = await until(
    async () => (await stage.call('GET', address)).attributes.state !== 'running' && stage.call('GET', address),
    'the recovery ends',
    60_000,
  );
  await finished(stage, endpoint);
  const { arrivals, events } = await collect(stage);
  const wanted = expectedOf({ ...endpoint, events: ['message.*'] }, events).map(({ id }) => id);
  const got = new Set((arrivals.get(endpoint.path) ?? []).filter(isAccepted).map(({ id }) => id));
  const lost = wanted.filter((id) => !got.has(id)).length;
  const beside = got.size - (wanted.length - lost);
  return verdict(
    'I12',
    name,
    lost + beside === 0 && wanted.length > 0 && killed.caught === KILLS,
    `${wanted.length} failed messages, job ${job.attributes.state}, killed ${killed.caught} of ${KILLS} times at work: ` +
      `${lost} not replayed, ${beside} others replayed`,
  );
}

/** @param {any} error @returns {null} */
function missing(error) {
  if (error.status !== 404) throw error;
  return null;
}

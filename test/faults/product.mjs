// The run itself: one installation, its webhooks, the faults one by one, the mix, and the verdicts.
import { printNote, printTable } from '../bench/report.mjs';
import { isolated, oldestOpen, recovers, withoutRedis } from './clocks.mjs';
import { collect } from './evidence.mjs';
import { eachAlone, mix } from './faults.mjs';
import * as invariants from './invariants.mjs';
import { Load } from './load.mjs';
import { guarded, memory } from './limits.mjs';
import { recovered, surviving } from './spans.mjs';
import { sleep } from './servers.mjs';
import { Stage } from './stage.mjs';
import {
  afterClaim,
  apiInsideCommit,
  atReceiver,
  beforeCompletion,
  cutOffBeyondLease,
  duringFanOut,
  stoppedBeyondLease,
  stoppedDuringFanOut,
} from './steps.mjs';

/** @typedef {{ seed: number, strict: boolean, rate: number, outageMs: number, mixMs: number, kills: number, quietMs: number }} Size */

/** Webhooks that hang or drip, for the isolation: with ten slots each they leave a tenant a fifth of its hundred in a worker. */
const NOISE = 8;
/** What else a farm has: some hear of everything, those that never work of less, for it is all to be delivered at the end. */
const TROUBLED = ['tenth', 'flap', 'busy', 'endless'];
const BROKEN = ['hang', 'drip', 'reset', 'redirect', 'gone', 'headers'];
const SOME = { events: ['contact.*', 'conversation.*'] };

const DRAIN_MS = 240_000;
const STEPS = [
  duringFanOut,
  afterClaim,
  atReceiver,
  beforeCompletion,
  stoppedDuringFanOut,
  stoppedBeyondLease,
  cutOffBeyondLease,
  apiInsideCommit,
];

/** @param {import('./stage.mjs').Servers} servers @param {Size} size @param {(what: string) => void} progress */
export async function runProduct(servers, size, progress) {
  const stage = await Stage.open(servers, 'faults');
  try {
    const load = new Load(stage, size.seed);
    const { quiet, noisy, hits } = await perform(stage, load, size, progress);
    progress('memory');
    const heap = await memory(stage);
    progress('an outage of two hours, another of 120');
    const survived = await surviving(stage, progress);
    const replay = await recovered(stage, progress);
    const guard = await guarded(stage);
    progress('repairing the receivers');
    await drain(stage, progress);
    progress('collecting the evidence');
    const evidence = await collect(stage);
    const verdicts = [
      invariants.noLoss(evidence, await unkept(stage, load), load.promised.length),
      invariants.noPhantom(evidence, load.doomed, load.doomedPromises),
      invariants.sameBytes(evidence),
      invariants.boundedRepeats(evidence),
      invariants.fenced(evidence),
      invariants.completeLog(evidence, oldestOpen(evidence)),
      invariants.inOrder(evidence),
      withoutRedis(evidence, quiet),
      recovers(evidence, stage.takeOverMs),
      isolated(evidence, quiet, noisy, NOISE),
      survived,
      replay,
      guard,
      heap,
    ];
    printHits(hits, stage, load);
    printNote('\nThe invariants\n');
    invariants.printVerdicts(verdicts);
    const broken = verdicts.filter(({ id, ok }) => ok === false && (size.strict || !invariants.TIMED.has(id)));
    return broken.length === 0 && hits.every((hit) => hit.hits > 0);
  } catch (error) {
    console.error(stage.lastWords());
    throw error;
  } finally {
    await stage.close();
  }
}

/** @param {Stage} stage @param {Load} load @param {Size} size @param {(what: string) => void} progress */
async function perform(stage, load, size, progress) {
  const { rate } = size;
  progress('starting the workers');
  await stage.startWorkers();
  const conversation = await stage.subscribe('conversation', 'ok', { healthy: true });
  await stage.subscribe('strict', 'ok', { healthy: true, config: { ordering: 'strict' } });
  await stage.subscribe('unordered', 'ok', { healthy: true, config: { ordering: 'none' } });
  await stage.subscribe('messages', 'ok', { healthy: true, events: ['message.*'] });
  progress('quiet');
  await load.during(rate, 3_000); // warm
  await stage.settled();
  const quiet = await timed(() => load.during(rate, size.quietMs));
  await stage.settled();
  progress('noisy');
  const noise = [];
  for (let n = 0; n < NOISE; n++)
    noise.push(await stage.subscribe(`noise-${n}`, n % 2 ? 'hang' : 'drip', { config: { timeout: 5 } }));
  await load.during(rate, 2_000); // until they hang
  const noisy = await timed(() => load.during(rate, size.quietMs));
  await stage.settled();
  for (const endpoint of noise) await stage.deactivate(endpoint);
  for (const kind of TROUBLED) await stage.subscribe(kind, kind);
  for (const kind of BROKEN) await stage.subscribe(kind, kind, SOME);
  await stage.readdress(await stage.subscribe('nowhere', 'ok', SOME), 'http://receiver.invalid/');
  await load.during(rate, 3_000);
  const hits = [];
  for (const step of STEPS) {
    progress(step.name);
    hits.push(await step(stage, load, conversation));
  }
  await stage.settled();
  await eachAlone(stage, load, rate, size.outageMs, progress);
  await mix(stage, load, { ...size, ms: size.mixMs }, progress);
  await stage.settled();
  return { quiet, noisy, hits };
}

/** @param {() => Promise<unknown>} work */
async function timed(work) {
  const from = Date.now();
  await work();
  return { from, to: Date.now() };
}

/** Every receiver works again, and whatever waits for its time has it; what has no end in four minutes is I1's to tell. @param {Stage} stage @param {(what: string) => void} progress */
async function drain(stage, progress) {
  await stage.farm.ask('repair');
  for (const endpoint of stage.endpoints) await stage.readdress(endpoint);
  for (const end = Date.now() + DRAIN_MS; Date.now() < end;) {
    await stage.hurry();
    await sleep(500);
    const left = await stage.unfinished();
    if (left === 0) return;
    progress(`the receivers are repaired: ${left} deliveries to go`);
  }
}

/** Promised by a 2xx, and in no table. @param {Stage} stage @param {Load} load @returns {Promise<string[]>} */
async function unkept(stage, load) {
  const rows = await stage.sql(
    `SELECT name FROM unnest($1::text[]) AS name
     WHERE NOT EXISTS (SELECT FROM message m WHERE m.external_id = name)
       AND NOT EXISTS (SELECT FROM contact c WHERE c.external_id = name)`,
    [load.promised],
  );
  return rows.map(({ name }) => name);
}

/** @param {readonly import('./steps.mjs').Hit[]} hits @param {Stage} stage @param {Load} load */
function printHits(hits, stage, load) {
  printTable('Faults at the steps of a delivery', [
    ['step', 'caught there'],
    ...hits.map(({ step, hits: caught }) => [step, String(caught)]),
  ]);
  console.log(
    `\n${stage.faults.length} faults, ${stage.kills} processes killed; ${load.sent} transactions: ` +
      `${load.promised.length} promised, ${load.doomed} rolled back, ${load.unanswered} refused or not answered`,
  );
}

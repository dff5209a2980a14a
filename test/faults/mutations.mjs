// Can the suite fail? The product is made worse in three ways, each in a copy of the build or in its database alone, and
// each must turn the invariant red that guards against it, in a scenario that the product itself passes.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { printNote } from '../bench/report.mjs';
import { root } from '../support/servers.mjs';
import { collect } from './evidence.mjs';
import * as invariants from './invariants.mjs';
import { Load } from './load.mjs';
import { until } from './servers.mjs';
import { Stage } from './stage.mjs';
import { cutOffBeyondLease } from './steps.mjs';

/** @typedef {import('./stage.mjs').Servers} Servers @typedef {(stage: Stage, load: Load) => Promise<void>} Scenario */

/**
 * @typedef {object} Mutation
 * @property {string} name
 * @property {string} red the invariant that must see it
 * @property {Scenario} scenario
 * @property {[file: string, from: RegExp, to: string][]} [patches] of files below dist; one that fits nowhere fails the run
 * @property {string} [sql]
 */

/** @type {Mutation[]} */
const MUTATIONS = [
  {
    name: 'no fence: a result counts whoever holds the lease',
    red: 'I5',
    patches: [['libs/webhooks/settlement.js', /AND d\.lease_token = (r|next)\.lease_token/g, '']],
    scenario: async (stage, load) => {
      const endpoint = await stage.subscribe('late', 'ok', { healthy: true });
      await cutOffBeyondLease(stage, load, endpoint);
    },
  },
  {
    name: 'no outbox transaction: the event is committed by itself',
    red: 'I2',
    patches: [
      [
        'libs/events/outbox.js',
        /await tx\.query\((statement\([^;]*), values\);/g,
        'await (event.conversationId === null ? this.signal.db.transaction(event.author.organizationId, (own) => ' +
          'own.query($1, values)) : tx.query($1, values));',
      ],
    ],
    scenario: async (stage, load) => {
      await stage.subscribe('all', 'ok', { healthy: true });
      load.contacts = 1;
      for (let n = 0; n < 80; n++) await load.burst(1); // one by one: each takes two of the API's few connections
    },
  },
  {
    name: 'no unique delivery: an event is fanned out twice',
    red: 'I1',
    sql: `DO $$ DECLARE c record; BEGIN
      FOR c IN SELECT conrelid::regclass AS owner, conname FROM pg_constraint
        WHERE conrelid IN (SELECT relid FROM pg_partition_tree('webhook_delivery')) AND contype IN ('p','u') AND coninhcount = 0
      LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', c.owner, c.conname);
      END LOOP;
    END $$`,
    scenario: async (stage, load) => {
      const endpoint = await stage.subscribe('twice', 'gate', { healthy: true });
      await load.burst(20);
      await until(() => stage.farm.ask('held', endpoint), 'requests are at the receiver');
      await stage.sql('UPDATE event SET fanned_out_at = NULL WHERE position > $1', [endpoint.from]);
      await stage.relayed();
      await stage.farm.ask('release', endpoint);
    },
  },
];

/** @param {Servers} servers @param {{ seed: number }} options @param {(what: string) => void} progress */
export async function runMutations(servers, { seed }, progress) {
  /** @type {invariants.Verdict[]} */
  const verdicts = [];
  printNote('\nThe mutations\n');
  for (const [nth, mutation] of MUTATIONS.entries()) {
    progress(`mutation: ${mutation.name}`);
    const [healthy, sick] = await Promise.all([
      judge(servers, `control_${nth}`, { ...mutation, patches: [], sql: '' }, seed),
      judge(servers, `mutant_${nth}`, mutation, seed),
    ]);
    const noticed = sick.some(({ id, ok }) => id === mutation.red && ok === false);
    const spared = healthy.filter(({ ok }) => ok === false);
    const seen = sick.find(({ id }) => id === mutation.red)?.figure;
    const others = sick.filter(({ id, ok }) => ok === false && id !== mutation.red).map(({ id }) => id);
    verdicts.push(
      invariants.verdict(
        `M${nth + 1}`,
        mutation.name,
        noticed && spared.length === 0,
        `${noticed ? 'seen by' : 'NOT SEEN by'} ${[mutation.red, ...others].join(', ')}: ${seen}` +
          spared.map(({ id, figure }) => `; without it ${id} FAILS, too: ${figure}`).join(''),
      ),
    );
    invariants.printVerdicts(verdicts.slice(-1));
  }
  return verdicts.every(({ ok }) => ok);
}

/** @param {Servers} servers @param {string} name @param {Mutation} mutation @param {number} seed */
async function judge(servers, name, { patches = [], sql, scenario }, seed) {
  const dist = patches.length > 0 ? patched(servers.postgres.dataDir, name, patches) : undefined;
  const stage = await Stage.open({ ...servers, redis: null }, name, dist);
  try {
    if (sql) await stage.sql(sql);
    stage.crew = 1;
    await stage.startWorkers();
    const load = new Load(stage, seed);
    await scenario(stage, load);
    await stage.settled(45_000).catch(() => undefined); // a sick one may never settle: the verdict says so
    const evidence = await collect(stage);
    return [
      invariants.noLoss(evidence, [], load.promised.length),
      invariants.noPhantom(evidence, load.doomed, load.doomedPromises),
      invariants.sameBytes(evidence),
      invariants.boundedRepeats(evidence),
      invariants.fenced(evidence),
      invariants.inOrder(evidence),
    ];
  } catch (error) {
    console.error(stage.lastWords());
    throw error;
  } finally {
    await stage.close();
  }
}

/** A copy of the build with other words in it. @param {string} folder @param {string} name @param {NonNullable<Mutation['patches']>} patches @throws Error when a patch fits nowhere */
function patched(folder, name, patches) {
  const home = path.join(folder, name);
  mkdirSync(home);
  cpSync(path.join(root, 'dist'), path.join(home, 'dist'), { recursive: true });
  cpSync(path.join(root, 'package.json'), path.join(home, 'package.json'));
  symlinkSync(path.join(root, 'node_modules'), path.join(home, 'node_modules'));
  for (const [file, from, to] of patches) {
    const place = path.join(home, 'dist', file);
    const before = readFileSync(place, 'utf8');
    const after = before.replace(from, to);
    if (after === before) throw new Error(`The mutation does not fit ${file} any more: ${from}`);
    writeFileSync(place, after);
  }
  return path.join(home, 'dist');
}

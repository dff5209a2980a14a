// What the lists of an inbox cost, call by call, and whether that grows with the inbox or with the depth of the page.
import pg from 'pg';
import { callsOn } from './lists-calls.mjs';
import { closedLoop, httpClient, median, percentile } from './load.mjs';
import { explaining, verdict } from './plans.mjs';
import { fixed, printNote, printTable, progressBar, whole } from './report.mjs';
import { makeSite, startProcess, withProcesses } from './stack.mjs';

/**
 * @typedef {{ name: string, path: string, samples: number[], bare: number[], rows: number, total?: number,
 *   ran: import('./plans.mjs').Ran[] }} Subject
 * @typedef {{ size: number, site: import('./stack.mjs').Site, client: ReturnType<typeof httpClient>, subjects: Subject[] }} Inbox
 */

/** @param {import('./stack.mjs').Bench} bench */
export async function run(bench) {
  const limits = bench.quick ? { rounds: 1, ms: 60, count: 20 } : { rounds: 4, ms: 1_000, count: 150 };
  const sites = [];
  for (const size of bench.sizes) sites.push(await makeSite(bench, `bench_lists_${size}`, size));
  await withProcesses(
    sites.map((site) => startProcess(bench, 'api', site)),
    async (...apis) => {
      /** @type {Inbox[]} */
      const inboxes = [];
      for (const [i, size] of bench.sizes.entries()) {
        const client = httpClient(apis[i].url, 1);
        const calls = callsOn(size);
        const subjects = calls.map(([name, path]) => ({ name, path, samples: [], bare: [], rows: 0, ran: [] }));
        inboxes.push({ size, site: sites[i], client, subjects });
      }
      for (const inbox of inboxes) await explain(bench, inbox);
      for (let round = 0; round <= limits.rounds; round++) await measure(bench, inboxes, round, limits);
      for (const inbox of inboxes) await measureBare(bench, inbox, limits);
      await Promise.all(inboxes.map(({ client }) => client.close()));
      show(inboxes, limits);
    },
  );
}

const names = (/** @type {Inbox[]} */ inboxes) => [
  ...new Set(inboxes.flatMap(({ subjects }) => subjects.map(({ name }) => name))),
];
const named = (/** @type {Inbox} */ { subjects }, /** @type {string} */ wanted) =>
  subjects.find(({ name }) => name === wanted);

/** @param {import('./stack.mjs').Bench} bench @param {Inbox} inbox */
async function explain(bench, { size, site, client, subjects }) {
  await explaining(bench, site, async (ranBy) => {
    for (const [i, subject] of subjects.entries()) {
      progressBar(`lists: statements of ${size} conversations`, i, subjects.length);
      bench.stop.throwIfAborted();
      subject.ran = await ranBy(async () => {
        const { data, meta } = JSON.parse(await client.send('GET', subject.path, site.headers));
        subject.rows = Array.isArray(data) ? data.length : (data.relationships?.messages.length ?? 1);
        subject.total = meta.pagination?.totalCount;
      });
    }
  });
}

/**
 * Sizes take turns, call by call, so that what else the machine does meets all of them.
 * @param {import('./stack.mjs').Bench} bench @param {Inbox[]} inboxes @param {number} round the first is to warm up
 * @param {{ rounds: number, ms: number, count: number }} limits
 */
async function measure({ stop }, inboxes, round, { rounds, ms, count }) {
  const all = names(inboxes);
  for (const [i, name] of all.entries()) {
    progressBar(`lists: round ${round} of ${rounds}`, i, all.length);
    for (const inbox of inboxes) {
      const subject = named(inbox, name);
      if (!subject) continue;
      const limits = { concurrency: 1, ms: round ? ms : ms / 4, count, stop };
      const send = () => inbox.client.send('GET', subject.path, inbox.site.headers);
      const { latencies } = await closedLoop(limits, send);
      if (round) subject.samples.push(...latencies);
    }
  }
}

const isKey = (/** @type {import('./plans.mjs').Ran} */ { text }) => /FROM api_key|"rate_limit"/.test(text);
const isTotal = (/** @type {import('./plans.mjs').Ran} */ { text }) => /^\s*SELECT count\(\*\)/.test(text);

/**
 * The ceiling: what the call asked for, without its total, said to PostgreSQL directly: prepared, on one connection, by
 * a role that no policy binds.
 * @param {import('./stack.mjs').Bench} bench @param {Inbox} inbox @param {{ ms: number, count: number }} limits
 */
async function measureBare({ stop }, { size, site, subjects }, { ms, count }) {
  const client = new pg.Client({ connectionString: site.adminUrl });
  await client.connect();
  try {
    await client.query(`SELECT set_config('switchboard.organization', $1, false)`, [site.organizationId]);
    for (const [s, { ran, bare }] of subjects.entries()) {
      progressBar(`lists: bare statements of ${size} conversations`, s, subjects.length);
      const page = ran.filter((one) => !isKey(one) && !isTotal(one));
      const ask = async () => {
        for (const [i, { text, values }] of page.entries())
          await client.query({ name: `bare-${s}-${i}`, text, values });
      };
      await closedLoop({ concurrency: 1, ms: ms / 4, count: 10, stop }, ask);
      bare.push(...(await closedLoop({ concurrency: 1, ms, count, stop }, ask)).latencies);
    }
  } finally {
    await client.end();
  }
}

/** @param {Inbox[]} inboxes @param {{ rounds: number, ms: number, count: number }} limits */
function show(inboxes, { rounds, ms, count }) {
  const [small, large] = [inboxes[0], inboxes[inboxes.length - 1]];
  const sizes = inboxes.map(({ size }) => whole(size));
  const ratio = (/** @type {number} */ share, /** @type {string} */ name) =>
    fixed(
      percentile(named(large, name)?.samples ?? [], share) / percentile(named(small, name)?.samples ?? [], share),
      2,
    );
  printTable(
    `lists: ${sizes.join(', ')} conversations of ten messages, one caller, ms, ${rounds} rounds of ${count} calls or ${ms / 1000} s`,
    [
      [
        '',
        ...sizes.flatMap((size) => [`${size}: p50`, 'p99']),
        `${sizes.at(-1)}/${sizes[0]}: p50`,
        'p99',
        'bare SQL',
        'API/bare',
      ],
      ...names(inboxes).map((name) => {
        const { samples = [], bare = [] } = named(large, name) ?? {};
        return [
          name,
          ...inboxes.flatMap((inbox) => {
            const own = named(inbox, name)?.samples ?? [];
            return [fixed(median(own), 2), fixed(percentile(own, 0.99), 2)];
          }),
          ratio(0.5, name),
          ratio(0.99, name),
          fixed(median(bare), 2),
          fixed(median(samples) / median(bare), 2),
        ];
      }),
    ],
  );
  printNote(
    '\nBare SQL: p50 of the same statements without the total, by pg directly, prepared, without row-level security.',
  );
  printTable(`lists: statements of one call of ${whole(large.size)}, its total not known yet`, [
    ['', 'rows', 'total', 'statements', 'and for the caller', 'page ms', 'total ms'],
    ...large.subjects.map(({ name, rows, total, ran }) => {
      const sum = (/** @type {import('./plans.mjs').Ran[]} */ some) => fixed(some.reduce((all, { ms }) => all + ms, 0));
      const own = ran.filter((one) => !isKey(one));
      return [
        name,
        String(rows),
        total === undefined ? '' : whole(total),
        String(own.length),
        String(ran.length - own.length),
        sum(own.filter((one) => !isTotal(one))),
        own.some(isTotal) ? sum(own.filter(isTotal)) : '',
      ];
    }),
  ]);
  printNote(`\nPlans at ${whole(large.size)}:`);
  for (const { name, ran } of large.subjects) {
    printNote(`  ${name}`);
    for (const one of ran.filter((one) => !isKey(one)))
      printNote(`    ${isTotal(one) ? 'total' : 'page '} ${fixed(one.ms, 1).padStart(7)} ms  ${verdict(one.plan)}`);
  }
}

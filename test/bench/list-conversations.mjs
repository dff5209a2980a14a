// What GET /v1/conversations costs on a large inbox, and whether it grows with the inbox.
import { built } from '../support/servers.mjs';
import { closedLoop, httpClient, median, percentile } from './load.mjs';
import { explained, verdict } from './plans.mjs';
import { fixed, printNote, printTable, progress, whole } from './report.mjs';
import { seededId } from './seed.mjs';
import { makeSite, startProcess, withProcesses } from './stack.mjs';

const { encodeId } = await built('libs/platform/ids.js');
const PER_PAGE = 20;

/** @param {number} size @returns {[string, Record<string, string>][]} */
const queries = (size) => [
  ['first page', {}],
  ['status=open', { status: 'open' }],
  ['assigneeId', { assigneeId: encodeId('user', seededId('user', 7)) }],
  ['contactId', { contactId: encodeId('contact', seededId('contact', 7)) }],
  ['sortBy=lastMessageAt', { sortBy: 'lastMessageAt' }],
  ['page 100', { page: '100' }],
  ['last page', { page: String(size / PER_PAGE) }],
  ['search, a full name', { search: 'Maria Oliveira' }],
  ['search, a first name', { search: 'maria' }],
  ['search, two letters', { search: 'zz' }],
];

/** @typedef {{ name: string, path: string, samples: number[], rows: number, total: number, ran: import('./plans.mjs').Ran[] }} Query */

/** @param {import('./stack.mjs').Bench} bench */
export async function run(bench) {
  const sizes = bench.quick ? [1_000, 10_000] : [10_000, 100_000];
  const [rounds, ms] = bench.quick ? [1, 200] : [3, 700];
  const sites = [];
  for (const size of sizes) sites.push(await makeSite(bench, `bench_list_${size}`, size));
  await withProcesses(
    sites.map((site) => startProcess(bench, 'api', site)),
    async (...apis) => {
      const inboxes = sizes.map((size, i) => ({
        size,
        site: sites[i],
        client: httpClient(apis[i].url, 1),
        queries: queries(size).map(([name, query]) => ({
          name,
          path: `/v1/conversations?${String(new URLSearchParams(query))}`,
          samples: /** @type {number[]} */ ([]),
          rows: 0,
          total: 0,
          ran: /** @type {import('./plans.mjs').Ran[]} */ ([]),
        })),
      }));
      for (const { client, site, queries, size } of inboxes.slice(-1))
        for (const query of queries) {
          progress(`list-conversations: plans of ${size} conversations: ${query.name}`);
          bench.stop.throwIfAborted();
          const get = () => client.send('GET', query.path, site.headers);
          query.ran = await explained(bench, site, async () => {
            const { data, meta } = JSON.parse(await get());
            query.rows = data.length;
            query.total = meta.totalCount ?? meta.pagination?.totalCount;
          });
        }
      for (let round = 0; round <= rounds; round++)
        for (let q = 0; q < inboxes[0].queries.length; q++)
          for (const { client, site, queries, size } of inboxes) {
            const query = queries[q];
            progress(`list-conversations: round ${round} of ${rounds}, ${size} conversations: ${query.name}`);
            const limits = { concurrency: 1, ms: round ? ms : ms / 4, count: 200, stop: bench.stop };
            const { latencies } = await closedLoop(limits, () => client.send('GET', query.path, site.headers));
            if (round) query.samples.push(...latencies); // the first is to warm up
          }
      await Promise.all(inboxes.map(({ client }) => client.close()));
      show(
        sizes,
        inboxes.map(({ queries }) => queries),
      );
    },
  );
}

/** @param {number[]} sizes @param {Query[][]} inboxes */
function show(sizes, [small, large]) {
  const figures = (/** @type {Query} */ { samples }) => [
    fixed(median(samples), 2),
    fixed(percentile(samples, 0.99), 2),
  ];
  printTable(
    `list-conversations: ${sizes.map(whole).join(' and ')} conversations, one caller, totals above 10,000 cached for 10 s`,
    [
      [
        '',
        ...sizes.flatMap((size) => [`${whole(size)}: p50`, 'p99 ms']),
        'p50 ratio',
        'rows',
        'total',
        'SQL statements',
      ],
      ...small.map((one, i) => [
        one.name,
        ...figures(one),
        ...figures(large[i]),
        fixed(median(large[i].samples) / median(one.samples), 2),
        String(large[i].rows),
        whole(large[i].total),
        String(large[i].ran.length),
      ]),
    ],
  );
  printNote(`\nPlans at ${whole(sizes[1])}, with the total not cached:`);
  for (const { name, ran } of large) {
    printNote(`  ${name}`);
    for (const { text, ms, plan } of ran) {
      if (/FROM api_key/.test(text)) continue;
      printNote(`    ${/count\(\*\)/.test(text) ? 'total' : 'page '} ${fixed(ms, 1).padStart(7)} ms  ${verdict(plan)}`);
    }
  }
}

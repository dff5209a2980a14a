// The tenant wall statement by statement, on one connection, without HTTP: what the API's calls are made of.
import pg from 'pg';
import { built } from '../support/servers.mjs';
import { closedLoop, median } from './load.mjs';
import { recordStatements } from './message-statements.mjs';
import { fixed, printNote, printTable, progress } from './report.mjs';
import { seededId } from './seed.mjs';
import { COSTS, costs, inSets, STATES } from './wall-states.mjs';

const { ConversationsQueries } = await built('libs/conversations/conversations.queries.js');
const { queryScoped } = await built('libs/model/scoped-query.js');
const { newId } = await built('libs/platform/ids.js');
const PER_PAGE = 20;

/**
 * @typedef {{ name?: string, text: string, values: unknown[] }} Statement prepared where it has a name
 * @typedef {{ title: string, next: () => Statement, sets: number[][], plans: Plan[] }} Subject
 * @typedef {{ planning: number, execution: number }} Plan milliseconds
 */

/**
 * @param {import('./stack.mjs').Bench} bench @param {import('./stack.mjs').Site} site
 * @param {import('./wall-states.mjs').Wall} wall @param {string} search
 */
export async function measureStatements({ quick, stop }, site, wall, search) {
  const [sets, ms, explains] = quick ? [2, 80, 10] : [10, 400, 60];
  const subjects = await subjectsOf(site, search, wall);
  const options = '-c synchronous_commit=off';
  const client = new pg.Client({ connectionString: site.databaseUrl, options, pipeline: true });
  await client.connect();
  try {
    for (const subject of subjects) {
      progress(`wall: ${subject.title}`);
      subject.plans = [];
      for (const up of [true, false]) {
        await wall.set(up);
        subject.plans.push(await explain(client, site, subject, explains));
      }
      subject.sets = await inSets(sets, async (state) => {
        stop.throwIfAborted();
        await wall.set(state === 0);
        await client.query(state === 2 ? tenant(site, 'SESSION') : 'RESET switchboard.organization');
        const send = () => (state === 2 ? client.query(subject.next()) : scoped(client, site, subject.next()));
        const loop = (/** @type {number} */ ms) => closedLoop({ concurrency: 1, ms, stop }, send);
        await loop(ms / 4);
        return median((await loop(ms)).latencies);
      });
    }
  } finally {
    await client.end();
    await wall.set(true);
  }
  show(subjects, sets, ms);
}

/** As the product sends it. @param {pg.Client} client @param {import('./stack.mjs').Site} site @param {Statement} statement */
const scoped = (client, { organizationId }, statement) =>
  queryScoped(client, { setting: 'organization', value: organizationId }, statement);

/** @param {import('./stack.mjs').Site} site @param {'LOCAL' | 'SESSION'} until */
const tenant = ({ organizationId }, until) => `SET ${until} switchboard.organization = '${organizationId}'`;

/** @param {pg.Client} client @param {import('./stack.mjs').Site} site @param {Subject} subject @param {number} times @returns {Promise<Plan>} */
async function explain(client, site, subject, times) {
  const [planning, execution] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  for (let i = 0; i < times; i++) {
    const { text, values } = subject.next();
    await client.query(`BEGIN; ${tenant(site, 'LOCAL')}`);
    const { rows } = await client.query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`, values);
    await client.query('ROLLBACK');
    const [plan] = rows[0]['QUERY PLAN'];
    planning.push(plan['Planning Time']);
    execution.push(plan['Execution Time']);
  }
  return { planning: median(planning), execution: median(execution) };
}

/** Recorded from the product itself. @param {import('./stack.mjs').Site} site @param {string} search @param {import('./wall-states.mjs').Wall} wall @returns {Promise<Subject[]>} */
async function subjectsOf(site, search, wall) {
  const [page, total, rows] = await recordList(site, {});
  const [openPage, openTotal] = await recordList(site, { status: 'open' });
  const [found, foundTotal] = await recordList(site, { search });
  const { target, write } = await recordStatements(
    site.organizationId,
    site.headers['authorization'].slice('Bearer '.length),
  );
  const [{ id: conversation }] = await wall.query(
    `SELECT id FROM conversation WHERE organization_id = '${site.organizationId}' AND status = 'open' ORDER BY id LIMIT 1`,
  );
  const [{ number: last }] = await wall.query('SELECT coalesce(max(number), 0)::int AS number FROM message');
  let number = Number(last) + 1_000_000_000; // a message of its own each time
  const varied =
    (/** @type {import('./message-statements.mjs').Statement} */ { name, text, values, varying }) =>
    () => {
      const fresh = { conversation, message: newId(), event: newId(), number: number++ };
      return { name, text, values: values.map((value, i) => (varying[i] ? fresh[varying[i]] : value)) };
    };
  const same = (/** @type {Statement} */ statement) => () => statement;
  /** @type {[string, () => Statement][]} */
  const all = [
    ['list: ids of a page', same(page)],
    ['list: total', same(total)],
    ['list: rows of a page (prepared)', same(rows)],
    ['list, status=open: ids', same(openPage)],
    ['list, status=open: total', same(openTotal)],
    ['list, search: ids', same(found)],
    ['list, search: total', same(foundTotal)],
    ['message: its conversation (prepared)', varied(target)],
    ['message: write (prepared)', varied(write)],
  ];
  return all.map(([title, next]) => ({ title, next, sets: [], plans: [] }));
}

/** @param {import('./stack.mjs').Site} site @param {object} filter @returns {Promise<Statement[]>} */
async function recordList({ organizationId }, filter) {
  /** @type {Statement[]} */
  const recorded = [];
  const ids = Array.from({ length: PER_PAGE }, (_, i) => ({ id: seededId('conversation', i + 1) }));
  const reader = {
    query: async (/** @type {string} */ text, /** @type {unknown[]} */ values) => {
      recorded.push({ text, values });
      return /count\(\*\)/.test(text) ? [{ n: PER_PAGE }] : ids;
    },
    prepared: async (/** @type {Statement} */ statement, /** @type {unknown[]} */ values) => {
      recorded.push({ ...statement, values });
      return [];
    },
  };
  const request = { page: 1, perPage: PER_PAGE, sortBy: 'updatedAt', sortOrder: 'desc', ...filter };
  await new ConversationsQueries({ reader: () => reader }).listConversations(organizationId, request);
  if (recorded.length !== 3)
    throw new Error(`A list takes ${recorded.length} statements now: bring this file up to date`);
  return recorded;
}

/** @param {Subject[]} subjects @param {number} sets @param {number} ms */
function show(subjects, sets, ms) {
  const micro = (/** @type {number} */ ms) => fixed(ms * 1_000, 0);
  printTable(
    `wall by statement: one connection, commits not waited for, median us of ${sets} sets of ${STATES.length} x ${ms / 1000} s`,
    [
      ['', ...STATES, ...COSTS],
      ...subjects.map(({ title, sets }) => [
        title,
        ...STATES.map((_, state) => micro(median(sets.map((set) => set[state])))),
        ...costs(sets),
      ]),
    ],
  );
  printTable('wall by EXPLAIN ANALYZE: us with policies, and without', [
    ['', 'planning', 'without', 'execution', 'without'],
    ...subjects.map(({ title, plans: [up, down] }) => [
      title,
      ...[up.planning, down.planning, up.execution, down.execution].map(micro),
    ]),
  ]);
  printNote('\nWhat is prepared is planned once per connection, the rest with every call.');
}

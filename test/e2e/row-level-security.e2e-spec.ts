import { jest } from '@jest/globals';
import pg from 'pg';
import { createDataSource } from '@hub/model/data-source.js';
import { whyWallIsOpen } from '@hub/model/tenant-wall.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { ApiClient } from '../support/api-client.js';
import { maintain } from '../support/database.js';
import { startHub, type Hub } from '../support/harness.js';
import { startProcess } from '../support/processes.js';
import { Subscriber } from '../support/subscriber.js';
import { MARK, populate } from './route-walk-fixtures.js';

jest.setTimeout(120_000);

/** Tables that are no tenant's: each named on purpose. */
const GLOBAL = ['login_failure', 'migrations', 'organization', 'rate_limit', 'signing_key'];

/** The system jobs, and all the tables that each may see. */
const JOBS: Readonly<Record<string, readonly string[]>> = {
  authenticate: ['api_key', 'password_token', 'refresh_token', 'session', 'users'],
  bootstrap: ['api_key', 'organization'],
  health: ['event'],
  idempotency: ['idempotency_key'],
  lanes: ['event', 'webhook_attempt', 'webhook_delivery', 'webhook_endpoint'],
  media: ['attachment'],
  relay: ['automation_rule', 'event', 'routing_rule', 'service_level', 'webhook_delivery', 'webhook_endpoint'],
  reseal: ['bot', 'channel', 'webhook_endpoint'],
  routing: ['agent_state', 'event_task', 'offer', 'queue', 'queue_item', 'sla_timer'],
  schedule: [],
  signing: [],
  snooze: [],
};

/** Jobs that may add lines to a table which they cannot read. */
const WRITES: Readonly<Record<string, readonly string[]>> = {
  bootstrap: ['audit_log'],
  lanes: ['audit_log'],
  relay: ['event_task'],
};

/** Functions that run as the owner and so see through the wall: each has a test of its own. */
const DEFINERS = [
  'contacts_matching',
  'contacts_tagged',
  'conversations_matching',
  'count_load',
  'count_offers',
  'leave_queue',
  'left_behind',
  'messages_due',
  'messages_matching',
  'returns_due',
  'snoozes_due',
  'tickets_matching',
];

/** Jobs that see nothing but what such a function tells them. */
const BY_FUNCTION = ['schedule', 'snooze'];

/** Raw SQL as the role that the processes use, against two organizations that have rows in every table. */
describe('row-level security', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let app: pg.Client;
  let mine: string;
  let other: string;
  /** Every table with an `organization_id`, from the catalogue: a new table is covered by being there. */
  let tables: string[];
  /** Tables whose primary key does not begin with the organization. */
  let loose: object[];
  /** Rows of the first organization by table, as the owner counts them. */
  let rows: Map<string, number>;

  beforeAll(async () => {
    [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
    const stranger = await hub.newOrganization(`${MARK} inc`);
    await furnish(hub, hub.admin, subscriber, 'goldfish');
    await furnish(hub, stranger, subscriber, MARK);
    [mine, other] = [v1.uuid(hub.admin.organizationId), v1.uuid(stranger.organizationId)];
    const found = await hub.sql<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`,
    );
    tables = found.map(({ name }) => name);
    loose = await hub.sql(
      `SELECT c.relname AS name FROM pg_class c
       LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
       WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1) AND a.attname IS DISTINCT FROM 'organization_id'`,
      [tables],
    );
    await fillEmpty(hub, tables, [mine, other]);
    rows = new Map();
    for (const table of tables) {
      const counted = await hub.sql<{ mine: number; others: number }>(
        `SELECT count(*) FILTER (WHERE organization_id = $1)::int AS mine,
           count(*) FILTER (WHERE organization_id <> $1)::int AS others FROM "${table}"`,
        [mine],
      );
      expect({ table, both: (counted[0]?.mine ?? 0) > 0 && (counted[0]?.others ?? 0) > 0 }).toEqual({
        table,
        both: true,
      });
      rows.set(table, counted[0]?.mine ?? 0);
    }
    app = new pg.Client({ connectionString: hub.database.databaseUrl });
    await app.connect();
  });
  afterAll(async () => {
    await app.end();
    await hub.stop();
    await subscriber.stop();
  });

  /** The statements in one transaction that is taken back, under these settings. @returns the last one's answer or its error's code */
  async function attempt(settings: Record<string, string>, text: string, values: unknown[] = []): Promise<Attempt> {
    await app.query('BEGIN');
    try {
      for (const [name, value] of Object.entries(settings)) {
        await app.query('SELECT set_config($1, $2, true)', [`switchboard.${name}`, value]);
      }
      const { rows, rowCount } = await app.query<Record<string, unknown>>(text, values);
      return { rows, count: rowCount ?? 0, code: null };
    } catch (error) {
      return { rows: [], count: 0, code: (error as { code: string }).code };
    } finally {
      await app.query('ROLLBACK');
    }
  }

  const asMine = (text: string, values: unknown[] = []): Promise<Attempt> =>
    attempt({ organization: mine }, text, values);

  async function complaintsOf(check: (table: string) => Promise<string | false>): Promise<string[]> {
    const found: string[] = [];
    for (const table of tables) {
      const complaint = await check(table);
      if (complaint) found.push(`${table}: ${complaint}`);
    }
    return found;
  }

  it('covers every table, or somebody has decided otherwise', async () => {
    const all = await hub.sql<{ name: string; guarded: boolean }>(
      `SELECT relname AS name, relrowsecurity AS guarded FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1`,
    );
    expect(all.map(({ name }) => name).filter((name) => !tables.includes(name))).toEqual(GLOBAL);
    expect(all.filter(({ guarded }) => !guarded).map(({ name }) => name)).toEqual(['migrations', 'rate_limit']);
    expect(tables.length).toBeGreaterThan(14);
    expect(loose).toEqual([]);
  });

  it('shows a tenant its own rows and no other, without a WHERE', async () => {
    const complaints = await complaintsOf(async (table) => {
      const { rows: seen, code } = await asMine(`SELECT organization_id AS id FROM "${table}"`);
      const foreign = seen.filter(({ id }) => id !== mine).length;
      return (
        (code !== null && `error ${code}`) ||
        (foreign > 0 && `${foreign} foreign rows`) ||
        (seen.length !== rows.get(table) && `${seen.length} of ${rows.get(table)} own rows`)
      );
    });
    expect(complaints).toEqual([]);
    const organizations = await asMine('SELECT id FROM organization');
    expect(organizations.rows).toEqual([{ id: mine }]);
  });

  it.each([
    ['without a tenant', {}],
    ['with an empty one', { organization: '' }],
    ['with a job that nobody has named', { job: 'everything' }],
  ])('shows nothing %s', async (_, settings: Record<string, string>) => {
    const complaints = await complaintsOf(async (table) => {
      const { count, code } = await attempt(settings, `SELECT FROM "${table}"`);
      return (count > 0 || code !== null) && `${count} rows, error ${code}`;
    });
    expect(complaints).toEqual([]);
    expect((await attempt(settings, 'SELECT FROM organization')).count).toBe(0);
  });

  it('refuses to write a row into another tenant', async () => {
    const complaints = await complaintsOf(async (table) => {
      // the policy is asked before any constraint: 42501 it must be, whatever else is missing
      const { code } = await asMine(`INSERT INTO "${table}" (organization_id) VALUES ($1)`, [other]);
      return code !== '42501' && `INSERT: ${code}`;
    });
    expect(complaints).toEqual([]);
    expect((await asMine('INSERT INTO organization (id, name) VALUES ($1, $2)', [other, 'x'])).code).toBe('42501');
  });

  it('lets nobody change, move or delete the rows of another tenant', async () => {
    const complaints = await complaintsOf(async (table) => {
      const writable = await mayWrite(table);
      const all = await asMine(`UPDATE "${table}" SET organization_id = organization_id`);
      const moved = await asMine(`UPDATE "${table}" SET organization_id = $1`, [other]);
      const theirs = await asMine(`UPDATE "${table}" SET organization_id = $1 WHERE organization_id = $2`, [
        mine,
        other,
      ]);
      const deleted = await asMine(`DELETE FROM "${table}" WHERE organization_id = $1`, [other]);
      if (!writable) {
        const codes = [all, moved, theirs, deleted].map(({ code }) => code);
        return codes.some((code) => code !== '42501') && `append-only, but ${codes.join()}`;
      }
      return (
        (all.count !== rows.get(table) && `UPDATE of all: ${all.count} rows, error ${all.code}`) ||
        (moved.code !== '42501' && `moved to another tenant: ${moved.count} rows, error ${moved.code}`) ||
        (theirs.count + deleted.count > 0 && `${theirs.count} changed, ${deleted.count} deleted`)
      );
    });
    expect(complaints).toEqual([]);
  });

  const mayWrite = async (table: string): Promise<boolean> =>
    (await attempt({}, `SELECT has_table_privilege(current_user, $1, 'UPDATE') AS may`, [table])).rows[0]?.['may'] ===
    true;

  it('opens to each system job the tables it is named for and no other', async () => {
    const named = await hub.sql<{ job: string }>(
      `SELECT DISTINCT m[1] AS job FROM pg_policies, regexp_matches(coalesce(qual, '') || coalesce(with_check, ''), '''([a-z_]+)''::text', 'g') AS m
       WHERE schemaname = 'public' AND policyname LIKE 'job%' ORDER BY 1`,
    );
    expect([...named.map(({ job }) => job), ...BY_FUNCTION].sort()).toEqual(Object.keys(JOBS));
    for (const [job, allowed] of Object.entries(JOBS)) {
      const open: string[] = [];
      for (const table of ['organization', ...tables]) {
        const { count } = await attempt({ job }, `SELECT FROM "${table}"`);
        if (count > 0) open.push(table);
      }
      expect({ job, open: open.sort() }).toEqual({ job, open: [...allowed] });
    }
  });

  it('lets no system job write into a table it is not named for', async () => {
    for (const [job, allowed] of Object.entries(JOBS)) {
      for (const table of tables.filter((name) => ![...allowed, ...(WRITES[job] ?? [])].includes(name))) {
        const inserted = await attempt({ job }, `INSERT INTO "${table}" (organization_id) VALUES ($1)`, [mine]);
        const deleted = await attempt({ job }, `DELETE FROM "${table}"`);
        expect({ job, table, code: inserted.code, deleted: deleted.count }).toEqual({
          job,
          table,
          code: '42501',
          deleted: 0,
        });
      }
    }
  });

  it('binds a role that cannot take the wall down', async () => {
    const [role] = (
      await attempt(
        {},
        `SELECT r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication,
           (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owned,
           (SELECT count(*)::int FROM pg_proc WHERE proowner = r.oid) AS functions,
           (SELECT count(*)::int FROM pg_auth_members WHERE member = r.oid) AS memberships
         FROM pg_roles r WHERE r.rolname = current_user`,
      )
    ).rows;
    expect(role).toEqual({
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolreplication: false,
      owned: 0,
      functions: 0,
      memberships: 0,
    });
    const [owner] = await hub.sql<{ name: string }>('SELECT current_user AS name');
    const admin = new URL(process.env['TEST_PG_URL'] ?? '').username;
    for (const statement of [
      `SET ROLE ${owner?.name}`,
      `SET ROLE ${admin}`,
      `SET SESSION AUTHORIZATION ${owner?.name}`,
      'ALTER TABLE message DISABLE ROW LEVEL SECURITY',
      'DROP POLICY tenant ON message',
      'CREATE POLICY all_of_it ON message USING (true)',
      'TRUNCATE message CASCADE',
      'CREATE OR REPLACE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql AS $$ SELECT NULL::uuid $$',
      'SET LOCAL row_security = off; SELECT FROM message',
      'SET session_replication_role = replica',
    ]) {
      expect({ statement, code: (await asMine(statement)).code }).toEqual({ statement, code: '42501' });
    }
  });

  it.each([
    ['conversations_matching', 'conversation'],
    ['messages_matching', 'message'],
    ['tickets_matching', 'ticket'],
  ])("%s searches the current tenant's rows only, though it runs as the owner", async (name, table) => {
    const definers = await hub.sql<{ name: string }>(
      `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY 1`,
    );
    expect(definers.map((definer) => definer.name)).toEqual(DEFINERS);
    const search = `SELECT ${name}($1) AS id`;
    const everything = await asMine(search, ['%']);
    const own = await hub.sql<{ id: string }>(`SELECT id FROM ${table} WHERE organization_id = $1`, [mine]);
    expect(new Set(everything.rows.map(({ id }) => id))).toEqual(new Set(own.map(({ id }) => id)));
    expect((await asMine(search, [`%${MARK}%`])).rows).toEqual([]);
    expect((await attempt({ organization: other }, search, [`%${MARK}%`])).count).toBeGreaterThan(0);
    expect((await attempt({}, search, ['%'])).rows).toEqual([]);
    expect((await attempt({ job: 'snooze' }, search, ['%'])).rows).toEqual([]);
    expect((await attempt({ job: 'schedule' }, search, ['%'])).rows).toEqual([]);
  });

  it('tells the job that wakes conversations which are due, of every tenant, and tells nobody else', async () => {
    const due = 'SELECT organization_id AS "organizationId", id FROM snoozes_due(100)';
    const snoozed = await hub.sql<{ organizationId: string; id: string; isDue: boolean }>(
      `INSERT INTO conversation (organization_id, id, channel_id, contact_id, status, single, snoozed_until)
       SELECT DISTINCT ON (organization_id, late) organization_id, gen_random_uuid(), channel_id, contact_id, 'snoozed',
         false, now() - late
       FROM conversation, (VALUES (interval '1 day'), (interval '-1 day')) AS times (late)
       RETURNING organization_id AS "organizationId", id, snoozed_until < now() AS "isDue"`,
    );
    const told = (await attempt({ job: 'snooze' }, due)).rows;
    for (const { isDue, ...one } of snoozed) expect(told.filter(({ id }) => id === one.id)).toEqual(isDue ? [one] : []);
    expect(new Set(told.map(({ organizationId }) => organizationId)).size).toBeGreaterThan(1);
    for (const settings of [{}, { organization: mine }, { job: 'relay' }] as Record<string, string>[])
      expect(await attempt(settings, due)).toEqual({ rows: [], count: 0, code: null });
  });

  it('compares the tenant once per statement with what the statement names, not with every row', async () => {
    const plan = await asMine('EXPLAIN SELECT id FROM conversation WHERE organization_id = $1', [mine]);
    const lines = plan.rows.map((row) => String(row['QUERY PLAN']));
    expect(lines.join('\n')).toMatch(/One-Time Filter/);
  });

  it.each([
    ['contacts_matching', '$1::text', ['%', `%${MARK}%`]],
    ['contacts_tagged', '$1::text[]', [[], [MARK]]],
  ])(
    "looks through the current tenant's contacts only, though %s runs as the owner",
    async (name, type, [all, his]) => {
      const search = `SELECT ${name}(${type}) AS id`;
      const everything = await asMine(search, [all]);
      const own = await hub.sql<{ id: string; named: boolean }>(
        'SELECT id, coalesce(name, email, phone) IS NOT NULL AS named FROM contact WHERE organization_id = $1 AND deleted_at IS NULL',
        [mine],
      );
      const wanted = own.filter(({ named }) => named || name === 'contacts_tagged').map(({ id }) => id);
      expect(new Set(everything.rows.map(({ id }) => id))).toEqual(new Set(wanted));
      expect(wanted.length).toBeGreaterThan(0);
      expect((await asMine(search, [his])).rows).toEqual([]);
      expect((await attempt({ organization: other }, search, [his])).count).toBeGreaterThan(0);
      expect((await attempt({}, search, [all])).rows).toEqual([]);
      expect((await attempt({ job: 'snooze' }, search, [all])).rows).toEqual([]);
    },
  );

  it('forgets the tenant with the transaction', async () => {
    await app.query(`BEGIN; SET LOCAL switchboard.organization = '${mine}'`);
    expect((await app.query('SELECT FROM message')).rowCount).toBe(rows.get('message'));
    await app.query('COMMIT');
    expect((await app.query('SELECT FROM message')).rowCount).toBe(0);
  });

  it('warns where the role is not bound', async () => {
    const admin = new URL(process.env['TEST_PG_URL'] ?? '');
    const { username, password } = new URL(hub.database.databaseUrl);
    admin.pathname = new URL(hub.database.databaseUrl).pathname;
    expect(await reasonFor(hub.database.databaseUrl)).toBeNull();
    expect(await reasonFor(hub.database.ownerUrl)).toMatch(/owns the tables/);
    expect(await reasonFor(admin.href)).toMatch(/superuser/);
    const name = `bypass_${Date.now()}`;
    await maintain(`CREATE ROLE ${name} LOGIN BYPASSRLS PASSWORD '${password}' IN ROLE ${username}`);
    try {
      const bypassing = new URL(hub.database.databaseUrl);
      bypassing.username = name;
      expect(await reasonFor(bypassing.href)).toMatch(/BYPASSRLS/);
    } finally {
      await maintain(`DROP ROLE ${name}`);
    }
  });

  it('says so in the log when a process starts, once, and nothing when all is well', async () => {
    const { databaseUrl, ownerUrl, redisUrl } = hub.database;
    const [open, closed] = await Promise.all([
      startProcess('api', { databaseUrl: ownerUrl, redisUrl }),
      startProcess('worker', { databaseUrl, redisUrl }),
    ]);
    const warnings = (log: string): number => log.split('tenants.wall_open').length - 1;
    expect([warnings(open.log()), warnings(closed.log())]).toEqual([1, 0]);
    await Promise.all([open.kill(), closed.kill()]);
  });
});

interface Attempt {
  readonly rows: Record<string, unknown>[];
  readonly count: number;
  readonly code: string | null;
}

async function reasonFor(url: string): Promise<string | null> {
  const source = await createDataSource(url, 1).initialize();
  try {
    return await whyWallIsOpen(source);
  } finally {
    await source.destroy();
  }
}

/** Rows in as many tables as a journey fills. */
async function furnish(hub: Hub, api: ApiClient, subscriber: Subscriber, word: string): Promise<void> {
  const world = await populate(hub, api, subscriber, word);
  v1.ok(await api.patch(`/v1/bots/${world['bot']}`, { channelIds: [world['ch']] }));
  v1.ok(await v1.inbound(api, world['ch'] ?? ''));
}

/**
 * Bare rows of each organization where the journey has left a table empty. What they hold does not matter to a policy,
 * so the table's constraints go first: this database is the test's own.
 */
async function fillEmpty(hub: Hub, tables: readonly string[], organizations: readonly string[]): Promise<void> {
  const admin = new URL(process.env['TEST_PG_URL'] ?? '');
  admin.pathname = new URL(hub.database.databaseUrl).pathname;
  const client = new pg.Client({ connectionString: admin.href });
  await client.connect();
  try {
    for (const table of tables) {
      const { rows } = await client.query(`SELECT DISTINCT organization_id AS id FROM "${table}"`);
      const missing = organizations.filter((id) => !rows.some((row: { id: string }) => row.id === id));
      if (missing.length === 0) continue;
      await client.query(`SET session_replication_role = replica`);
      const { rows: loosening } = await client.query<{ statement: string }>(
        `SELECT format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I CASCADE', $1::text, conname) AS statement
           FROM pg_constraint WHERE conrelid = $1::regclass AND contype <> 'n'
         UNION ALL
         SELECT format('ALTER TABLE %I ALTER %I DROP NOT NULL', $1::text, attname) FROM pg_attribute
           WHERE attrelid = $1::regclass AND attnum > 0 AND attnotnull AND attidentity = '' AND NOT attisdropped`,
        [table],
      );
      for (const { statement } of loosening) await client.query(statement);
      for (const id of missing) await client.query(`INSERT INTO "${table}" (organization_id) VALUES ($1)`, [id]);
    }
  } finally {
    await client.end();
  }
}

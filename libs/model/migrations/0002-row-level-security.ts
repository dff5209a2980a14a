import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Every table that belongs to a tenant, and the system jobs that may cross tenants on it; no other may. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  users: [],
  api_key: ['authenticate', 'bootstrap'],
  contact: [],
  contact_identity: [],
  bot: [],
  bot_channel: [],
  channel: [],
  conversation: ['snooze'],
  message: [],
  participant: [],
  assignment: [],
  event: ['relay', 'lanes', 'health'],
  webhook_endpoint: ['relay', 'lanes'],
  webhook_delivery: ['relay', 'lanes'],
  webhook_attempt: ['lanes'],
};

/**
 * The second wall between tenants. The first is the `organization_id` in every statement; this one holds when that is
 * forgotten: without a tenant set for the transaction nothing is seen and nothing can be written. It binds every role
 * but the owner of the tables and superusers, so the processes have a role of their own.
 *
 * The settings are read once per statement (sub-selects), not once per row.
 */
export class RowLevelSecurity1700000000002 implements MigrationInterface {
  name = 'RowLevelSecurity1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
        $$ SELECT nullif(current_setting('switchboard.organization', true), '')::uuid $$;
      CREATE FUNCTION current_job() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
        $$ SELECT coalesce(current_setting('switchboard.job', true), '') $$;

      ALTER TABLE organization ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant ON organization USING (id = (SELECT current_tenant()));
      CREATE POLICY job ON organization USING ((SELECT current_job()) = 'bootstrap')`);
    for (const [table, jobs] of Object.entries(TABLES)) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON ${table} USING (organization_id = (SELECT current_tenant()))`);
      if (jobs.length === 0) continue;
      const names = jobs.map((job) => `'${job}'`).join(', ');
      await runner.query(`CREATE POLICY job ON ${table} USING ((SELECT current_job()) IN (${names}))`);
    }
    // A policy keeps PostgreSQL from using the trigram indexes (their operators are not leakproof). This function runs
    // as the owner, reads the tenant from the transaction as the policies do, and takes nothing but the pattern.
    await runner.query(`
      CREATE FUNCTION conversations_matching(pattern text) RETURNS SETOF uuid
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT c.id FROM contact k
          JOIN conversation c ON c.organization_id = k.organization_id AND c.contact_id = k.id
          WHERE k.organization_id = current_tenant() AND k.name ILIKE pattern
        UNION
        SELECT m.conversation_id FROM message m
          WHERE m.organization_id = current_tenant() AND m.text ILIKE pattern
      $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION conversations_matching(text)');
    for (const table of ['organization', ...Object.keys(TABLES)]) {
      await runner.query(`
        DROP POLICY tenant ON ${table};
        DROP POLICY IF EXISTS job ON ${table};
        ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`);
    }
    await runner.query('DROP FUNCTION current_tenant(); DROP FUNCTION current_job()');
  }
}

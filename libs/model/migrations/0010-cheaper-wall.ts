import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Planned as it stands, where a function has to be opened up in every plan; still read once per statement. */
const SETTING = `nullif(current_setting('switchboard.organization', true), '')::uuid`;

/**
 * The same wall for less. The planner compares the tenant with a statement's own `organization_id` once, instead of
 * with every row, where no job's policy stands beside the tenant's. So the jobs that wake what is
 * due lose their view of all conversations and messages, and are given functions that tell them the ids of those.
 */
export class CheaperWall1700000000010 implements MigrationInterface {
  name = 'CheaperWall1700000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION snoozes_due(most integer) RETURNS TABLE (organization_id uuid, id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT c.organization_id, c.id FROM conversation c
        WHERE current_job() = 'snooze' AND c.status = 'snoozed' AND c.snoozed_until <= now()
        ORDER BY c.snoozed_until LIMIT most
      $$;
      DROP POLICY job ON conversation;
      CREATE FUNCTION messages_due(most integer) RETURNS TABLE (organization_id uuid, id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT m.organization_id, m.id FROM message m
        WHERE current_job() = 'schedule' AND m.status = 'pending' AND m.scheduled_at <= now()
          AND m.draft_state IS DISTINCT FROM 'pending' AND m.draft_state IS DISTINCT FROM 'rejected'
          AND m.deleted_at IS NULL
        ORDER BY m.scheduled_at LIMIT most
      $$;
      DROP POLICY job ON message`);
    await alterTenantPolicies(runner, SETTING);
  }

  async down(runner: QueryRunner): Promise<void> {
    await alterTenantPolicies(runner, 'current_tenant()');
    await runner.query(`
      CREATE POLICY job ON conversation USING ((SELECT current_job()) IN ('snooze'));
      CREATE POLICY job ON message USING ((SELECT current_job()) = 'schedule');
      DROP FUNCTION snoozes_due(integer);
      DROP FUNCTION messages_due(integer)`);
  }
}

async function alterTenantPolicies(runner: QueryRunner, setting: string): Promise<void> {
  const policies = (await runner.query(`
    SELECT tablename AS "table", policyname AS name, qual IS NOT NULL AS reads, with_check IS NOT NULL AS checks
    FROM pg_policies WHERE schemaname = current_schema() AND policyname IN ('tenant', 'tenant_insert')`)) as {
    table: string;
    name: string;
    reads: boolean;
    checks: boolean;
  }[];
  for (const { table, name, reads, checks } of policies) {
    const own = `(${table === 'organization' ? 'id' : 'organization_id'} = (SELECT ${setting}))`;
    const clauses = `${reads ? `USING ${own}` : ''} ${checks ? `WITH CHECK ${own}` : ''}`;
    await runner.query(`ALTER POLICY ${name} ON "${table}" ${clauses}`);
  }
}

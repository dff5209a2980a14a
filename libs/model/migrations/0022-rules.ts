import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What rules need beside their tables: whether anybody has queues, and the calls that automation makes. */
export class Rules1700000000022 implements MigrationInterface {
  name = 'Rules1700000000022';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE POLICY job_rules ON queue FOR SELECT USING ((SELECT current_job()) = 'relay');

      ALTER TABLE automation_rule ADD COLUMN secret text; -- sealed; signs the calls of the rule
      CREATE POLICY job_reseal ON automation_rule USING ((SELECT current_job()) = 'reseal');

      -- calls that a rule has decided on; gone when they were answered with a success, or given up
      CREATE TABLE automation_call (
        organization_id uuid NOT NULL,
        id uuid NOT NULL,
        rule_id uuid NOT NULL,
        event_id uuid NOT NULL,
        log_id uuid NOT NULL, -- the line of the rule's log that tells what became of it
        url text NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_at timestamptz(3) NOT NULL DEFAULT now(), -- while one is under way: when it counts as lost
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (organization_id, id),
        FOREIGN KEY (organization_id, rule_id) REFERENCES automation_rule (organization_id, id)
      ) WITH (autovacuum_vacuum_scale_factor = 0.05);
      CREATE INDEX automation_call_due ON automation_call (next_at);
      ALTER TABLE automation_call ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant ON automation_call
        USING (organization_id = (SELECT nullif(current_setting('switchboard.organization', true), '')::uuid));
      CREATE POLICY job ON automation_call USING ((SELECT current_job()) = 'routing')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE automation_call;
      DROP POLICY job_reseal ON automation_rule;
      ALTER TABLE automation_rule DROP COLUMN secret;
      DROP POLICY job_rules ON queue`);
  }
}

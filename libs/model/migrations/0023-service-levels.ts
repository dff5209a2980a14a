import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each conversation is held to, as it was promised when it began, and whether anybody has promised anything. */
export class ServiceLevels1700000000023 implements MigrationInterface {
  name = 'ServiceLevels1700000000023';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE sla_case (
        organization_id uuid NOT NULL,
        conversation_id uuid NOT NULL,
        service_level_id uuid NOT NULL,
        name text NOT NULL, -- of the level
        targets jsonb NOT NULL, -- the level's, as they were when the conversation began
        status text NOT NULL, -- of the conversation, after the latest event that was dealt with
        answered_at timestamptz(3), -- by staff, for the first time
        PRIMARY KEY (organization_id, conversation_id),
        FOREIGN KEY (organization_id, conversation_id) REFERENCES conversation (organization_id, id)
      );
      ALTER TABLE sla_case ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant ON sla_case
        USING (organization_id = (SELECT nullif(current_setting('switchboard.organization', true), '')::uuid))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE sla_case');
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where secrets are stored: what the job that seals them anew has to see, and all that it sees. */
const TABLES = ['channel', 'bot', 'webhook_endpoint'];

export class SecretRotation1700000000006 implements MigrationInterface {
  name = 'SecretRotation1700000000006';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`
        CREATE POLICY job_reseal ON ${table} FOR SELECT USING ((SELECT current_job()) = 'reseal');
        CREATE POLICY job_reseal_update ON ${table} FOR UPDATE USING ((SELECT current_job()) = 'reseal')`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`DROP POLICY job_reseal ON ${table}; DROP POLICY job_reseal_update ON ${table}`);
    }
  }
}

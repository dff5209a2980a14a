import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Contact tokens can be revoked: each carries the contact's `token_epoch` of the moment it was made, and holds as long as
 * that has not moved on. And the sign-in may put down in the audit log that it has locked somebody out, and
 * nothing else.
 */
export class Access1700000000007 implements MigrationInterface {
  name = 'Access1700000000007';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE contact ADD COLUMN token_epoch integer NOT NULL DEFAULT 0');
    await runner.query(`
      CREATE POLICY sign_in ON audit_log FOR INSERT
        WITH CHECK ((SELECT current_job()) = 'authenticate' AND action = 'user.locked')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP POLICY sign_in ON audit_log');
    await runner.query('ALTER TABLE contact DROP COLUMN token_epoch');
  }
}

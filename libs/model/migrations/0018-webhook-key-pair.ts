import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The ed25519 keys of an endpoint: `{publicKey, privateKey}`, the latter sealed; null until they are first asked for. */
export class WebhookKeyPair1700000000018 implements MigrationInterface {
  name = 'WebhookKeyPair1700000000018';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE webhook_endpoint ADD COLUMN key_pair jsonb`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE webhook_endpoint DROP COLUMN key_pair`);
  }
}

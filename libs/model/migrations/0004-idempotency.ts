import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What callers have asked for under an `Idempotency-Key`, for 24 hours, and the counters of the rate limits where
 * there is no Redis: these belong to the operator, hold no tenant's data and may be lost at any time.
 */
export class Idempotency1700000000004 implements MigrationInterface {
  name = 'Idempotency1700000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE idempotency_key (
        organization_id uuid NOT NULL REFERENCES organization(id),
        principal text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        request_hash bytea NOT NULL,
        -- running: no effect yet; begun: some effect, no answer yet; done: the answer, committed with the effect
        state text NOT NULL CHECK (state IN ('running','begun','done')),
        owner uuid NOT NULL,
        leased_until timestamptz(3) NOT NULL,
        status smallint,
        content_type text,
        answer text,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        expires_at timestamptz(3) NOT NULL,
        PRIMARY KEY (organization_id, principal, key),
        CHECK ((state = 'done') = (status IS NOT NULL AND content_type IS NOT NULL AND answer IS NOT NULL))
      ) WITH (fillfactor = 70);
      -- the purge crosses tenants by design
      CREATE INDEX idempotency_key_expires ON idempotency_key (expires_at);
      ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant ON idempotency_key USING (organization_id = (SELECT current_tenant()));
      CREATE POLICY job ON idempotency_key USING ((SELECT current_job()) = 'idempotency');

      -- as rate-limiter-flexible writes it; unlogged, so that counting costs no write-ahead log
      CREATE UNLOGGED TABLE rate_limit (
        key varchar(255) PRIMARY KEY,
        points integer NOT NULL DEFAULT 0,
        expire bigint
      ) WITH (fillfactor = 50)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE rate_limit, idempotency_key');
  }
}

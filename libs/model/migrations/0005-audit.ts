import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Jobs that act for the system and so have something to put down; reading the log is for its tenant alone. */
const WRITERS = ['bootstrap', 'lanes'];

/**
 * The audit log. Its key is also the order in which it is read; each filter has an index in that order, so that a page
 * is one scan. Append-only: `migrate` grants the application's role nothing but reading and inserting, and a trigger
 * stands in the way of everybody else, short of a superuser.
 */
export class Audit1700000000005 implements MigrationInterface {
  name = 'Audit1700000000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit_log (
        organization_id uuid NOT NULL REFERENCES organization(id),
        at timestamptz(3) NOT NULL,
        id uuid NOT NULL,
        action text NOT NULL,
        category text NOT NULL GENERATED ALWAYS AS (split_part(action, '.', 1)) STORED,
        actor jsonb NOT NULL,
        actor_id uuid, -- of the actor again: a policy keeps PostgreSQL from using an index on jsonb
        subject_type text NOT NULL,
        subject_id uuid NOT NULL,
        changes jsonb,
        request_id text,
        address text,
        user_agent text,
        PRIMARY KEY (organization_id, at, id)
      );
      CREATE INDEX audit_log_category ON audit_log (organization_id, category, at, id);
      CREATE INDEX audit_log_actor ON audit_log (organization_id, actor_id, at, id) WHERE actor_id IS NOT NULL;
      CREATE INDEX audit_log_subject ON audit_log (organization_id, subject_id, at, id);

      CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF current_setting('is_superuser') = 'on' THEN RETURN coalesce(NEW, OLD); END IF;
        RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
      CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
      ALTER TABLE audit_log ENABLE ALWAYS TRIGGER append_only;
      ALTER TABLE audit_log ENABLE ALWAYS TRIGGER never_emptied;

      ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant ON audit_log FOR SELECT USING (organization_id = (SELECT current_tenant()));
      CREATE POLICY tenant_insert ON audit_log FOR INSERT
        WITH CHECK (organization_id = (SELECT current_tenant()));
      CREATE POLICY job ON audit_log FOR INSERT
        WITH CHECK ((SELECT current_job()) IN (${WRITERS.map((job) => `'${job}'`).join(', ')}))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit_log; DROP FUNCTION refuse_audit_change()');
  }
}

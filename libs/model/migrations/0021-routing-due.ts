import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What leaves a queue whoever closes or snoozes it, and what the routing engine finds due across tenants. */
export class RoutingDue1700000000021 implements MigrationInterface {
  name = 'RoutingDue1700000000021';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Nobody waits or is asked for what is closed or snoozed, whoever does that and how.
      CREATE FUNCTION leave_queue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
      BEGIN
        DELETE FROM queue_item WHERE organization_id = NEW.organization_id AND conversation_id = NEW.id;
        UPDATE offer SET state = 'withdrawn', decided_at = now()
        WHERE organization_id = NEW.organization_id AND conversation_id = NEW.id AND state = 'open';
        RETURN NULL;
      END $$;
      CREATE TRIGGER leave AFTER UPDATE OF status ON conversation FOR EACH ROW
        WHEN (NEW.status IN ('closed','snoozed') AND NEW.status IS DISTINCT FROM OLD.status)
        EXECUTE FUNCTION leave_queue();

      ALTER TABLE queue_item ADD COLUMN round_at timestamptz(3); -- all have passed: when they are asked again
      CREATE INDEX queue_item_round ON queue_item (round_at) WHERE round_at IS NOT NULL;
      CREATE INDEX agent_state_relieved ON agent_state (changed_at) WHERE reassigns AND status IN ('away','offline');
      CREATE INDEX offer_conversation_open ON offer (organization_id, conversation_id) WHERE state = 'open';

      CREATE FUNCTION returns_due(most integer) RETURNS TABLE (organization_id uuid, conversation_id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT a.organization_id, a.conversation_id FROM assignment a
        WHERE current_job() = 'routing' AND a.ended_at IS NULL AND a.return_at <= now()
        ORDER BY a.return_at LIMIT most
      $$;
      CREATE FUNCTION left_behind(most integer) RETURNS TABLE (organization_id uuid, conversation_id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT c.organization_id, c.id FROM agent_state s
        JOIN conversation c ON c.organization_id = s.organization_id AND c.assignee_id = s.user_id
          AND c.assignee_type = 'user' AND c.status = 'open'
        WHERE current_job() = 'routing' AND s.reassigns AND s.status IN ('away','offline') AND s.load > 0
        LIMIT most
      $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER leave ON conversation;
      DROP FUNCTION leave_queue();
      ALTER TABLE queue_item DROP COLUMN round_at;
      DROP INDEX agent_state_relieved;
      DROP INDEX offer_conversation_open;
      DROP FUNCTION returns_due(integer);
      DROP FUNCTION left_behind(integer)`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How far the staff had read before marks were kept: up to the first message that was still counted as unread. And the
 * search in messages, as `conversations_matching` does it: as the owner, for the tenant of the transaction.
 */
export class MessageSearch1700000000013 implements MigrationInterface {
  name = 'MessageSearch1700000000013';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      UPDATE conversation c SET read_seq = CASE WHEN c.unread_count = 0 THEN c.message_seq ELSE coalesce((
        SELECT m.seq - 1 FROM message m
        WHERE m.organization_id = c.organization_id AND m.conversation_id = c.id AND m.direction = 'inbound'
        ORDER BY m.seq DESC OFFSET c.unread_count - 1 LIMIT 1), 0) END
      WHERE c.read_seq = 0 AND c.message_seq > 0;

      CREATE FUNCTION messages_matching(pattern text) RETURNS SETOF uuid
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT m.id FROM message m WHERE m.organization_id = current_tenant() AND m.text ILIKE pattern
      $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION messages_matching(text)');
  }
}

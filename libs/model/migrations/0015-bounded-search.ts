import type { MigrationInterface, QueryRunner } from 'typeorm';
import { boundedMatching } from './bounded-matching.js';

/**
 * Search takes a bounded time, whatever is searched for. The trigram indexes are asked for what they can tell (three
 * letters or digits in a row) and what is rare enough; everything else is looked for among the latest messages and the
 * latest contacts.
 */
export class BoundedSearch1700000000015 implements MigrationInterface {
  name = 'BoundedSearch1700000000015';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ${boundedMatching({ name: 'found_by_message', table: 'message', what: 'conversation_id', words: ['text'] })};
      ${boundedMatching({ name: 'found_by_contact', table: 'contact', what: 'id', words: ['name'] })};
      CREATE OR REPLACE FUNCTION conversations_matching(pattern text) RETURNS SETOF uuid
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT c.id FROM found_by_contact(pattern) AS k(id)
          JOIN conversation c ON c.organization_id = current_tenant() AND c.contact_id = k.id
        UNION
        SELECT id FROM found_by_message(pattern) AS m(id)
      $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE OR REPLACE FUNCTION conversations_matching(pattern text) RETURNS SETOF uuid
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT c.id FROM contact k
          JOIN conversation c ON c.organization_id = k.organization_id AND c.contact_id = k.id
          WHERE k.organization_id = current_tenant() AND k.name ILIKE pattern
        UNION
        SELECT m.conversation_id FROM message m
          WHERE m.organization_id = current_tenant() AND m.text ILIKE pattern
      $$;
      DROP FUNCTION found_by_message(text);
      DROP FUNCTION found_by_contact(text)`);
  }
}

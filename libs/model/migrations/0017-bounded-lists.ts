import type { MigrationInterface, QueryRunner } from 'typeorm';
import { boundedMatching } from './bounded-matching.js';

/**
 * The searches of contacts, of messages and of tickets take a bounded time, too, as that of conversations does since
 * {@link boundedMatching}. And what is rare has an index of its own, so that a list of it does not read past everything
 * else: conversations that are put away, notes, and messages that are no texts.
 */
export class BoundedLists1700000000017 implements MigrationInterface {
  name = 'BoundedLists1700000000017';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX conversation_archived ON conversation (organization_id, updated_at, id) WHERE archived_at IS NOT NULL;
      CREATE INDEX message_notes ON message (organization_id, id) WHERE direction = 'internal';
      CREATE INDEX message_no_text ON message (organization_id, content_type, id) WHERE content_type <> 'text';
      CREATE INDEX ticket_search ON ticket USING gin (organization_id, subject gin_trgm_ops);
      ${boundedMatching({ name: 'found_contact', table: 'contact', what: 'id', words: ['name', 'email', 'phone'], only: LIVE })};
      ${boundedMatching({ name: 'found_message', table: 'message', what: 'id', words: ['text'] })};
      ${boundedMatching({ name: 'found_ticket', table: 'ticket', what: 'id', words: ['subject'] })};
      ${asOwner('contacts_matching', 'SELECT found_contact(pattern)')};
      ${asOwner('messages_matching', 'SELECT found_message(pattern)')};
      ${asOwner('tickets_matching', 'SELECT found_ticket(pattern)')}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION tickets_matching(text);
      ${asOwner(
        'contacts_matching',
        `SELECT id FROM contact WHERE organization_id = current_tenant() ${LIVE}
           AND (name ILIKE pattern OR email ILIKE pattern OR phone ILIKE pattern)`,
      )};
      ${asOwner(
        'messages_matching',
        'SELECT m.id FROM message m WHERE m.organization_id = current_tenant() AND m.text ILIKE pattern',
      )};
      DROP FUNCTION found_ticket(text), found_message(text), found_contact(text);
      DROP INDEX ticket_search, message_no_text, message_notes, conversation_archived`);
  }
}

const LIVE = 'AND deleted_at IS NULL';

/** Under row-level security a trigram index is the owner's only; the tenant is the transaction's. */
const asOwner = (name: string, query: string): string => `
  CREATE OR REPLACE FUNCTION ${name}(pattern text) RETURNS SETOF uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ ${query} $$`;

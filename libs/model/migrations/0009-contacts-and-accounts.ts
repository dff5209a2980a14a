import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Contacts: every list and look-up by an index of its own under row-level security, and the addresses of contacts that
 * have become part of another. Channels: one per account of a provider.
 */
export class ContactsAndAccounts1700000000009 implements MigrationInterface {
  name = 'ContactsAndAccounts1700000000009';

  async up(runner: QueryRunner): Promise<void> {
    for (const block of [CONTACTS, FUNCTIONS, CHANNELS]) await runner.query(block);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX channel_account;
      ALTER TABLE channel DROP COLUMN account;
      DROP FUNCTION contacts_matching(text);
      DROP FUNCTION contacts_tagged(text[]);
      DROP INDEX contact_identity_type, contact_merged, contact_merged_phone, contact_merged_email, contact_updated,
        contact_by_name, contact_search, contact_email;
      ALTER TABLE contact DROP COLUMN email_key;
      CREATE UNIQUE INDEX contact_email ON contact (organization_id, lower(email)) WHERE deleted_at IS NULL;
      CREATE INDEX contact_name ON contact USING gin (organization_id, name gin_trgm_ops)`);
  }
}

const CONTACTS = `
  -- a column, because a policy keeps PostgreSQL from using an index on lower(email): lower() is not leakproof
  ALTER TABLE contact ADD COLUMN email_key text GENERATED ALWAYS AS (lower(email)) STORED;
  DROP INDEX contact_email, contact_name;
  CREATE UNIQUE INDEX contact_email ON contact (organization_id, email_key) WHERE deleted_at IS NULL;
  CREATE INDEX contact_search ON contact
    USING gin (organization_id, name gin_trgm_ops, email gin_trgm_ops, phone gin_trgm_ops);
  CREATE INDEX contact_updated ON contact (organization_id, updated_at, id) WHERE deleted_at IS NULL;
  CREATE INDEX contact_by_name ON contact (organization_id, name, id) WHERE deleted_at IS NULL;
  CREATE INDEX contact_identity_type ON contact_identity (organization_id, channel_type, contact_id);
  -- what has become part of another contact, and the addresses under which it still is that one
  CREATE INDEX contact_merged ON contact (organization_id, merged_into) WHERE merged_into IS NOT NULL;
  CREATE INDEX contact_merged_phone ON contact (organization_id, phone)
    WHERE merged_into IS NOT NULL AND phone IS NOT NULL;
  CREATE INDEX contact_merged_email ON contact (organization_id, email_key)
    WHERE merged_into IS NOT NULL AND email_key IS NOT NULL;`;

/* As conversations_matching: run as the owner, read the tenant from the transaction, take nothing but what is wanted. */
const FUNCTIONS = `
  CREATE FUNCTION contacts_matching(pattern text) RETURNS SETOF uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT id FROM contact WHERE organization_id = current_tenant() AND deleted_at IS NULL
      AND (name ILIKE pattern OR email ILIKE pattern OR phone ILIKE pattern)
  $$;
  CREATE FUNCTION contacts_tagged(wanted text[]) RETURNS SETOF uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT id FROM contact WHERE organization_id = current_tenant() AND deleted_at IS NULL AND tags @> wanted
  $$;`;

/* Of accounts that are connected twice already the older channel keeps the name; the other gets none. */
const CHANNELS = `
  ALTER TABLE channel ADD COLUMN account text; -- which account of the provider it is; null where it has none
  UPDATE channel SET account = found.account FROM (
    SELECT DISTINCT ON (organization_id, type, account) organization_id, id, account FROM (
      SELECT organization_id, id, type, CASE type
        WHEN 'whatsapp' THEN config->>'phoneNumberId'
        WHEN 'facebook' THEN config->>'pageId'
        WHEN 'instagram' THEN config->>'accountId'
        WHEN 'sms' THEN config->>'phoneNumber'
        WHEN 'email' THEN lower(config->>'fromEmail') END AS account
      FROM channel WHERE deleted_at IS NULL) named
    WHERE account IS NOT NULL ORDER BY organization_id, type, account, id) found
  WHERE channel.organization_id = found.organization_id AND channel.id = found.id;
  CREATE UNIQUE INDEX channel_account ON channel (organization_id, type, account)
    WHERE deleted_at IS NULL AND account IS NOT NULL;`;

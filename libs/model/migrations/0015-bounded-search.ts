import type { MigrationInterface, QueryRunner } from 'typeorm';

/** More places than this are not worth gathering: what is so common is looked for among the latest only. */
const MOST = 20_000;
/** How many of the latest are read one by one; whoever has no more than that always finds everything. */
const LATEST = 50_000;
/** So many of the latest tell how common it is. */
const SAMPLE = 2_000;

/**
 * Search takes a bounded time, whatever is searched for. The trigram indexes are asked for what they can tell (three
 * letters or digits in a row) and what is rare enough; everything else is looked for among the latest messages and the
 * latest contacts.
 */
export class BoundedSearch1700000000015 implements MigrationInterface {
  name = 'BoundedSearch1700000000015';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ${matching('message', 'conversation_id', 'text')};
      ${matching('contact', 'id', 'name')};
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

/** It runs with the rights of who calls it: the tenant's rows, and the indexes where that is the owner. */
function matching(table: string, what: string, where: string): string {
  const latest = (most: number): string =>
    `(SELECT ${what} AS what, ${where} AS words FROM ${table} WHERE organization_id = tenant ORDER BY id DESC LIMIT ${most}) latest`;
  return `
    CREATE FUNCTION found_by_${table}(pattern text) RETURNS SETOF uuid LANGUAGE plpgsql VOLATILE -- as EXPLAIN wants it
    SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
    DECLARE
      tenant uuid := current_tenant();
      plan json;
      common float := 0;
      found uuid[];
    BEGIN
      IF pattern ~ '[[:alnum:]]{3}' THEN
        EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM ${table} WHERE organization_id = %L', tenant) INTO plan;
        common := (SELECT count(*) FROM ${latest(SAMPLE)} WHERE words ILIKE pattern)
          * (plan #>> '{0,Plan,Plan Rows}')::float / ${SAMPLE};
      END IF;
      IF pattern ~ '[[:alnum:]]{3}' AND common <= ${MOST} THEN
        found := ARRAY(SELECT ${what} FROM ${table}
          WHERE organization_id = tenant AND ${where} ILIKE pattern LIMIT ${MOST + 1});
        IF cardinality(found) <= ${MOST} THEN
          RETURN QUERY SELECT DISTINCT unnest(found);
          RETURN;
        END IF;
      END IF;
      RETURN QUERY SELECT DISTINCT what FROM ${latest(LATEST)} WHERE words ILIKE pattern;
    END $$`;
}

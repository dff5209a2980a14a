/** More places than this are not worth gathering: what is so common is looked for among the latest only. */
const MOST = 20_000;
/** How many of the latest are read one by one; whoever has no more than that always finds everything. */
const LATEST = 50_000;
/** So many of the latest tell how common it is. */
const SAMPLE = 2_000;

/** What a search looks through and what it gives. */
interface Matching {
  readonly name: string;
  readonly table: string;
  readonly what: string;
  /** The columns with the words; a trigram index begins with the organization and holds them. */
  readonly words: readonly string[];
  /** Which rows count, beginning with AND. */
  readonly only?: string;
}

/**
 * A function that finds what matches a pattern in a bounded time. It runs with the rights of who calls it: the tenant's
 * rows, and the indexes where that is the owner. Migrations share it, so a change of it is a new one beside it.
 */
export function boundedMatching({ name, table, what, words, only = '' }: Matching): string {
  const latest = (most: number): string =>
    `(SELECT ${what} AS what, ${words.join(', ')} FROM ${table} WHERE organization_id = tenant ${only}
      ORDER BY id DESC LIMIT ${most}) latest`;
  const matches = `(${words.map((column) => `${column} ILIKE pattern`).join(' OR ')})`;
  return `
    CREATE FUNCTION ${name}(pattern text) RETURNS SETOF uuid LANGUAGE plpgsql VOLATILE -- as EXPLAIN wants it
    SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
    DECLARE
      tenant uuid := current_tenant();
      plan json;
      common float := 0;
      found uuid[];
    BEGIN
      IF pattern ~ '[[:alnum:]]{3}' THEN
        EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM ${table} WHERE organization_id = %L', tenant) INTO plan;
        common := (SELECT count(*) FROM ${latest(SAMPLE)} WHERE ${matches})
          * (plan #>> '{0,Plan,Plan Rows}')::float / ${SAMPLE};
      END IF;
      IF pattern ~ '[[:alnum:]]{3}' AND common <= ${MOST} THEN
        found := ARRAY(SELECT ${what} FROM ${table}
          WHERE organization_id = tenant ${only} AND ${matches} LIMIT ${MOST + 1});
        IF cardinality(found) <= ${MOST} THEN
          RETURN QUERY SELECT DISTINCT unnest(found);
          RETURN;
        END IF;
      END IF;
      RETURN QUERY SELECT DISTINCT what FROM ${latest(LATEST)} WHERE ${matches};
    END $$`;
}

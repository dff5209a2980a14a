import pg, { type PoolClient, type QueryResult, type QueryResultRow } from 'pg';
import type { Statement } from './held-commit.js';
import { settled } from './pipeline.js';

/** Whose rows a transaction sees: those of one organization, or those that are open to a system job. */
export interface Scope {
  readonly setting: 'organization' | 'job';
  readonly value: string;
}

/** For a transaction that is begun by hand. The value goes into the statement as it is. */
export const setLocal = ({ setting, value }: Scope): string => `SET LOCAL switchboard.${setting} = '${value}'`;

/**
 * One statement as a transaction of its own that sees the rows of `scope`: one round trip. PostgreSQL takes what comes
 * before a Sync message as one transaction, so the setting ends with the statement, and there is no BEGIN and no COMMIT.
 * @param client outside a transaction, its connection pipelined
 */
export async function queryScoped<R extends QueryResultRow>(
  client: PoolClient,
  { setting, value }: Scope,
  statement: Statement,
): Promise<QueryResult<R>> {
  const set = { name: `set-${setting}`, text: `SELECT WHERE set_config('switchboard.${setting}', $1, true) IS NULL` };
  const { parsedStatements, submittedNamedStatements } = (client as unknown as { connection: Wire }).connection;
  const isKnown = set.name in parsedStatements || set.name in submittedNamedStatements;
  const prepared = isKnown ? null : client.query({ ...set, values: [''] }); // once per connection, sent ahead
  const answer = new Promise<QueryResult<R>>((resolve, reject) => {
    const done = (error: Error | null, result: QueryResult<R>): void => (error ? reject(error) : resolve(result));
    client.query(new ScopedQuery({ ...statement, queryMode: 'extended' }, done, set.name, value));
  });
  try {
    const [result] = await settled([answer, prepared]);
    return result;
  } catch (error) {
    Error.captureStackTrace(error as Error); // as the driver does: the caller's, not the socket's
    throw error;
  }
}

/** What a query of the driver writes to; the driver's types leave it out. */
interface Wire {
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Readonly<Record<string, string>>;
  bind(config: { readonly portal: string; readonly statement: string; readonly values: unknown[] }): void;
  execute(config: { readonly portal: string }): void;
}

interface DriverQuery extends pg.Submittable {
  prepare(wire: Wire): void;
  handleCommandComplete(message: unknown, wire: Wire): void;
}

const DriverQuery = pg.Query as unknown as new (config: object, callback: unknown) => DriverQuery;

/** Runs a prepared statement that gives no rows right before its own, in the same message. */
class ScopedQuery extends DriverQuery {
  private isScoped = false;

  constructor(
    config: object,
    callback: unknown,
    private readonly before: string,
    private readonly value: string,
  ) {
    super(config, callback);
  }

  override prepare(wire: Wire): void {
    wire.bind({ portal: '', statement: this.before, values: [this.value] });
    wire.execute({ portal: '' });
    super.prepare(wire);
  }

  override handleCommandComplete(message: unknown, wire: Wire): void {
    if (this.isScoped) super.handleCommandComplete(message, wire);
    this.isScoped = true; // the first answer is the setting's
  }
}

import type { PoolClient } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { settled } from './pipeline.js';

/** One statement with its values; prepared where it has a name. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
}

const REFUSED = '22012'; // a division by zero: how `last` says no in the same round trip as the COMMIT

/** The statement that was to end the transaction did not want to: nothing has been written. */
export class CommitRefusedError extends Error {
  static from(error: unknown): unknown {
    return (error as { code?: unknown }).code === REFUSED ? new CommitRefusedError('', { cause: error }) : error;
  }
}

interface Open {
  readonly runner: QueryRunner;
  readonly client: PoolClient;
}

/**
 * The transaction of a command whose answer is committed together with its effect. Whatever the command does for its
 * organization, in one transaction or in several, becomes one transaction on one connection here; it stays open until
 * the answer is known. A part that fails is undone by itself (a savepoint), as a transaction of its own would be.
 */
export class HeldCommit {
  private open: Open | null = null;
  private tail: Promise<unknown> = Promise.resolve();

  /** @param scope sets whose rows the transaction sees @param interrupt says in the rows that the effect has begun */
  constructor(
    private readonly source: DataSource,
    readonly organizationId: string,
    private readonly scope: string,
    private readonly interrupt: Statement,
    private readonly committed: (tx: EntityManager) => void,
  ) {}

  /** What is open now, to hang something on its commit; null when there is nothing to wait for. */
  get tx(): EntityManager | null {
    return this.open?.runner.manager ?? null;
  }

  transaction<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.inTurn(async ({ runner }) => work(runner.manager));
  }

  statement<R extends object>(statement: Statement): Promise<R[]> {
    return this.inTurn(async ({ client }) => (await client.query<R>(statement)).rows);
  }

  /** A statement after which the command goes on outside the database: what it wrote is committed, marked as begun. */
  async beginning<R extends object>(statement: Statement): Promise<R[]> {
    const rows = await this.statement<R>(statement);
    if (rows.length > 0) await this.end(this.interrupt);
    return rows;
  }

  /** A read: it sees what the command has written, and opens nothing. @returns null where nothing is open */
  async read(text: string, values: unknown[]): Promise<unknown> {
    await this.tail;
    return this.open && this.open.runner.query(text, values);
  }

  /**
   * Commits with `last`, all or nothing.
   * @returns false where nothing is open: nothing has been done then
   * @throws CommitRefusedError
   */
  async end(last: Statement): Promise<boolean> {
    const { open } = this;
    if (!open) return false;
    this.open = null;
    try {
      // after a failed statement PostgreSQL takes the COMMIT as a ROLLBACK
      await settled([open.client.query(last), open.client.query('COMMIT')]);
    } catch (error) {
      throw CommitRefusedError.from(error);
    } finally {
      await open.runner.release();
    }
    this.committed(open.runner.manager);
    return true;
  }

  async rollback(): Promise<void> {
    const { open } = this;
    if (!open) return;
    this.open = null;
    try {
      await open.client.query('ROLLBACK');
    } catch {
      // the connection is gone, and the transaction with it; the pool lets go of it below
    } finally {
      await open.runner.release();
    }
  }

  /** One after the other, as they share a connection. */
  private inTurn<T>(work: (open: Open) => Promise<T>): Promise<T> {
    const turn = this.tail.then(() => this.part(work));
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  private async part<T>(work: (open: Open) => Promise<T>): Promise<T> {
    const isFirst = this.open === null;
    const open = (this.open ??= await this.connect());
    const begun = open.client.query(isFirst ? `BEGIN; ${this.scope}` : 'SAVEPOINT part'); // goes out with the work
    try {
      const [result] = await settled([work(open), begun]);
      return result;
    } catch (error) {
      if (isFirst) await this.rollback();
      else await open.client.query('ROLLBACK TO SAVEPOINT part');
      throw error;
    }
  }

  private async connect(): Promise<Open> {
    const runner = this.source.createQueryRunner();
    const client = (await runner.connect()) as PoolClient;
    (runner as { isTransactionActive: boolean }).isTransactionActive = true; // begun by hand: one round trip less
    return { runner, client };
  }
}

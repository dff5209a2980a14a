import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool, PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { CommitRefusedError, HeldCommit, type Statement } from './held-commit.js';
import { settled } from './pipeline.js';
import { queryScoped, setLocal, type Scope } from './scoped-query.js';

/** Inside a command only this is used: everything through it commits or vanishes together. */
export type Tx = EntityManager;

/** What single reads need; a {@link Tx} will do, too. */
export type Reader = Pick<Tx, 'query'>;

/** A {@link Reader} whose every read is a transaction of its own. */
interface PooledReader extends Reader {
  prepared<R extends object>(statement: Prepared, values: unknown[]): Promise<R[]>;
}

/** A statement worth parsing once per connection. `name` is unique in the product. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
  /** The command goes on outside the database once this is committed: a lease is taken and something is sent, say. */
  readonly goesOn?: true;
}

/** How a command's answer is committed with its effect: see {@link Database.answering}. */
export interface Keeping<T> {
  /** Keeps the answer; divides by zero when it may no longer be kept, which takes the effect with it. */
  readonly keep: (answer: T) => Statement;
  /** Says that the effect has begun and the answer is still to come. */
  readonly interrupt: Statement;
}

/** Jobs that may cross tenants, by name; nothing else may. */
export type SystemJob =
  | 'authenticate'
  | 'signing'
  | 'bootstrap'
  | 'relay'
  | 'lanes'
  | 'snooze'
  | 'schedule'
  | 'routing'
  | 'media'
  | 'health'
  | 'idempotency'
  | 'reseal';

const RETRYABLE = new Set(['40001', '40P01']); // serialization failure, deadlock
const MAX_TRIES = 4;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The way to PostgreSQL, and the only place that sets whose rows a transaction sees: row-level security shows it
 * nothing else. Every call names its organization or its system job.
 */
export class Database {
  private readonly commitListeners = new WeakMap<Tx, Set<() => void>>();
  private readonly held = new AsyncLocalStorage<HeldCommit>();

  constructor(readonly dataSource: DataSource) {}

  /**
   * One transaction of one organization. Repeated as a whole when PostgreSQL breaks a deadlock, so `work` has no
   * effect but through `tx`: no network call, no enqueueing. What must follow the commit goes to {@link onCommit}.
   */
  transaction<T>(organizationId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    const held = this.heldFor(organizationId);
    if (!held) return this.committing(asTenant(organizationId), work);
    return this.retrying(() => held.transaction((tx) => this.held.exit(() => work(tx))));
  }

  /**
   * Does `work`, a command up to its answer, so that the answer is committed with the effect or neither is: what it
   * writes for the organization, in `transaction` or by `prepared`, is one transaction that ends with `keep`.
   * @throws what `work` throws, its effect undone; CommitRefusedError when `keep` or `interrupt` refuses
   */
  async answering<T>(organizationId: string, { keep, interrupt }: Keeping<T>, work: () => Promise<T>): Promise<T> {
    const scope = asTenant(organizationId);
    const held = new HeldCommit(this.dataSource, organizationId, setLocal(scope), interrupt, (tx) =>
      this.tellCommitted(tx),
    );
    try {
      const answer = await this.held.run(held, work);
      const last = keep(answer);
      if (!(await held.end(last))) await this.single(scope, last);
      return answer;
    } catch (error) {
      throw CommitRefusedError.from(error);
    } finally {
      await held.rollback();
    }
  }

  /** One transaction that crosses tenants, on the tables that are open to the job. */
  system<T>(job: SystemJob, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.committing(asJob(job), work);
  }

  /**
   * Calls `listener` once `tx` has committed; never when it is rolled back.
   * @param tx null: a statement that commits by itself has just succeeded
   */
  onCommit(tx: Tx | null, listener: () => void): void {
    tx ??= this.held.getStore()?.tx ?? null;
    if (!tx) {
      listener();
      return;
    }
    const listeners = this.commitListeners.get(tx) ?? new Set();
    this.commitListeners.set(tx, listeners.add(listener));
  }

  /** Single reads of one organization outside a command, each a transaction of its own in one round trip. */
  reader(organizationId: string): Reader {
    const pooled: PooledReader = {
      query: async <R>(text: string, values: unknown[] = []) =>
        ((await this.heldFor(organizationId)?.read(text, values)) ??
          (await this.single(asTenant(organizationId), { text, values }))) as R,
      prepared: (statement, values) => this.prepared(organizationId, statement, values),
    };
    return pooled;
  }

  /** One statement, prepared once per connection and committed by itself: the hot paths. One round trip. */
  prepared<R extends object>(organizationId: string, statement: Prepared, values: unknown[]): Promise<R[]> {
    const { goesOn, ...prepared } = statement;
    const held = this.heldFor(organizationId);
    if (!held) return this.retrying(() => this.single<R>(asTenant(organizationId), { ...prepared, values }));
    return this.retrying(() => held[goesOn ? 'beginning' : 'statement']<R>({ ...prepared, values }));
  }

  /** One prepared statement that crosses tenants. */
  lookup<R extends object>(job: SystemJob, statement: Prepared, values: unknown[]): Promise<R[]> {
    return this.retrying(() => this.single<R>(asJob(job), { ...statement, values }));
  }

  private async single<R extends object>(scope: Scope, statement: Statement): Promise<R[]> {
    const client = await this.pool().connect();
    let broken: Error | undefined;
    const onLost = (error: Error): void => {
      broken ??= error;
    };
    client.on('error', onLost); // without a listener, a server that dies would end this process
    try {
      return (await queryScoped<R>(client, scope, statement)).rows;
    } catch (error) {
      if (isUnavailable(error)) broken = error as Error;
      throw error;
    } finally {
      client.off('error', onLost);
      client.release(broken);
    }
  }

  private async committing<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    const { tx, result } = await this.retrying(() => this.attempt(scope, work));
    this.tellCommitted(tx);
    return result;
  }

  private tellCommitted(tx: Tx): void {
    for (const listener of this.commitListeners.get(tx) ?? []) listener();
  }

  private heldFor(organizationId: string): HeldCommit | undefined {
    const held = this.held.getStore();
    return held?.organizationId === organizationId ? held : undefined;
  }

  private async attempt<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<{ tx: Tx; result: T }> {
    return this.dataSource.transaction(async (tx) => {
      const client = (await tx.queryRunner?.connect()) as PoolClient;
      const scoped = client.query(setLocal(scope)); // not awaited: it goes out with the first statement of the work
      const [result] = await settled([work(tx), scoped]);
      return { tx, result };
    });
  }

  private pool(): Pool {
    return (this.dataSource.driver as unknown as { master: Pool }).master;
  }

  private async retrying<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (attempt === MAX_TRIES || !RETRYABLE.has(sqlState(error) ?? '')) throw error;
      }
    }
  }
}

/** As `query`, but planned once per connection: for statements whose planning costs more than their execution. */
export async function queryPrepared<R extends object>(
  on: Reader,
  statement: Prepared,
  values: unknown[],
): Promise<R[]> {
  if ('prepared' in on) return (on as PooledReader).prepared<R>(statement, values);
  const client = (await (on as Tx).queryRunner?.connect()) as PoolClient;
  return (await client.query<R>({ ...statement, values })).rows;
}

/** @throws Error unless it is a UUID: it goes into the statement as it is */
function asTenant(organizationId: string): Scope {
  if (!UUID.test(organizationId)) throw new Error('An organization is named by its UUID');
  return { setting: 'organization', value: organizationId };
}

const asJob = (job: SystemJob): Scope => ({ setting: 'job', value: job });

/** PostgreSQL's five-character code of an error, wherever the driver or TypeORM has put it; else null. */
export function sqlState(error: unknown): string | null {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } };
  const found = driverError?.code ?? code;
  return typeof found === 'string' ? found : null;
}

/** The unique index or constraint that refused a row, else null. */
export function violatedUnique(error: unknown): string | null {
  if (sqlState(error) !== '23505') return null;
  const { constraint, driverError } = error as { constraint?: string; driverError?: { constraint?: string } };
  return driverError?.constraint ?? constraint ?? null;
}

/** Whether the database could not be reached or was shutting down: the caller may try again later. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error) ?? '';
  const message = error instanceof Error ? error.message : '';
  return (
    /^(08|57P0|53)/.test(state) ||
    /^E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|AI_AGAIN)/.test(state) ||
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/i.test(
      message,
    )
  );
}

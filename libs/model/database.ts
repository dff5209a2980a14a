import type { Pool } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';

/** Inside a command only this is used: everything through it commits or vanishes together. */
export type Tx = EntityManager;

/** A statement worth parsing once per connection. `name` is unique in the product. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
}

/** Jobs that may cross tenants, by name; nothing else may. */
export type SystemJob = 'authenticate' | 'bootstrap' | 'relay' | 'lanes' | 'snooze' | 'health';

const RETRYABLE = new Set(['40001', '40P01']); // serialization failure, deadlock
const MAX_TRIES = 4;

/**
 * The way to PostgreSQL. Every call names its organization (or its system job), so that the tenant wall has one
 * place to stand in.
 */
export class Database {
  private readonly commitListeners = new WeakMap<Tx, Set<() => void>>();

  constructor(readonly dataSource: DataSource) {}

  /**
   * One transaction of one organization. Repeated as a whole when PostgreSQL breaks a deadlock, so `work` has no
   * effect but through `tx`: no network call, no enqueueing.
   */
  async transaction<T>(organizationId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    void organizationId;
    return this.committing(work);
  }

  /** One transaction that crosses tenants. */
  async system<T>(job: SystemJob, work: (tx: Tx) => Promise<T>): Promise<T> {
    void job;
    return this.committing(work);
  }

  /** Calls `listener` once `tx` has committed; never when it is rolled back. */
  onCommit(tx: Tx, listener: () => void): void {
    const listeners = this.commitListeners.get(tx) ?? new Set();
    this.commitListeners.set(tx, listeners.add(listener));
  }

  /** Reads of one organization outside a command. */
  reader(organizationId: string): EntityManager {
    void organizationId;
    return this.dataSource.manager;
  }

  /** One statement, prepared once per connection and committed by itself: the hot paths. */
  async prepared<R extends object>(organizationId: string, statement: Prepared, values: unknown[]): Promise<R[]> {
    void organizationId;
    return this.run(statement, values);
  }

  /** One prepared statement that crosses tenants. */
  async lookup<R extends object>(job: SystemJob, statement: Prepared, values: unknown[]): Promise<R[]> {
    void job;
    return this.run(statement, values);
  }

  private run<R extends object>(statement: Prepared, values: unknown[]): Promise<R[]> {
    const pool = (this.dataSource.driver as unknown as { master: Pool }).master;
    return this.retrying(async () => (await pool.query<R>({ ...statement, values })).rows);
  }

  private async committing<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    let used: Tx | undefined;
    const result = await this.retrying(() =>
      this.dataSource.transaction((tx) => {
        used = tx;
        return work(tx);
      }),
    );
    for (const listener of (used && this.commitListeners.get(used)) ?? []) listener();
    return result;
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

import { runMigrations } from 'bullmq';
import pg from 'pg';
import { createDataSource } from './data-source.js';
import { sqlState } from './database.js';

/** Advisory lock that lets any number of migrators start at once: the first works, the others wait and find it done. */
const MIGRATION_LOCK = 0x5_0b0a_0002;

/**
 * Brings the schema up to date: the product's own tables, then BullMQ's, then the rights of the role that the
 * processes use, where it is not the owner. Safe to run again and from several places at once.
 * @param ownerUrl the role that owns the tables
 * @param appUrl the role that the processes connect as
 * @returns the names of the migrations that were applied
 */
export async function migrate(ownerUrl: string, appUrl: string): Promise<string[]> {
  const lock = new pg.Client({ connectionString: ownerUrl });
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const source = await createDataSource(ownerUrl, 1).initialize();
    try {
      const applied = await source.runMigrations();
      await runMigrations(lock);
      await grant(lock, decodeURIComponent(new URL(appUrl).username));
      return applied.map((migration) => migration.name);
    } finally {
      await source.destroy();
    }
  } finally {
    await lock.end();
  }
}

/** @throws Error that says what to do when a migration of this version is missing */
export async function requireSchema(url: string): Promise<void> {
  const source = await createDataSource(url, 1).initialize();
  try {
    const behind = await source.showMigrations().catch((error: unknown) => {
      if (sqlState(error) === '42501') return true; // there is no migrations table, and this role may not make one
      throw error;
    });
    if (behind) throw new Error('the database schema is not up to date: run `npm run migrate` first');
  } finally {
    await source.destroy();
  }
}

/** Tables that the processes may read and add to, and nothing else. */
const APPEND_ONLY = ['audit_log'];

async function grant(owner: pg.Client, role: string): Promise<void> {
  const { rows } = await owner.query<{ same: boolean }>('SELECT current_user = $1 AS same', [role]);
  if (rows[0]?.same || role === '') return;
  const name = pg.escapeIdentifier(role);
  for (const schema of ['public', 'bullmq']) {
    await owner.query(`
      GRANT USAGE ON SCHEMA ${schema} TO ${name};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${name};
      GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${name}`);
  }
  await owner.query(`REVOKE UPDATE, DELETE ON ${APPEND_ONLY.join(', ')} FROM ${name}`);
  await owner.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA bullmq TO ${name}`);
}

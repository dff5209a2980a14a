import { isUnavailable } from '@hub/model/database.js';
import { migrate } from '@hub/model/migrate.js';

export interface DatabaseUrls {
  /** As the processes connect. */
  readonly app: string;
  /** As the owner of the tables connects. */
  readonly owner: string;
}

export function databaseUrls(env: NodeJS.ProcessEnv): DatabaseUrls {
  const app = env['DATABASE_URL'] ?? '';
  return { app, owner: env['MIGRATION_DATABASE_URL'] || app };
}

/**
 * @returns the names of the migrations that were applied
 * @throws Error that says so in plain words where the database does not answer
 */
export async function migrateDatabase(urls: DatabaseUrls): Promise<string[]> {
  try {
    return await migrate(urls.owner, urls.app);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    const { host } = new URL(urls.owner);
    throw new Error(`The database at ${host} does not answer: ${(error as Error).message}`, { cause: error });
  }
}

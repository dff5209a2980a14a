import 'reflect-metadata';
import { ensureFirstOrganization } from '@hub/identity/bootstrap.js';
import { databaseUrls, migrateDatabase } from './migrate-database.js';

/** `npm run migrate`: a step of its own before new processes are rolled out; may run in several places at once. */
async function main(): Promise<void> {
  const { DATABASE_URL, BOOTSTRAP_API_KEY } = process.env;
  if (!DATABASE_URL) throw new Error('DATABASE_URL is not set. (`npm start` migrates its own database by itself.)');
  const applied = await migrateDatabase(databaseUrls(process.env));
  for (const name of applied) console.log(`Applied ${name}`);
  if (applied.length === 0) console.log('The database is up to date.');
  const { createdKey } = await ensureFirstOrganization(DATABASE_URL, BOOTSTRAP_API_KEY || undefined);
  if (createdKey) console.log(`Admin API key of the first organization, shown this once: ${createdKey}`);
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

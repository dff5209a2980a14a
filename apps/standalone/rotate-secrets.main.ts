import 'reflect-metadata';
import { createDataSource } from '@hub/model/data-source.js';
import { Database } from '@hub/model/database.js';
import { requireSchema } from '@hub/model/migrate.js';
import { resealAll } from '@hub/model/reseal.js';
import { loadConfig } from '@hub/platform/config.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { readSettings } from './settings.js';
import { StartLock } from './start-lock.js';

/**
 * `npm run rotate-secrets`: seals every stored secret with SECRET_KEY, while everything runs. It may be stopped at any
 * time and goes on where it was.
 */
async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const run = (url: string): Promise<void> => rotate({ ...process.env, ...settings.env, DATABASE_URL: url });
  if (!settings.embedded) return run(process.env['DATABASE_URL'] ?? '');
  const postgres = await EmbeddedPostgres.open({ dataDir: settings.dataDir });
  await postgres.start(); // goes on with the one that `npm start` has running
  const lock = await StartLock.take(postgres.ownerUrl, () => undefined);
  try {
    await run(postgres.appUrl);
  } finally {
    if (lock) await postgres.stop();
    await lock?.release();
  }
}

async function rotate(env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(env);
  const box = new SecretBox(config.SECRET_KEY, config.SECRET_KEY_PREVIOUS);
  await requireSchema(config.DATABASE_URL);
  const source = await createDataSource(config.DATABASE_URL, 2).initialize();
  try {
    console.log(`Sealing stored secrets with SECRET_KEY (${box.keyId}) ...`);
    const { resealed, unknown } = await resealAll(new Database(source), box, (progress) =>
      console.log(`  ${progress.table}: ${progress.resealed} sealed anew`),
    );
    if (resealed > 0) console.log(`${resealed} secrets were sealed anew.`);
    else if (unknown.length === 0) console.log('There was nothing to seal anew.');
    if (unknown.length > 0) throw new Error(unopened(unknown));
    console.log(
      'Every stored secret is sealed with SECRET_KEY. SECRET_KEY_PREVIOUS can be dropped once every process has been ' +
        'started with this SECRET_KEY (run this again after the last one, it does no harm).',
    );
  } finally {
    await source.destroy();
  }
}

const SHOWN = 20;

function unopened(rows: readonly string[]): string {
  const more = rows.length > SHOWN ? `\n  and ${rows.length - SHOWN} more` : '';
  return (
    `${rows.length} rows hold a secret that neither SECRET_KEY nor SECRET_KEY_PREVIOUS opens:\n` +
    `  ${rows.slice(0, SHOWN).join('\n  ')}${more}\n` +
    'Add the key that sealed them to SECRET_KEY_PREVIOUS and run this again, or set these secrets anew.'
  );
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

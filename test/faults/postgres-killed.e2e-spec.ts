import { execFileSync } from 'node:child_process';
import { mkdtempSync, chmodSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { removeDataDir } from '../../apps/standalone/cluster-home.js';
import { EmbeddedPostgres } from '../../apps/standalone/embedded-postgres.js';
import { migrate } from '@hub/model/migrate.js';
import { FaultStage } from '../support/fault-stage.js';
import { eventually } from '../support/harness.js';

describe('a PostgreSQL that is killed', () => {
  let dataDir: string;
  let postgres: EmbeddedPostgres;
  let stage: FaultStage;

  beforeAll(async () => {
    dataDir = mkdtempSync(path.join(os.tmpdir(), 'switchboard-fault-'));
    chmodSync(dataDir, 0o711);
    postgres = await EmbeddedPostgres.open({ dataDir });
    await postgres.start();
    await migrate(postgres.ownerUrl, postgres.appUrl);
    const redisUrl = process.env['TEST_REDIS_URL'];
    stage = await FaultStage.start({
      databaseUrl: postgres.appUrl,
      ownerUrl: postgres.ownerUrl,
      redisUrl: redisUrl && `${redisUrl}/1999`,
    });
  }, 60_000);
  afterAll(async () => {
    await stage.stop();
    await postgres.stop('immediate');
    removeDataDir(dataDir);
  }, 30_000);

  it('loses nothing that was promised, and everybody finds the way back', async () => {
    await stage.startWorker();
    for (let round = 0; round < 2; round++) {
      const load = Promise.all(Array.from({ length: 60 }, () => stage.write()));
      const sofar = stage.promised.length;
      await eventually(() => stage.promised.length >= sofar + 5, 'the load is under way');
      await killPostmaster(postgres.adminUrl);
      await load;
      const during = await fetch(`${stage.api.url}/v1/conversations`, { headers: { 'x-api-key': 'sk_nobody' } });
      expect([401, 503]).toContain(during.status);
      await postgres.start();
      await eventually(() => stage.write(), 'the API writes again', 20_000);
    }
    expect(stage.promised.length).toBeGreaterThan(2);
    await eventually(async () => (await stage.complaints()).length === 0, 'everything is told', 60_000).catch(
      async () => expect(await stage.complaints()).toEqual([]),
    );
  }, 150_000);
});

/** kill -9 of the server's first process; the others end with it. */
async function killPostmaster(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ dir: string }>(`SELECT current_setting('data_directory') AS dir`);
  const pid = execFileSync('head', ['-n', '1', path.join(rows[0]?.dir ?? '', 'postmaster.pid')], { encoding: 'utf8' });
  process.kill(Number(pid.trim()), 'SIGKILL');
  await client.end().catch(() => undefined);
}

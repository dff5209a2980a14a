import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { FaultStage } from '../support/fault-stage.js';
import { eventually } from '../support/harness.js';

describe('a worker that is killed while rules are at work', () => {
  let database: TestDatabase;
  let stage: FaultStage;
  let owner: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    stage = await FaultStage.start(database);
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
  });
  afterEach(async () => {
    await owner.end();
    await stage.stop();
    await database.drop();
  });

  const count = async (text: string): Promise<number> =>
    Number((await owner.query<{ n: string }>(`SELECT count(*) AS n FROM ${text}`)).rows[0]?.n);
  const pending = (): Promise<number> =>
    count(`(SELECT FROM event_task UNION ALL SELECT FROM event WHERE fanned_out_at IS NULL) AS open`);

  it('leaves every event with one firing, and the firing with all it did', async () => {
    await stage.post('/v1/automation-rules', {
      name: 'Count',
      event: 'message.received',
      actions: [{ type: 'note', text: 'Counted' }],
    });
    let worker = await stage.startWorker();
    for (let round = 0; round < 2; round++) {
      const load = Promise.all(Array.from({ length: 20 }, () => stage.write(20)));
      await new Promise((resolve) => setTimeout(resolve, 60 + round * 90));
      await worker.kill();
      await load;
      worker = await stage.startWorker();
    }
    expect(stage.promised).toHaveLength(40);
    await eventually(async () => (await pending()) === 0, 'all is done', 60_000);
    expect(await count(`message WHERE direction = 'internal'`)).toBe(40);
    expect(await count(`rule_log WHERE outcome = 'fired'`)).toBe(40);
    expect(await count('rule_log')).toBe(40);
  }, 150_000);
});

import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { FaultStage } from '../support/fault-stage.js';
import { eventually } from '../support/harness.js';

describe('a worker that is killed', () => {
  let database: TestDatabase;
  let stage: FaultStage;

  beforeEach(async () => {
    database = await createTestDatabase();
    stage = await FaultStage.start(database);
  });
  afterEach(async () => {
    await stage.stop();
    await database.drop();
  });

  it('before it saw the commit: the next one delivers', async () => {
    const worker = await stage.startWorker();
    await stage.subscriber.expect(1, '/hook'); // channel.created
    await worker.kill();
    await stage.write();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(stage.subscriber.received.map(({ body }) => body.type)).toEqual(['channel.created']);
    await stage.startWorker();
    await eventually(async () => (await stage.complaints()).length === 0, 'everything is told', 10_000);
  }, 40_000);

  it('while its requests are under way: they come again with the same id and the same bytes', async () => {
    stage.subscriber.behave('hang');
    const worker = await stage.startWorker();
    for (let i = 0; i < 5; i++) await stage.write();
    const before = await stage.subscriber.expect(6, '/hook');
    const ids = new Set(before.map(({ id }) => id));
    await worker.kill();
    stage.subscriber.behave(200);
    await stage.startWorker();
    await eventually(async () => (await stage.complaints()).length === 0, 'everything is told', 40_000);
    const again = stage.subscriber.received.filter((request, nth, all) =>
      all.some((other, place) => place < nth && other.id === request.id),
    );
    expect(again.filter(({ id }) => ids.has(id)).length).toBeGreaterThan(0);
  }, 60_000);

  it('again and again under load: nothing is lost, nothing is told that did not happen', async () => {
    let worker = await stage.startWorker();
    for (let round = 0; round < 4; round++) {
      const load = Promise.all(Array.from({ length: 25 }, () => stage.write()));
      await new Promise((resolve) => setTimeout(resolve, 15 + round * 40));
      await worker.kill();
      await load;
      worker = await stage.startWorker();
    }
    expect(stage.promised.length).toBe(100);
    await eventually(async () => (await stage.complaints()).length === 0, 'everything is told', 60_000).catch(
      async () => expect(await stage.complaints()).toEqual([]),
    );
  }, 120_000);
});

import { jest } from '@jest/globals';
import { uuid } from '../dialects/v1/v1-fixtures.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { pastDeliveries } from '../support/past-deliveries.js';
import { startProcess, type HubProcess } from '../support/processes.js';
import { Subscriber } from '../support/subscriber.js';

jest.setTimeout(240_000);

const COUNT = 3_000;

describe('a worker that is killed while it recovers', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let worker: HubProcess;

  beforeAll(async () => {
    [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
  });
  afterAll(async () => {
    await worker.kill();
    await subscriber.stop();
    await hub.stop();
  });

  it('three times: exactly what was meant arrives, each with its id', async () => {
    const { data } = await hub.admin.post('/v1/webhooks', {
      url: subscriber.url(),
      events: ['bot.*'],
      config: { timeout: 1, concurrency: 100 },
    });
    const lane = { organizationId: uuid(hub.admin.organizationId), endpointId: uuid(data.id) };
    const meant = await pastDeliveries(hub, lane, { count: COUNT });
    await pastDeliveries(hub, lane, { count: 500, status: 'succeeded' });
    await pastDeliveries(hub, lane, { count: 500, type: 'contact.updated' });
    const since = new Date(Date.now() - 60_000).toISOString();
    const started = await hub.admin.post(`/v1/webhooks/${data.id}/recover`, { since, events: ['contact.created'] });
    const job = `/v1/webhooks/${data.id}/recoveries/${started.data.id}`;
    const replayed = async (): Promise<number> => (await hub.admin.get(job)).data.attributes['replayed'] ?? 0;

    const seen: number[] = [];
    for (let kill = 0; kill < 3; kill++) {
      const before = await replayed();
      worker = await startProcess('worker', hub.database);
      await eventually(async () => (await replayed()) > before, 'it goes on', 20_000);
      await worker.kill();
      seen.push(await replayed());
    }
    worker = await startProcess('worker', hub.database);
    await eventually(
      async () => (await hub.admin.get(job)).data.attributes['state'] === 'succeeded',
      'it ends',
      30_000,
    );
    expect((await hub.admin.get(job)).data.attributes).toMatchObject({ matched: COUNT, replayed: COUNT, progress: 1 });
    expect(seen.every((count) => count > 0 && count < COUNT)).toBe(true);
    await eventually(
      async () =>
        (
          await hub.sql(
            `SELECT FROM webhook_delivery WHERE endpoint_id = $1 AND status IN ('blocked','pending','leased')`,
            [lane.endpointId],
          )
        ).length === 0,
      'all has arrived',
      90_000,
    );
    const got = new Map(subscriber.received.map(({ id, raw }) => [id, raw.toString()]));
    expect([...got.keys()].sort()).toEqual([...meant].sort());
    expect(subscriber.received.every(({ id, raw }) => got.get(id) === raw.toString())).toBe(true);
    expect(subscriber.received.length - COUNT).toBeLessThanOrEqual(3 * 100); // what was under way when it was killed
  });
});

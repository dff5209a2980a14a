import { jest } from '@jest/globals';
import { ApiClient } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { startProcess, type HubProcess } from '../support/processes.js';
import { startRedis } from '../support/redis.js';

jest.setTimeout(90_000);

/** A Redis of its own, to be killed. */
describe('rate limits counted in a Redis that is killed', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let hub: Hub;
  let apis: HubProcess[] = [];
  let document: object;
  beforeAll(async () => {
    redis = await startRedis();
    if (!redis) return;
    hub = await startHub();
    const settings = { databaseUrl: hub.database.databaseUrl, redisUrl: redis.url };
    const env = { RATE_LIMIT_PER_MINUTE: '20' };
    apis = await Promise.all([0, 1].map(() => startProcess('api', { ...settings, env })));
    document = (await (await fetch(`${hub.url}/docs/openapi.json`)).json()) as object;
  });
  afterAll(async () => {
    await Promise.all(apis.map((one) => one.kill()));
    await redis?.kill();
    await hub?.stop();
  });

  const passed = async (requests: number): Promise<number> => {
    const { key, organizationId } = await hub.withScopes('conversations:read');
    const clients = apis.map(({ url }) => new ApiClient(url, key, document, organizationId));
    const each = Math.floor(requests / clients.length);
    const calls = clients.flatMap((client) => Array.from({ length: each }, () => client.get('/v1/conversations')));
    const answers = await Promise.all(calls);
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].every((status) => status === 200 || status === 429)).toBe(true);
    return answers.filter(({ status }) => status === 200).length;
  };

  it('are shared while it is there, and each process’s own once it is gone: never open, never closed', async () => {
    if (!redis) return;
    expect(await passed(60)).toBe(20);
    await redis.kill();
    expect(await passed(60)).toBe(40); // the same limit in either of two processes
    await eventually(
      async () => /^rate_limiter_failures_total [1-9]/m.test(await (await fetch(`${apis[0]?.url}/metrics`)).text()),
      'it is counted',
    );
    await passed(10);
    expect(apis[0]?.log().match(/rate-limits\.local/g)).toHaveLength(1);
  });
});

import { jest } from '@jest/globals';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { Operation } from '@hub/dialects/v1/v1.operation.js';
import { HttpModule } from '@hub/http/http.module.js';
import { AddressLimitGuard } from '@hub/http/limits.js';
import { expectError } from '../dialects/v1/v1-fixtures.js';
import { ApiClient, type Answer } from '../support/api-client.js';
import { startApp, type RunningApp } from '../support/app.js';
import { eventually, startHub, testConfig, type Hub } from '../support/harness.js';
import { startProcess, type HubProcess } from '../support/processes.js';

jest.setTimeout(90_000);

const rate = ({ status, headers }: Pick<Answer, 'status' | 'headers'>) => ({
  status,
  limit: headers.get('x-ratelimit-limit'),
  remaining: headers.get('x-ratelimit-remaining'),
});

describe('rate limits of a key', () => {
  let hub: Hub;
  let other: HubProcess;
  let document: object;
  const env = { RATE_LIMIT_PER_MINUTE: '20' };
  beforeAll(async () => {
    hub = await startHub({ env });
    const { databaseUrl, redisUrl } = hub.database;
    other = await startProcess('api', { databaseUrl, redisUrl, env });
    document = (await (await fetch(`${hub.url}/docs/openapi.json`)).json()) as object;
  });
  afterAll(async () => {
    await other.kill();
    await hub.stop();
  });
  const elsewhere = (api: ApiClient): ApiClient => new ApiClient(other.url, api.key, document, api.organizationId);

  it('are told on every answer, also on errors', async () => {
    const api = await hub.withScopes('conversations:read');
    const answers = [
      await api.get('/v1/conversations'),
      await api.get('/v1/conversations/conv_nothing'),
      await api.get('/v1/conversations?perPage=0'),
      await api.get('/v1/contacts'),
      await api.post('/v1/contacts', { name: 7 }),
    ];
    expect(answers.map(rate)).toEqual(
      [200, 404, 400, 403, 403].map((status, i) => ({ status, limit: '20', remaining: String(19 - i) })),
    );
    const reset = Number(answers[0]?.headers.get('x-ratelimit-reset')) - Date.now() / 1000;
    expect(reset).toBeGreaterThan(30);
    expect(reset).toBeLessThanOrEqual(61);
    const stranger = await fetch(`${hub.url}/v1/conversations`);
    expect([stranger.status, stranger.headers.get('x-ratelimit-limit')]).toEqual([401, null]);
  });

  it('are shared by all processes, exact, and told how long to wait', async () => {
    const api = await hub.withScopes('conversations:read');
    const clients = [api, elsewhere(api)];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (clients[i % 2] ?? api).get('/v1/conversations')),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    for (const refused of answers.filter(({ status }) => status !== 200)) {
      expectError(refused, 429, 'RATE_LIMIT_EXCEEDED');
      const wait = Number(refused.headers.get('retry-after'));
      expect(wait).toBeGreaterThan(30);
      expect(wait).toBeLessThanOrEqual(60);
      expect((refused.error as unknown as { retryAfter: number }).retryAfter).toBe(wait);
      expect(rate(refused)).toEqual({ status: 429, limit: '20', remaining: '0' });
    }
    expect(await (await fetch(`${hub.url}/metrics`)).text()).toMatch(/^rate_limited_total\{limit="principal"\} \d+$/m);
  });

  it('are of one key only, and begin anew after a minute', async () => {
    const [one, two] = [await hub.withScopes('admin'), await hub.withScopes('admin')];
    await Promise.all(Array.from({ length: 20 }, () => one.get('/v1/conversations')));
    expect((await one.get('/v1/conversations')).status).toBe(429);
    expect(rate(await two.get('/v1/conversations'))).toEqual({ status: 200, limit: '20', remaining: '19' });
    if (hub.config.REDIS_URL) return; // its clock is its own
    const later = Date.now() + 61_000;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => later);
    try {
      expect(rate(await one.get('/v1/conversations'))).toEqual({ status: 200, limit: '20', remaining: '19' });
    } finally {
      clock.mockRestore();
    }
  });

  it('do not cost a question to the shared counter for each request', async () => {
    const generous = await startApp({ config: testConfig(hub.database, { RATE_LIMIT_PER_MINUTE: '6000' }) });
    try {
      const api = await hub.withScopes('conversations:read');
      const there = new ApiClient(generous.url, api.key, document, api.organizationId);
      const answers = await Promise.all(Array.from({ length: 100 }, () => there.get('/v1/conversations')));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      if (hub.config.REDIS_URL) return;
      const [row] = await hub.sql<{ points: number }>(`SELECT max(points) AS points FROM rate_limit`);
      expect(row?.points).toBe(120); // two batches of a hundredth each
    } finally {
      await generous.stop();
    }
  });

  it('may be turned off', async () => {
    const free = await startApp({ config: testConfig(hub.database, { RATE_LIMIT_PER_MINUTE: '0' }) });
    try {
      const api = await hub.withScopes('conversations:read');
      const there = new ApiClient(free.url, api.key, document, api.organizationId);
      const answers = await Promise.all(Array.from({ length: 30 }, () => there.get('/v1/conversations')));
      expect(new Set(answers.map((answer) => JSON.stringify(rate(answer)))).size).toBe(1);
      expect(answers[0]?.headers.get('x-ratelimit-limit')).toBeNull();
    } finally {
      await free.stop();
    }
  });
});

@Controller('door')
@UseGuards(AddressLimitGuard)
class DoorController {
  @Get()
  @Operation({ scope: 'admin', summary: 'A door', limit: 'login', flat: 'Meta' })
  knock(): object {
    return {};
  }
}

@Module({ imports: [HttpModule], controllers: [DoorController] })
class DoorModule {}

describe('rate limits of an address', () => {
  let hub: Hub;
  let apps: RunningApp[];
  const env = { LOGIN_RATE_LIMIT_PER_MINUTE: '10', TRUST_PROXY: '127.0.0.1' };
  beforeAll(async () => {
    hub = await startHub();
    apps = await Promise.all(
      [env, env, { ...env, TRUST_PROXY: '192.0.2.1' }].map((one) =>
        startApp({ config: testConfig(hub.database, one), module: DoorModule }),
      ),
    );
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.stop()));
    await hub.stop();
  });

  const knock = (app: number, from: string): Promise<number> =>
    fetch(`${apps[app]?.url}/door`, { headers: { 'x-forwarded-for': from } }).then(({ status }) => status);
  const passed = (statuses: readonly number[]): number => statuses.filter((status) => status === 200).length;

  it('count across processes, and nobody else’s address', async () => {
    const statuses = await Promise.all(Array.from({ length: 40 }, (_, i) => knock(i % 2, '203.0.113.7')));
    expect([passed(statuses), statuses.filter((status) => status === 429).length]).toEqual([10, 30]);
    expect(await knock(0, '203.0.113.8')).toBe(200);
  });

  it('count an IPv6 network as one', async () => {
    const statuses = await Promise.all(Array.from({ length: 20 }, (_, i) => knock(0, `2001:db8:1:2::${i + 1}`)));
    expect(passed(statuses)).toBe(10);
    expect(await knock(0, '2001:db8:1:3::1')).toBe(200);
    expect(await knock(0, '::ffff:203.0.113.7')).toBe(429);
  });

  it('do not believe X-Forwarded-For from anyone but a listed proxy', async () => {
    const statuses = await Promise.all(Array.from({ length: 20 }, (_, i) => knock(2, `198.51.100.${i + 1}`)));
    expect(passed(statuses)).toBe(10);
  });

  it('believe the last address that a trusted proxy has seen, not what the client says before it', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 20 }, (_, i) => knock(0, `198.51.100.${i + 1}, 203.0.113.99`)),
    );
    expect(passed(statuses)).toBe(10);
  });
});

describe('rate limits whose shared counter fails', () => {
  it('are counted by each process then, and shared again afterwards', async () => {
    const hub = await startHub({ env: { RATE_LIMIT_PER_MINUTE: '20' } });
    try {
      if (hub.config.REDIS_URL) return; // see rate-limits-redis
      const metric = async (): Promise<number> =>
        Number(/^rate_limiter_failures_total (\d+)$/m.exec(await (await fetch(`${hub.url}/metrics`)).text())?.[1]);
      expect((await hub.admin.get('/v1/conversations')).status).toBe(200);
      await hub.sql('ALTER TABLE rate_limit RENAME TO elsewhere');
      const api = await hub.withScopes('conversations:read');
      const answers = await Promise.all(Array.from({ length: 50 }, () => api.get('/v1/conversations')));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(30);
      expect(await metric()).toBe(1);
      await hub.sql('ALTER TABLE elsewhere RENAME TO rate_limit');
      await eventually(async () => {
        await (await hub.withScopes('conversations:read')).get('/v1/conversations');
        const [row] = await hub.sql<{ n: number }>('SELECT count(*)::int AS n FROM rate_limit');
        return (row?.n ?? 0) > 1;
      }, 'it is shared again');
    } finally {
      await hub.stop();
    }
  });
});

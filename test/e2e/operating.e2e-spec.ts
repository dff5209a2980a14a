import { startHub, type Hub } from '../support/harness.js';

describe('operating', () => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub();
  }, 60_000);
  afterAll(() => hub.stop());

  it('is live and ready, and says on what', async () => {
    const live = await fetch(`${hub.url}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: 'up' }]);
    const ready = await fetch(`${hub.url}/health/ready`);
    const kind = hub.config.REDIS_URL ? 'redis' : 'postgres';
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'up', checks: { database: { status: 'up' }, queue: { status: 'up', backend: kind } } },
    ]);
  });

  it('shows Prometheus its metrics', async () => {
    const response = await fetch(`${hub.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await response.text()).toMatch(/^process_cpu_seconds_total /m);
  });

  it('serves an OpenAPI 3.1 document of every route, and a page to read it', async () => {
    const document = (await (await fetch(`${hub.url}/docs/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { security?: unknown; responses: object; summary: string }>>;
    };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/v1/conversations', '/v1/conversations/{id}/transfer', '/v1/channels/{id}/messages']),
    );
    for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
      expect(operation.summary).toMatch(/\w/);
      const isPublic = JSON.stringify(operation.security) === '[]';
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(isPublic ? ['400'] : ['401', '403']));
    }
    for (const { post } of Object.values(document.paths)) {
      if (!post || JSON.stringify(post.security) === '[]') continue; // without a caller there is no key to keep
      expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['400', '409', '422', '429']));
      expect(JSON.stringify(post)).toContain('#/components/parameters/IdempotencyKey');
    }
    const page = await fetch(`${hub.url}/docs`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('swagger-ui');
    expect((await fetch(`${hub.url}/docs/swagger-ui-bundle.js`)).status).toBe(200);
  });

  it('gives every answer the request id, the caller’s own if it sent a sound one', async () => {
    const own = await hub.admin.get('/v1/conversations', { headers: { 'x-request-id': 'abc-123' } });
    expect([own.headers.get('x-request-id'), own.meta['requestId']]).toEqual(['abc-123', 'abc-123']);
    const made = await hub.admin.get('/v1/conversations', { headers: { 'x-request-id': 'a b<c>' } });
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('takes the key in either header', async () => {
    const { key } = hub.admin;
    const answers = await Promise.all(
      [{ authorization: `bearer ${key}` }, { 'x-api-key': key }, {}].map((headers) =>
        fetch(`${hub.url}/v1/conversations`, { headers: headers as Record<string, string> }),
      ),
    );
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 401]);
  });
});

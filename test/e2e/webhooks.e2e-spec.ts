import { jest } from '@jest/globals';
import type { ApiClient, Answer, Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { isSigned, Subscriber } from '../support/subscriber.js';

jest.setTimeout(30_000);

/** Without a worker: what is asked for by hand is sent by the API itself. */
describe('webhooks over the native API', () => {
  let hub: Hub;
  let subscriber: Subscriber;

  beforeAll(async () => {
    hub = await startHub();
    subscriber = await Subscriber.start();
  });
  beforeEach(() => subscriber.behave(200));
  afterAll(async () => {
    await subscriber.stop();
    await hub.stop();
  });

  const create = (body: object = {}, client: ApiClient = hub.admin): Promise<Answer> =>
    client.post('/v1/webhooks', { url: subscriber.url(), events: ['*'], ...body });
  const made = async (body: object = {}): Promise<{ path: string; id: string; secret: string }> => {
    const { data } = await create(body);
    return { id: data.id, path: `/v1/webhooks/${data.id}`, secret: String(data.attributes['secret']) };
  };
  const problem = ({ status, error }: Answer<unknown>): unknown[] => [
    status,
    error.code,
    ...(error.details ?? []).map(({ field }) => field),
  ];

  it('shows the secret once, and header values never', async () => {
    const answer = await create({
      events: ['message.sent', 'message.sent', 'conversation.*'],
      headers: { 'X-Token': 'sesame' },
      config: { retryPolicy: 'linktor', timeout: 5, signature: 'standard', payload: 'full' },
    });
    expect(answer.status).toBe(201);
    expect(answer.data.attributes).toMatchObject({
      status: 'active',
      events: ['message.sent', 'conversation.*'],
      headers: { 'X-Token': '********' },
      config: {
        retryPolicy: 'linktor',
        timeout: 5,
        ordering: 'conversation',
        signature: 'standard',
        payload: 'full',
      },
      stats: { deliveriesTotal: 0, successRate: null, avgLatency: null },
      lastDelivery: null,
    });
    expect(answer.data.attributes['secret']).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const again = await hub.admin.get(`/v1/webhooks/${answer.data.id}`);
    expect(again.text).not.toMatch(/whsec_|sesame/);
    const stored = await hub.sql(`SELECT secrets::text || headers::text AS sealed FROM webhook_endpoint`);
    expect(JSON.stringify(stored)).not.toMatch(/whsec_|sesame/);
  });

  it('lists, changes and removes', async () => {
    const { id, path } = await made({ description: 'first' });
    const list = await hub.admin.get<Resource[]>('/v1/webhooks?perPage=1');
    expect(list.data.map((one) => one.id)).toEqual([id]);
    expect(list.meta['pagination']).toMatchObject({ page: 1, perPage: 1 });
    const changed = await hub.admin.patch(path, {
      description: null,
      events: ['test.ping'],
      config: { timeout: 3 },
      headers: { a: 'b' },
      status: 'inactive',
    });
    expect(changed.data.attributes).toMatchObject({
      description: null,
      events: ['test.ping'],
      config: { timeout: 3 },
      headers: { a: '********' },
      status: 'inactive',
    });
    const back = await hub.admin.patch(path, { config: { timeout: null } });
    expect(back.data.attributes['config']).toMatchObject({ timeout: 15 });
    expect((await hub.admin.get<Resource[]>('/v1/webhooks?status=inactive')).data).toHaveLength(1);
    expect((await hub.admin.delete(path)).status).toBe(204);
    for (const gone of [
      hub.admin.get(path),
      hub.admin.patch(path, {}),
      hub.admin.delete(path),
      hub.admin.post(`${path}/test`),
    ]) {
      expect(problem(await gone)).toEqual([404, 'WEBHOOK_NOT_FOUND']);
    }
  });

  it('names what is wrong', async () => {
    for (const [body, ...expected] of [
      [{ url: 'http://example.com/' }, 'INVALID_URL', 'url'],
      [{ url: 'https://10.0.0.1/' }, 'INVALID_URL', 'url'],
      [{ url: 'nonsense' }, 'INVALID_URL', 'url'],
      [{ url: undefined }, 'VALIDATION_ERROR', 'url'],
      [{ events: [] }, 'INVALID_EVENTS', 'events'],
      [{ events: ['nothing.known'] }, 'INVALID_EVENTS', 'events'],
      [{ events: undefined }, 'VALIDATION_ERROR', 'events'],
      [{ headers: { Host: 'x' } }, 'VALIDATION_ERROR', 'headers.Host'],
      [{ headers: { a: 'b\r\nc: d' } }, 'VALIDATION_ERROR', 'headers.a'],
      [{ headers: { a: 1 } }, 'VALIDATION_ERROR', 'headers.a'],
      [{ config: { timeout: '15' } }, 'VALIDATION_ERROR', 'config.timeout'],
      [{ config: { retryPolicy: 'custom' } }, 'VALIDATION_ERROR', 'config.steps'],
      [{ config: { signature: 'v2' } }, 'VALIDATION_ERROR', 'config.signature'],
      [{ config: { signature: { kind: 'v1a' } } }, 'VALIDATION_ERROR', 'config.signature'],
      [{ config: { signature: ['linktor-docs', 'linktor-sdk'] } }, 'VALIDATION_ERROR', 'config.signature'],
      [{ config: { rateLimit: 0 } }, 'VALIDATION_ERROR', 'config.rateLimit'],
      [{ config: { payload: 'slim' } }, 'VALIDATION_ERROR', 'config.payload'],
      [{ config: { concurrency: 101 } }, 'VALIDATION_ERROR', 'config.concurrency'],
      [{ config: { channelIds: [] } }, 'VALIDATION_ERROR', 'config.channelIds'],
      [{ config: { channelIds: [5] } }, 'VALIDATION_ERROR', 'config.channelIds'],
      [{ config: { channelIds: 'ch_x' } }, 'VALIDATION_ERROR', 'config.channelIds'],
      [{ config: { teamIds: [] } }, 'VALIDATION_ERROR', 'config.teamIds'],
      [{ config: { __proto__x: 1 } }, 'VALIDATION_ERROR', 'config.__proto__x'],
    ] as const) {
      expect([body, ...problem(await create(body))]).toEqual([body, 400, ...expected]);
    }
    const { path } = await made();
    expect(problem(await hub.admin.patch(path, { status: 'disabled' }))).toEqual([400, 'VALIDATION_ERROR', 'status']);
    expect(problem(await hub.admin.patch(path, { config: { teamIds: ['x'] } }))).toContain('config.teamIds');
    expect(problem(await hub.admin.post(`${path}/test`, { event: 'channel.error' }))).toEqual([
      400,
      'INVALID_EVENTS',
      'event',
    ]);
    expect(problem(await hub.admin.get(`${path}/deliveries?status=blocked`))).toContain('status');
    expect(problem(await hub.admin.get(`${path}/deliveries?conversationId=x`))).toContain('conversationId');
  });

  it('shows nothing to another organization, and nothing without the scope', async () => {
    const { path } = await made();
    const { data } = await hub.admin.post<{ deliveryId: string }>(`${path}/test`);
    const delivery = `${path}/deliveries/${data.deliveryId}`;
    const other = await hub.newOrganization('Other');
    for (const call of [
      other.get(path),
      other.patch(path, {}),
      other.delete(path),
      other.post(`${path}/test`),
      other.post(`${path}/rotate-secret`),
      other.get(`${path}/deliveries`),
      other.get(delivery),
      other.post(`${delivery}/retry`),
    ]) {
      expect(problem(await call)).toEqual([404, 'WEBHOOK_NOT_FOUND']);
    }
    expect((await other.get<Resource[]>('/v1/webhooks')).data).toEqual([]);
    const reader = await hub.withScopes('webhooks:read');
    expect((await reader.get(path)).status).toBe(200);
    expect(problem(await reader.post(`${path}/test`))).toEqual([403, 'INSUFFICIENT_PERMISSIONS']);
  });

  it('sends a test event, which is part of no log of events and counts for nothing', async () => {
    const { path, secret, id } = await made({ url: subscriber.url('/test') });
    expect((await hub.admin.post<object>(`${path}/test`)).data).toMatchObject({ status: 'succeeded', statusCode: 200 });
    const request = subscriber.on('/test').at(-1)!;
    expect(isSigned(request, secret)).toBe(true);
    expect(request.body).toMatchObject({ id: request.id, type: 'test.ping', meta: { webhookId: id } });
    const log = await hub.admin.get<Resource[]>(`${path}/deliveries?event=test.ping&eventId=${request.id}`);
    expect(log.data[0]!.attributes).toMatchObject({ status: 'succeeded', payload: { type: 'test.ping' } });
    expect(await hub.sql(`SELECT FROM event`)).toEqual([]);
    expect((await hub.admin.get(path)).data.attributes['stats']).toMatchObject({ deliveriesTotal: 0 });
  });

  it('tells how a test failed, and does not try it again', async () => {
    subscriber.behave({ status: 503, body: 'later' });
    const { path } = await made();
    const { data } = await hub.admin.post<{ deliveryId: string }>(`${path}/test`);
    expect(data).toMatchObject({ status: 'failed', statusCode: 503 });
    const delivery = await hub.admin.get(`${path}/deliveries/${data.deliveryId}`);
    expect(delivery.data.attributes).toMatchObject({
      status: 'failed',
      attempts: 1,
      response: { statusCode: 503, body: 'later' },
      attemptLog: [{ number: 1, trigger: 'test', outcome: 'http' }],
    });
  });

  it('delivers again by hand, with the same bytes, at any time but during an attempt', async () => {
    const { path } = await made({ url: subscriber.url('/again') });
    const { data } = await hub.admin.post<{ deliveryId: string }>(`${path}/test`);
    const retry = `${path}/deliveries/${data.deliveryId}/retry`;
    expect((await hub.admin.post(retry)).data).toMatchObject({
      status: 'succeeded',
      statusCode: 200,
      attempts: 2,
    });
    subscriber.behave(500);
    expect((await hub.admin.post(retry)).data).toMatchObject({
      status: 'succeeded',
      statusCode: 500,
      attempts: 3,
    });
    subscriber.behave({ status: 200, delayMs: 300 });
    const slow = hub.admin.post(retry);
    await subscriber.expect(4, '/again');
    expect(problem(await hub.admin.post(retry))).toEqual([409, 'DELIVERY_IN_PROGRESS']);
    expect((await slow).data).toMatchObject({ status: 'succeeded', attempts: 4 });
    const requests = subscriber.on('/again');
    expect(new Set(requests.map(({ raw, id }) => id + raw.toString())).size).toBe(1);
    const unknown = `${path}/deliveries/${data.deliveryId.replace(/.{4}$/, '0000')}`;
    expect(problem(await hub.admin.get(unknown))).toEqual([404, 'DELIVERY_NOT_FOUND']);
    expect(problem(await hub.admin.post(`${unknown}/retry`))).toEqual([404, 'DELIVERY_NOT_FOUND']);
    expect(problem(await hub.admin.get(`${path}/deliveries/nonsense`))).toEqual([404, 'DELIVERY_NOT_FOUND']);
  });

  it('takes nothing from the schedule when an attempt is made by hand', async () => {
    const { path } = await made({ url: subscriber.url('/by-hand') });
    const worker = await hub.startWorker();
    subscriber.behave(500);
    await hub.admin.post('/v1/bots', { name: 'Any' });
    await subscriber.expect(1, '/by-hand');
    const first = await eventually(async () => {
      const { data } = await hub.admin.get<Resource[]>(`${path}/deliveries`);
      return data[0]?.attributes['statusCode'] === 500 && data[0];
    }, 'it has failed');
    await worker.close();
    const next = first.attributes['nextAttemptAt'];
    const retry = await hub.admin.post(`${path}/deliveries/${first.id}/retry`);
    expect(retry.data).toMatchObject({ status: 'pending', statusCode: 500, attempts: 2 });
    const after = await hub.admin.get(`${path}/deliveries/${first.id}`);
    expect(after.data.attributes['nextAttemptAt']).toBe(next);
    subscriber.behave(200);
    expect((await hub.admin.post(`${path}/deliveries/${first.id}/retry`)).data).toMatchObject({
      status: 'succeeded',
    });
    expect((await hub.admin.get(path)).data.attributes['stats']).toMatchObject({
      deliveriesTotal: 1,
      deliveriesSucceeded: 1,
    });
  });
});

import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { decodeId } from '@hub/platform/ids.js';
import type { ApiClient, Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { isSigned, Subscriber, type Received } from '../support/subscriber.js';

const uuid = (prefix: string, id: string): string => decodeId(prefix, id) ?? '';
const idsOf = (requests: readonly Received[]): string[] => requests.map(({ id }) => id);

jest.setTimeout(30_000);

describe('the webhook engine', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let channelId: string;

  beforeAll(async () => {
    hub = await startHub({ worker: true });
    await hub.startWorker();
    const channel = await hub.admin.post('/v1/channels', { name: 'In', type: 'api' });
    channelId = channel.data.id;
    await hub.admin.post(`/v1/channels/${channelId}/activate`);
  });
  beforeEach(async () => {
    subscriber = await Subscriber.start();
  });
  afterEach(async () => {
    const { data } = await hub.admin.get<Resource[]>('/v1/webhooks?perPage=100');
    for (const { id } of data) await hub.admin.delete(`/v1/webhooks/${id}`);
    await subscriber.stop();
  });
  afterAll(() => hub.stop());

  const subscribe = async (more: object = {}, client: ApiClient = hub.admin) => {
    const body = { url: subscriber.url(), events: ['message.received'], ...more };
    const { data, status, text } = await client.post('/v1/webhooks', body);
    if (status !== 201) throw new Error(text);
    return { id: data.id, secret: String(data.attributes['secret']) };
  };
  /** One inbound message; events of the same person are one conversation. */
  const hear = async (person: string, text = 'hi'): Promise<Resource> => {
    const { data } = await hub.admin.post(`/v1/channels/${channelId}/messages`, {
      externalId: randomUUID(),
      contact: { externalId: person },
      content: { type: 'text', text },
    });
    return data;
  };
  const deliveries = async (webhookId: string, query = ''): Promise<Resource[]> =>
    (await hub.admin.get<Resource[]>(`/v1/webhooks/${webhookId}/deliveries?perPage=100${query}`)).data;
  const statuses = async (webhookId: string): Promise<string[]> =>
    (await deliveries(webhookId)).map(({ attributes }) => String(attributes['status']));
  const attemptsOf = async (webhookId: string, deliveryId: string): Promise<Record<string, unknown>[]> =>
    (await hub.admin.get(`/v1/webhooks/${webhookId}/deliveries/${deliveryId}`)).data.attributes['attemptLog']!;

  it('delivers every event once, signed, to whoever has subscribed to it', async () => {
    const all = await subscribe({
      url: subscriber.url('/all'),
      events: ['conversation.*', 'message.*'],
      headers: { 'x-token': 'sesame' },
    });
    const group = await subscribe({ url: subscriber.url('/group'), events: ['conversation.*'] });
    await subscribe({ url: subscriber.url('/none'), events: ['bot.*'] });
    const other = await hub.newOrganization('Other');
    await subscribe({ url: subscriber.url('/other'), events: ['*'] }, other);

    const message = await hear(randomUUID());
    const [created, received] = await subscriber.expect(2, '/all');
    await subscriber.expect(1, '/group');

    expect([created!.body.type, received!.body.type]).toEqual(['conversation.created', 'message.received']);
    expect(idsOf(subscriber.on('/group'))).toEqual([created!.id]);
    for (const request of [created!, received!]) {
      expect(isSigned(request, all.secret)).toBe(true);
      expect(isSigned(request, group.secret)).toBe(false);
      expect(request.headers).toMatchObject({
        'content-type': 'application/json',
        'user-agent': 'Switchboard-Webhooks/1.0',
        'x-token': 'sesame',
      });
      expect(request.body).toMatchObject({
        id: request.id,
        event: request.body.type,
        meta: { webhookId: all.id },
      });
    }
    expect(received!.body).toMatchObject({ data: { id: message.id }, meta: { sequence: 2 } });
    const [last, first] = await eventually(async () => {
      const found = await deliveries(all.id, '&status=succeeded');
      return found.length === 2 && found;
    }, 'both are written down');
    expect(last!.attributes).toMatchObject({
      event: 'message.received',
      statusCode: 200,
      attempts: 1,
      payload: received!.body,
      request: {
        headers: { 'x-token': '********', 'webhook-id': received!.id, 'webhook-signature': 'v1,********' },
      },
      conversationId: message.attributes['conversationId'],
    });
    expect(first!.attributes).toMatchObject({ event: 'conversation.created' });
    expect(subscriber.on('/none')).toEqual([]);
    expect(subscriber.on('/other')).toEqual([]);
    expect((await hub.admin.get(`/v1/webhooks/${all.id}`)).data.attributes).toMatchObject({
      stats: { deliveriesTotal: 2, deliveriesSucceeded: 2, deliveriesFailed: 0, successRate: 1 },
      lastDelivery: { status: 'succeeded', event: 'message.received' },
    });
  });

  it('tries again with the same bytes until it is 2xx, and gives up at the end of the schedule', async () => {
    subscriber.behave((request, nth) => {
      if (request.path === '/never') return { status: 500, body: 'no\u0000pe' };
      return nth === 1 ? 302 : nth === 2 ? 'reset' : 204;
    });
    const config = { retryPolicy: 'custom', steps: [0, 0.1, 0.1] };
    const good = await subscribe({ url: subscriber.url('/third'), config });
    const bad = await subscribe({ url: subscriber.url('/never'), config });
    await hear(randomUUID());
    const third = await subscriber.expect(3, '/third');
    await subscriber.expect(3, '/never');
    expect(new Set(idsOf(third)).size).toBe(1);
    expect(new Set(third.map(({ raw }) => raw.toString())).size).toBe(1);
    for (const request of third) expect(isSigned(request, good.secret)).toBe(true);

    await eventually(async () => (await statuses(good.id))[0] === 'succeeded', 'it has arrived');
    await eventually(async () => (await statuses(bad.id))[0] === 'failed', 'it is given up');
    const [arrived] = await deliveries(good.id);
    const [failed] = await deliveries(bad.id, '&status=failed');
    expect(arrived!.attributes).toMatchObject({ attempts: 3, statusCode: 204, errorMessage: null });
    expect((await attemptsOf(good.id, arrived!.id)).map(({ outcome }) => outcome)).toEqual([
      'redirect',
      'reset',
      'success',
    ]);
    expect(failed!.attributes).toMatchObject({
      attempts: 3,
      statusCode: 500,
      errorMessage: 'HTTP 500',
      response: { statusCode: 500, body: 'no\ufffdpe', truncated: false },
    });
    expect(subscriber.on('/never')).toHaveLength(3);
  });

  it('keeps the order of every conversation, and of no two', async () => {
    subscriber.behave((request, nth) =>
      request.path === '/ordered' && nth === 1 && request.body.meta.sequence % 7 === 2 ? 500 : 200,
    );
    const config = { retryPolicy: 'custom', steps: Array<number>(10).fill(0) };
    const ordered = await subscribe({ url: subscriber.url('/ordered'), config });
    const people = Array.from({ length: 10 }, () => randomUUID());
    await Promise.all(
      people.map(async (person) => {
        for (let i = 0; i < 12; i++) await hear(person, `${i}`);
      }),
    );
    await eventually(
      async () =>
        (
          await hub.sql(`SELECT FROM webhook_delivery WHERE endpoint_id = $1 AND status = 'succeeded'`, [
            uuid('wh', ordered.id),
          ])
        ).length === 120,
      'all have arrived',
      30_000,
    );
    const seen = new Map<string, number[]>();
    for (const { body } of subscriber.on('/ordered')) {
      const { conversationId } = (body['data'] as unknown as Resource).attributes as unknown as {
        conversationId: string;
      };
      seen.set(conversationId, [...(seen.get(conversationId) ?? []), body.meta.sequence]);
    }
    expect(seen.size).toBe(10);
    for (const sequences of seen.values()) {
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
      expect(new Set(sequences).size).toBe(12);
      expect(sequences.length).toBe(14); // two of the twelve were refused once
    }
  }, 60_000);

  it('sends at once to an endpoint without an order', async () => {
    subscriber.behave({ status: 200, delayMs: 300 });
    await subscribe({ config: { ordering: 'none' } });
    const person = randomUUID();
    for (let i = 0; i < 8; i++) await hear(person);
    await subscriber.expect(8);
    expect(subscriber.peak).toBeGreaterThan(3);
    expect(subscriber.peak).toBeLessThanOrEqual(20); // ten per worker
  });

  it('does not let a hanging or endless endpoint hold up another one', async () => {
    subscriber.behave((request) =>
      request.path === '/hangs' ? 'hang' : request.path === '/endless' ? 'endless' : 200,
    );
    const config = { ordering: 'none', timeout: 5 };
    const hanging = await subscribe({ url: subscriber.url('/hangs'), config });
    const endless = await subscribe({ url: subscriber.url('/endless'), config });
    for (let i = 0; i < 40; i++) await hear(randomUUID());
    await subscriber.expect(20, '/hangs');
    await subscribe({ url: subscriber.url('/healthy') });
    const started = performance.now();
    for (let i = 0; i < 10; i++) await hear(randomUUID());
    await subscriber.expect(10, '/healthy');
    expect(performance.now() - started).toBeLessThan(2_000);
    await eventually(async () => (await statuses(endless.id)).includes('succeeded'), 'cut off after its first 16 KiB');
    const [cut] = await deliveries(endless.id, '&status=succeeded');
    expect(cut!.attributes).toMatchObject({ response: { truncated: true } });
    const log = await eventually(async () => {
      const tried = (await deliveries(hanging.id)).find(({ attributes }) => attributes['errorMessage']);
      return tried && attemptsOf(hanging.id, tried.id);
    }, 'a timeout');
    expect(log[0]).toMatchObject({ outcome: 'timeout', statusCode: null });
  });

  it('takes 410 for a farewell: disables the endpoint, holds what follows, and delivers it when it is active again', async () => {
    subscriber.behave(410);
    const { id } = await subscribe();
    const person = randomUUID();
    await hear(person, 'gone');
    await eventually(
      async () => (await hub.admin.get(`/v1/webhooks/${id}`)).data.attributes['status'] === 'disabled',
      'it is disabled',
    );
    for (let i = 0; i < 3; i++) await hear(person, `held ${i}`);
    await eventually(async () => (await statuses(id)).filter((one) => one === 'held').length === 3, 'they are held');
    expect((await hub.admin.get(`/v1/webhooks/${id}`)).data.attributes).toMatchObject({
      disabledReason: 'gone',
    });
    expect(subscriber.received).toHaveLength(1);

    subscriber.behave(200);
    const back = await hub.admin.patch(`/v1/webhooks/${id}`, { status: 'active' });
    expect(back.data.attributes).toMatchObject({ status: 'active', disabledReason: null });
    const [, ...after] = await subscriber.expect(4);
    expect(after.map(({ body }) => body.meta.sequence)).toEqual([3, 4, 5]);
    await eventually(async () => !(await statuses(id)).includes('pending'), 'all is written down');
    expect((await statuses(id)).sort()).toEqual(['failed', 'succeeded', 'succeeded', 'succeeded']);
  });

  it('sends nothing to an inactive endpoint, and cancels what a removed one had coming', async () => {
    subscriber.behave(500);
    const { id } = await subscribe();
    const person = randomUUID();
    await hear(person);
    await hear(person);
    await subscriber.expect(1);
    await eventually(async () => (await statuses(id)).length === 2, 'both are fanned out');
    await hub.admin.patch(`/v1/webhooks/${id}`, { status: 'inactive' });
    await eventually(async () => (await statuses(id)).every((one) => one === 'held'), 'both are held');
    await hear(person);
    const { id: still } = await subscribe({ url: subscriber.url('/still') });
    await hear(person);
    await subscriber.expect(1, '/still');
    expect(await statuses(id)).toEqual(['held', 'held']);
    await hub.admin.delete(`/v1/webhooks/${id}`);
    await hub.admin.delete(`/v1/webhooks/${still}`);
    const left = await hub.sql<{ status: string }>(`SELECT status FROM webhook_delivery WHERE endpoint_id = $1`, [
      uuid('wh', id),
    ]);
    expect(left.map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    expect((await hub.admin.get(`/v1/webhooks/${id}/deliveries`)).error.code).toBe('WEBHOOK_NOT_FOUND');
  });

  it('lets the others of a conversation pass a delivery that has failed for fifteen minutes, unless the order is strict', async () => {
    subscriber.behave((request) => (request.body.meta.sequence === 2 ? 500 : 200));
    const { id } = await subscribe({ url: subscriber.url('/passes') });
    const { id: strict } = await subscribe({
      url: subscriber.url('/strict'),
      config: { ordering: 'strict' },
    });
    const person = randomUUID();
    await hear(person);
    await hear(person);
    await subscriber.expect(1, '/passes');
    await subscriber.expect(1, '/strict');
    await eventually(
      async () =>
        (
          await hub.sql(
            `UPDATE webhook_delivery SET first_attempt_at = now() - interval '16 minutes',
          next_attempt_at = now() + interval '1 hour' WHERE endpoint_id = ANY($1) AND status = 'pending' RETURNING id`,
            [[uuid('wh', id), uuid('wh', strict)]],
          )
        ).length === 2,
      'both have failed once',
    );
    await eventually(() => subscriber.on('/passes').some(({ body }) => body.meta.sequence === 3), 'it is passed');
    await hear(person);
    await eventually(() => subscriber.on('/passes').some(({ body }) => body.meta.sequence === 4), 'so is it later');
    expect(subscriber.on('/strict').every(({ body }) => body.meta.sequence === 2)).toBe(true);
    await eventually(async () => (await statuses(id)).filter((one) => one === 'succeeded').length === 2, 'two arrived');
    expect(await statuses(id)).toEqual(['succeeded', 'succeeded', 'pending']);
  });

  it('goes on after a worker has died with a delivery in its hands', async () => {
    subscriber.behave((_, nth) => (nth === 1 ? 'hang' : 200));
    const { id } = await subscribe({ config: { timeout: 30 } });
    const person = randomUUID();
    await hear(person);
    await hear(person);
    await subscriber.expect(1);
    const expired = await hub.sql(
      `UPDATE webhook_delivery SET lease_until = now() - interval '1 second'
       WHERE endpoint_id = $1 AND status = 'leased' RETURNING id`,
      [uuid('wh', id)],
    );
    expect(expired).toHaveLength(1);
    await eventually(() => subscriber.received.length >= 2, 'it is sent again', 3_000);
    expect(new Set(idsOf(subscriber.received.slice(0, 2))).size).toBe(1);
    await eventually(async () => (await statuses(id)).filter((one) => one === 'succeeded').length >= 1, 'it arrived');
    const first = (await deliveries(id)).at(-1)!;
    expect((await attemptsOf(id, first.id)).map(({ outcome }) => outcome)).toEqual(['interrupted', 'success']);
  });

  it('needs no queue: what is due and what is stuck is found within a second or two', async () => {
    const { id } = await subscribe();
    const person = randomUUID();
    await hear(person);
    await subscriber.expect(1);
    for (const status of ['pending', 'blocked']) {
      await eventually(async () => (await statuses(id))[0] === 'succeeded', 'the one before has arrived');
      const before = subscriber.received.length;
      await hub.sql(`UPDATE webhook_delivery SET status = $2, next_attempt_at = now() WHERE endpoint_id = $1`, [
        uuid('wh', id),
        status,
      ]);
      await eventually(() => subscriber.received.length > before, `${status} is found`, 3_000);
    }
  });
});

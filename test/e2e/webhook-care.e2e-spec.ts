import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { decodeId } from '@hub/platform/ids.js';
import type { Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { isSigned, Subscriber } from '../support/subscriber.js';

jest.setTimeout(40_000);

const uuid = (prefix: string, id: string): string => decodeId(prefix, id) ?? '';

interface Endpoint {
  readonly breaker: string;
  readonly probe_wait: number;
  readonly slow_start: number | null;
  readonly rests: number | null;
  readonly waits: number | null;
  readonly consecutive_failures: number;
  readonly failing_told: number;
}

/** What an endpoint in trouble gets, and how it is spared. Long spans pass by setting rows back in time. */
describe('the care of endpoints', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let channelId: string;

  beforeAll(async () => {
    hub = await startHub({ worker: true });
    await hub.startWorker();
    const { data } = await hub.admin.post('/v1/channels', { name: 'In', type: 'api' });
    channelId = data.id;
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

  const subscribe = async (more: object = {}) => {
    const { data, status, text } = await hub.admin.post('/v1/webhooks', {
      url: subscriber.url(),
      events: ['message.received'],
      ...more,
    });
    if (status !== 201) throw new Error(text);
    return { id: data.id, secret: String(data.attributes['secret']) };
  };
  /** Settings that the API may word otherwise, as the engine reads them. */
  const configure = (id: string, config: object): Promise<unknown> =>
    hub.sql('UPDATE webhook_endpoint SET config = config || $2 WHERE id = $1', [
      uuid('wh', id),
      JSON.stringify(config),
    ]);
  const hear = async (person: string = randomUUID(), text = 'hi', channel = channelId): Promise<void> => {
    await hub.admin.post(`/v1/channels/${channel}/messages`, {
      externalId: randomUUID(),
      contact: { externalId: person },
      content: { type: 'text', text },
    });
  };
  const deliveries = async (webhookId: string): Promise<Resource[]> =>
    (await hub.admin.get<Resource[]>(`/v1/webhooks/${webhookId}/deliveries?perPage=100`)).data;
  const statuses = async (webhookId: string): Promise<string[]> =>
    (await deliveries(webhookId)).map(({ attributes }) => String(attributes['status']));
  const shown = async (webhookId: string): Promise<Record<string, unknown>> =>
    (await hub.admin.get(`/v1/webhooks/${webhookId}`)).data.attributes;
  const endpoint = async (webhookId: string): Promise<Endpoint> => {
    const [row] = await hub.sql<Endpoint>(
      `SELECT breaker, probe_wait, slow_start, consecutive_failures, failing_told,
         extract(epoch FROM paused_until - now())::float8 AS rests,
         extract(epoch FROM open_until - now())::float8 AS waits FROM webhook_endpoint WHERE id = $1`,
      [uuid('wh', webhookId)],
    );
    return row!;
  };
  const set = (webhookId: string, assignments: string): Promise<unknown> =>
    hub.sql(`UPDATE webhook_endpoint SET ${assignments} WHERE id = $1`, [uuid('wh', webhookId)]);
  const becomes = (webhookId: string, what: Partial<Record<keyof Endpoint, unknown>>): Promise<Endpoint | undefined> =>
    eventually(async () => {
      const now = await endpoint(webhookId);
      return Object.entries(what).every(([key, value]) => now[key as keyof Endpoint] === value) && now;
    }, JSON.stringify(what));

  it('opens the breaker after five failures in a row over a minute, and burns nothing of what waits', async () => {
    subscriber.behave(500);
    const { id } = await subscribe();
    for (let i = 0; i < 4; i++) await hear();
    await becomes(id, { consecutive_failures: 4, breaker: 'closed' });
    await set(id, `first_failure_at = now() - interval '61 seconds'`);
    await hear();
    const open = await becomes(id, { breaker: 'open', probe_wait: 30 });
    expect(open!.waits).toBeGreaterThan(25);
    const sent = subscriber.received.length;
    for (let i = 0; i < 10; i++) await hear();
    await eventually(async () => (await deliveries(id)).length === 15, 'all are fanned out');
    await hub.sql(`UPDATE webhook_delivery SET next_attempt_at = now() WHERE endpoint_id = $1 AND status = 'pending'`, [
      uuid('wh', id),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(subscriber.received).toHaveLength(sent);
    expect((await deliveries(id)).filter(({ attributes }) => attributes['attempts'] === 0)).toHaveLength(10);

    // one probe, and a longer wait for the next
    await set(id, 'open_until = now()');
    await becomes(id, { probe_wait: 60 });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(subscriber.received).toHaveLength(sent + 1);

    // two probes that succeed close it; it starts slowly and all arrives
    subscriber.behave(200);
    subscriber.peak = 0;
    await set(id, 'open_until = now()');
    await becomes(id, { breaker: 'closed' });
    await eventually(async () => (await statuses(id)).every((one) => one === 'succeeded'), 'all has arrived', 20_000);
    await becomes(id, { slow_start: null, consecutive_failures: 0 });
    const probes = await hub.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM webhook_attempt a JOIN webhook_delivery d ON d.id = a.delivery_id
       WHERE d.endpoint_id = $1 AND a.trigger = 'probe'`,
      [uuid('wh', id)],
    );
    expect(probes).toEqual([{ n: 3 }]);
  });

  it.each([
    [429, { 'retry-after': '120' }, 120],
    [429, {}, 60],
    [503, { 'retry-after': '7200' }, 3_600],
    [503, {}, null],
  ])('rests after %d with %j', async (status, headers, seconds) => {
    subscriber.behave((_, nth) => (subscriber.received.length === 1 && nth === 1 ? { status, headers } : 200));
    const { id } = await subscribe();
    await hear();
    await subscriber.expect(1);
    await becomes(id, { consecutive_failures: 1 });
    const { rests } = await endpoint(id);
    await hear();
    if (seconds === null) {
      await subscriber.expect(2);
      return;
    }
    expect(Math.abs((rests ?? 0) - seconds)).toBeLessThan(5);
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(subscriber.received).toHaveLength(1);
    await set(id, 'paused_until = now()');
    await subscriber.expect(2, undefined, 3_000);
  });

  it('keeps to the rate of an endpoint, however many workers there are', async () => {
    const { id } = await subscribe();
    await configure(id, { rateLimit: 10 });
    for (let i = 0; i < 40; i++) await hear();
    const all = await subscriber.expect(40, undefined, 15_000);
    const times = all.map(({ at }) => at);
    const busiest = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
    expect(busiest).toBeLessThanOrEqual(21); // a full bucket and a second's tokens
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(2_500);
    expect(times.at(-1)! - times[0]!).toBeLessThan(8_000);
  });

  it('has as many requests under way as the endpoint wants', async () => {
    subscriber.behave({ status: 200, delayMs: 300 });
    const { id } = await subscribe();
    await configure(id, { concurrency: 1 });
    for (let i = 0; i < 6; i++) await hear();
    await subscriber.expect(6);
    expect(subscriber.peak).toBeLessThanOrEqual(2); // one in each of two workers
  });

  it('disables an endpoint that asks for it, with a success or without', async () => {
    subscriber.behave({ status: 200, headers: { 'webhook-delivery': 'disable' } });
    const { id } = await subscribe();
    const watcher = await subscribe({ url: subscriber.url('/watcher'), events: ['webhook.endpoint.*'] });
    await hear();
    await eventually(async () => (await shown(id))['status'] === 'disabled', 'it is disabled');
    expect(await shown(id)).toMatchObject({ disabledReason: 'requested' });
    expect(await statuses(id)).toEqual(['succeeded']);
    const [told] = await subscriber.expect(1, '/watcher');
    expect(told!.body).toMatchObject({
      type: 'webhook.endpoint.disabled',
      data: { id, type: 'webhook', attributes: { status: 'disabled', disabledReason: 'requested' } },
      meta: { changes: { status: { before: 'active', after: 'disabled' } } },
    });
    expect(isSigned(told!, watcher.secret)).toBe(true);
  });

  it('gives a message up that the endpoint will not have, and no other', async () => {
    subscriber.behave((request) =>
      request.body.meta.sequence === 2 ? { status: 422, headers: { 'webhook-delivery': 'abort-message' } } : 200,
    );
    const { id } = await subscribe();
    const person = randomUUID();
    await hear(person);
    await hear(person);
    await eventually(async () => (await statuses(id)).join() === 'succeeded,cancelled', 'both have ended');
    expect(subscriber.received).toHaveLength(2);
    expect((await shown(id))['status']).toBe('active');
  });

  it('warns after 1, 24 and 72 hours of failures and disables after 120, if there were 20', async () => {
    subscriber.behave(({ path }) => (path === '/watcher' ? 200 : 500));
    const { id } = await subscribe({ url: subscriber.url('/failing') });
    await subscribe({
      url: subscriber.url('/watcher'),
      events: ['webhook.endpoint.failing', 'webhook.endpoint.disabled'],
    });
    await hear();
    await becomes(id, { consecutive_failures: 1 });
    for (const [hours, told] of [
      [2, 1],
      [25, 2],
      [73, 3],
      [121, 3],
    ] as const) {
      await set(id, `first_failure_at = now() - interval '${hours} hours'`);
      await subscriber.expect(told, '/watcher', 15_000);
      await becomes(id, { failing_told: told });
    }
    expect(await shown(id)).toMatchObject({ status: 'active' }); // one failure is not twenty
    await set(id, 'consecutive_failures = 20');
    await eventually(async () => (await shown(id))['status'] === 'disabled', 'it is disabled', 15_000);
    await hear();
    await eventually(async () => (await statuses(id)).every((one) => one === 'held'), 'nothing is lost');
    const told = await subscriber.expect(4, '/watcher');
    expect(told.map(({ body }) => body.type)).toEqual([
      'webhook.endpoint.failing',
      'webhook.endpoint.failing',
      'webhook.endpoint.failing',
      'webhook.endpoint.disabled',
    ]);
    expect(told[3]!.body).toMatchObject({ data: { id, attributes: { disabledReason: 'failing' } } });

    subscriber.behave(200);
    await hub.admin.patch(`/v1/webhooks/${id}`, { status: 'active' });
    await eventually(async () => (await statuses(id)).every((one) => one === 'succeeded'), 'all arrives after all');
    expect(await endpoint(id)).toMatchObject({ failing_told: 0, consecutive_failures: 0, breaker: 'closed' });
  });

  it('sends an endpoint the events of its channels alone', async () => {
    const other = (await hub.admin.post('/v1/channels', { name: 'Other', type: 'api' })).data.id;
    await hub.admin.post(`/v1/channels/${other}/activate`);
    const { id } = await subscribe();
    await configure(id, { channelIds: [uuid('ch', other)] });
    await hear(randomUUID(), 'not this');
    await hear(randomUUID(), 'this', other);
    const [only] = await subscriber.expect(1);
    expect(only!.body).toMatchObject({ data: { attributes: { content: { text: 'this' } } } });
    await hear(randomUUID(), 'not this');
    await hear(randomUUID(), 'this', other);
    await subscriber.expect(2);
    expect(await deliveries(id)).toHaveLength(2);
  });

  it('leaves the attributes out where that is wanted or they are too long, with the same bytes each time', async () => {
    subscriber.behave((_, nth) => (nth === 1 ? 500 : 200));
    const { id, secret } = await subscribe({ config: { retryPolicy: 'custom', steps: [0, 0.1] } });
    await configure(id, { payload: 'thin' });
    await hear();
    await subscriber.expect(1);
    await configure(id, { payload: 'full' });
    const [first, second] = await subscriber.expect(2);
    expect(second!.raw.equals(first!.raw)).toBe(true);
    expect(isSigned(second!, secret)).toBe(true);
    const { data } = first!.body as unknown as { data: Record<string, unknown> };
    expect(data).toEqual({
      id: expect.stringMatching(/^msg_/),
      type: 'message',
      links: { self: `/v1/messages/${String(data['id'])}` },
    });
    expect(first!.body).toMatchObject({ meta: { webhookId: id, sequence: 2 } });

    const [stored] = await hub.sql<{ id: string }>(
      `INSERT INTO event (organization_id, id, type, order_key, sequence, subject_id, channel_id, body, created_at)
       SELECT organization_id, uuid_v7(), type, uuid_v7(), 0, subject_id, channel_id,
         replace(body, '"text":"hi"', '"text":"' || repeat('ü', 131072) || '"'), now()
       FROM event WHERE id = $1 RETURNING id`,
      [uuid('evt', first!.id)],
    );
    const long = await eventually(
      () => subscriber.received.find(({ headers }) => uuid('evt', headers['webhook-id'] ?? '') === stored!.id),
      'it is sent for all that',
    );
    expect(long.raw.length).toBeLessThan(1_000);
    expect(long.body).toMatchObject({
      data: { id: data['id'], links: { self: `/v1/messages/${String(data['id'])}` } },
    });
  });
});

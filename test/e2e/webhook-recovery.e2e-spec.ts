import { jest } from '@jest/globals';
import { uuid } from '../dialects/v1/v1-fixtures.js';
import type { Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { pastDeliveries, type Past } from '../support/past-deliveries.js';
import { Subscriber } from '../support/subscriber.js';

jest.setTimeout(60_000);

const HOUR = 3_600_000;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

describe('recovering deliveries', () => {
  let hub: Hub;
  let subscriber: Subscriber;

  beforeAll(async () => {
    hub = await startHub({ worker: true });
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

  async function hook(more: object = {}) {
    const { data } = await hub.admin.post('/v1/webhooks', { url: subscriber.url(), events: ['bot.*'], ...more });
    const path = `/v1/webhooks/${data.id}`;
    const lane = { organizationId: uuid(hub.admin.organizationId), endpointId: uuid(data.id) };
    return { path, id: data.id, past: (past: Past) => pastDeliveries(hub, lane, past) };
  }
  const recover = async (path: string, body: object = {}): Promise<string> => {
    const { data, status, text } = await hub.admin.post(`${path}/recover`, { since: ago(HOUR), ...body });
    if (status !== 200) throw new Error(text);
    return `${path}/recoveries/${data.id}`;
  };
  const ended = (job: string): Promise<Record<string, unknown>> =>
    eventually(async () => {
      const { data } = await hub.admin.get(job);
      return data.attributes['state'] !== 'running' && data.attributes;
    }, 'it has ended');
  const arrived = (): string[] => subscriber.received.map(({ id }) => id).sort();
  const statuses = async (path: string): Promise<string[]> =>
    (await hub.admin.get<Resource[]>(`${path}/deliveries?perPage=100`)).data.map(({ attributes }) =>
      String(attributes['status']),
    );

  it('delivers what has failed in the time, each once, and tells how far it has come', async () => {
    const { path, id, past } = await hook();
    const wanted = await past({ count: 30, at: new Date(Date.now() - 2 * HOUR) });
    await past({ count: 3, at: new Date(Date.now() - 4 * HOUR) });
    await past({ count: 3, at: new Date(Date.now() - 0.5 * HOUR) });
    await past({ count: 3, at: new Date(Date.now() - 2 * HOUR), status: 'succeeded' });
    const job = await recover(path, { since: ago(3 * HOUR), until: ago(HOUR) });
    const { createdAt, finishedAt, since, until, ...rest } = await ended(job);
    expect(rest).toEqual({
      webhookId: id,
      status: 'failed',
      events: ['*'],
      state: 'succeeded',
      matched: 30,
      replayed: 30,
      total: 30,
      progress: 1,
    });
    expect([createdAt, finishedAt, since, until].every((time) => typeof time === 'string')).toBe(true);
    await eventually(
      async () => (await statuses(path)).filter((one) => one === 'succeeded').length === 33,
      'all is well',
    );
    expect(arrived()).toEqual([...wanted].sort());
    const [{ id: deliveryId }] = (await hub.admin.get<[Resource]>(`${path}/deliveries?eventId=${wanted[0]}`)).data;
    const delivery = await hub.admin.get(`${path}/deliveries/${deliveryId}`);
    expect(delivery.data.attributes).toMatchObject({
      attempts: 11,
      attemptLog: [{ number: 11, trigger: 'replay', outcome: 'success' }],
    });
    expect((await hub.admin.get(path)).data.attributes['stats']).toMatchObject({
      deliveriesTotal: 39,
      deliveriesSucceeded: 33,
      deliveriesFailed: 6,
    });
    const list = await hub.admin.get<Resource[]>(`${path}/recoveries`);
    expect(list.data.map((one) => one.id)).toEqual([job.split('/').at(-1)]);
    const { data: audit } = await hub.admin.get<Resource[]>(
      `/v1/audit?action=webhook.recovery_started&subjectId=${id}`,
    );
    expect(audit[0]!.attributes['changes']).toMatchObject({ recovery: { after: { status: 'failed', events: ['*'] } } });
  });

  it('takes only the events that it is to take, and everything where it is told so, tests excepted', async () => {
    const { path, past } = await hook();
    const contacts = await past({ count: 3 });
    const messages = await past({ count: 2, type: 'message.sent', status: 'succeeded' });
    const deleted = await past({ count: 2, type: 'message.deleted', status: 'cancelled' });
    await hub.admin.post(`${path}/test`);
    subscriber.received.length = 0;
    await ended(await recover(path, { events: ['contact.created'] }));
    await eventually(() => arrived().length === 3, 'the contacts');
    expect(arrived()).toEqual([...contacts].sort());
    expect(await ended(await recover(path, { status: 'all', events: ['message.*'] }))).toMatchObject({
      matched: 4,
      replayed: 4,
    });
    await eventually(() => arrived().length === 7, 'the messages');
    expect(arrived()).toEqual([...contacts, ...messages, ...deleted].sort());
  });

  it('delivers what is held of an active webhook, and holds what it recovers of another', async () => {
    const { path, past } = await hook();
    const held = await past({ count: 20, status: 'held' });
    await ended(await recover(path, { status: 'held' }));
    await eventually(() => arrived().length === 20, 'what was held');
    expect(arrived()).toEqual([...held].sort());

    await eventually(async () => !(await statuses(path)).includes('pending'), 'all is written down');
    await hub.admin.patch(path, { status: 'inactive' });
    const failed = await past({ count: 5 });
    expect(await ended(await recover(path))).toMatchObject({ matched: 5, replayed: 5 });
    expect((await statuses(path)).filter((one) => one === 'held')).toHaveLength(5);
    expect(subscriber.received).toHaveLength(20);
    await hub.admin.patch(path, { status: 'active' });
    await eventually(() => arrived().length === 25, 'what was recovered');
    expect(arrived()).toEqual([...held, ...failed].sort());
  });

  it('delivers each once, though two recoveries go over the same time with two workers', async () => {
    const second = await hub.startWorker();
    const config = { concurrency: 100 };
    const { path, past } = await hook({ config });
    const other = await hook({ url: subscriber.url('/other'), config });
    const ids = [...(await past({ count: 1_200 })), ...(await other.past({ count: 600 }))];
    const jobs = await Promise.all([path, path, other.path, path].map((one) => recover(one)));
    const results = await Promise.all(jobs.map(ended));
    expect(results.map(({ state }) => state)).toEqual(Array(4).fill('succeeded'));
    expect(results.reduce((sum, { replayed }) => sum + Number(replayed), 0)).toBe(1_800);
    await eventually(() => subscriber.received.length >= 1_800, 'all', 30_000);
    expect(arrived()).toEqual([...ids].sort());
    await second.close();
  });

  it('stops where it is cancelled, and stays ended', async () => {
    const { path, past } = await hook({ config: { concurrency: 100 } });
    await past({ count: 3_000 });
    const job = await recover(path);
    await eventually(async () => (await hub.admin.get(job)).data.attributes['replayed'] !== 0, 'it has begun');
    const cancelled = await hub.admin.post(`${job}/cancel`);
    expect(cancelled.data.attributes).toMatchObject({ state: 'cancelled' });
    const { replayed, finishedAt } = cancelled.data.attributes as Record<string, unknown>;
    expect(Number(replayed)).toBeLessThan(3_000);
    await eventually(() => subscriber.received.length >= Number(replayed), 'what was taken up', 50_000);
    expect((await hub.admin.post(`${job}/cancel`)).data.attributes).toMatchObject({ state: 'cancelled', finishedAt });
    expect((await hub.admin.get(job)).data.attributes).toMatchObject({ replayed });
    expect(subscriber.received).toHaveLength(Number(replayed));
  });

  it('lets live traffic pass', async () => {
    const { path, past } = await hook({ config: { concurrency: 5 } });
    subscriber.behave({ status: 200, delayMs: 50 });
    await past({ count: 400 });
    await ended(await recover(path));
    await subscriber.expect(3);
    const started = performance.now();
    const { data } = await hub.admin.post('/v1/bots', { name: 'Live' });
    await eventually(
      () => subscriber.received.some(({ body }) => (body['data'] as unknown as Resource).id === data.id),
      'the live one',
    );
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(subscriber.received.length).toBeLessThan(300);
  });

  it('names what is wrong, and shows nothing to another organization or without the scope', async () => {
    const { path } = await hook();
    for (const [body, code, field] of [
      [{}, 'VALIDATION_ERROR', 'since'],
      [{ since: 'yesterday' }, 'VALIDATION_ERROR', 'since'],
      [{ since: ago(31 * 24 * HOUR) }, 'VALIDATION_ERROR', 'since'],
      [{ since: ago(-HOUR) }, 'VALIDATION_ERROR', 'since'],
      [{ since: ago(HOUR), until: ago(2 * HOUR) }, 'VALIDATION_ERROR', 'until'],
      [{ since: ago(HOUR), until: ago(-HOUR) }, 'VALIDATION_ERROR', 'until'],
      [{ since: ago(HOUR), status: 'succeeded' }, 'VALIDATION_ERROR', 'status'],
      [{ since: ago(HOUR), events: ['nothing.known'] }, 'INVALID_EVENTS', 'events'],
      [{ since: ago(HOUR), events: [] }, 'INVALID_EVENTS', 'events'],
    ] as const) {
      const { status, error } = await hub.admin.post(`${path}/recover`, body);
      expect([body, status, error.code, error.details?.[0]?.field]).toEqual([body, 400, code, field]);
    }
    const job = await recover(path);
    const other = await hub.newOrganization('Other');
    for (const call of [
      other.post(`${path}/recover`, { since: ago(HOUR) }),
      other.get(`${path}/recoveries`),
      other.get(job),
      other.post(`${job}/cancel`),
    ]) {
      expect((await call).error.code).toBe('WEBHOOK_NOT_FOUND');
    }
    const unknown = await hub.admin.get(job.replace(/.{4}$/, '0000'));
    expect([unknown.status, unknown.error.code]).toEqual([404, 'RESOURCE_NOT_FOUND']);
    const reader = await hub.withScopes('webhooks:read');
    expect((await reader.get(job)).status).toBe(200);
    expect((await reader.post(`${path}/recover`, { since: ago(HOUR) })).status).toBe(403);
    const key = { headers: { 'idempotency-key': 'recover-once' } };
    const [one, two] = [
      await hub.admin.post(`${path}/recover`, { since: '2999-01-01' }, key),
      await hub.admin.post(`${path}/recover`, { since: ago(HOUR) }, key),
    ];
    expect([one.status, two.status]).toEqual([400, 200]);
  });
});

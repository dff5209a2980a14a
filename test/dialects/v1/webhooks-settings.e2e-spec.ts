import { encodeId, newId } from '@hub/platform/ids.js';
import type { Answer, Resource } from '../../support/api-client.js';
import { eventually, startHub, type Hub } from '../../support/harness.js';
import { pastDeliveries, type Past } from '../../support/past-deliveries.js';
import { Subscriber } from '../../support/subscriber.js';
import * as v1 from './v1-fixtures.js';

const HOUR = 3_600_000;

describe('webhooks', () => {
  let hub: Hub;
  let subscriber: Subscriber;

  beforeAll(async () => {
    [hub, subscriber] = await Promise.all([startHub({ worker: true }), Subscriber.start()]);
  });
  afterAll(async () => {
    await subscriber.stop();
    await hub.stop();
  });

  const create = (config: v1.Json = {}, more: object = {}): Promise<Answer> =>
    hub.admin.post('/v1/webhooks', { url: subscriber.url(), events: ['test.ping'], config, ...more });
  const made = async (config: v1.Json = {}, more: object = {}): Promise<{ id: string; path: string }> => {
    const { id } = v1.ok(await create(config, more));
    return { id, path: `/v1/webhooks/${id}` };
  };
  const past = (id: string, what: Past): Promise<string[]> =>
    pastDeliveries(hub, { organizationId: v1.uuid(hub.admin.organizationId), endpointId: v1.uuid(id) }, what);

  describe('settings', () => {
    it('are shown as they were given, with public ids, and go back to their defaults', async () => {
      const { id: channelId } = await v1.channel(hub.admin);
      const config = { rateLimit: 0.5, payload: 'thin', concurrency: 3, channelIds: [channelId, channelId] };
      const { id, path } = await made(config);
      const shown = (await hub.admin.get(path)).data.attributes['config'];
      expect(shown).toMatchObject({ ...config, channelIds: [channelId] });
      const [stored] = await hub.sql<{ config: object }>('SELECT config FROM webhook_endpoint WHERE id = $1', [
        v1.uuid(id),
      ]);
      expect(stored?.config).toMatchObject({ channelIds: [v1.uuid(channelId)] });
      const none = { rateLimit: null, payload: null, concurrency: null, channelIds: null, teamIds: null };
      const back = v1.ok(await hub.admin.patch(path, { config: none }));
      expect(back.attributes['config']).toEqual({
        retryPolicy: 'standard',
        timeout: 15,
        ordering: 'conversation',
        signature: 'standard',
        payload: 'full',
        concurrency: 10,
      });
    });

    it('name no channel or team that is not there', async () => {
      const other = await hub.newOrganization('Other');
      const foreign = await v1.channel(other);
      const mine = await v1.channel(hub.admin);
      const { path } = await made();
      for (const channelIds of [[foreign.id], [mine.id, encodeId('ch', newId())]]) {
        const config = { channelIds };
        v1.expectError(await create(config), 404, 'CHANNEL_NOT_FOUND', 'config.channelIds');
        v1.expectError(await hub.admin.patch(path, { config }), 404, 'CHANNEL_NOT_FOUND', 'config.channelIds');
      }
      v1.expectError(await create({ channelIds: [mine.id, 'x'] }), 400, 'VALIDATION_ERROR', 'config.channelIds');
      const teamIds = [encodeId('team', newId())];
      v1.expectError(await create({ teamIds }), 404, 'TEAM_NOT_FOUND', 'config.teamIds');
    });

    it('send what belongs to the channels that are named, and nothing that belongs to none', async () => {
      const [one, two] = await Promise.all([v1.channel(hub.admin), v1.channel(hub.admin)]);
      await made({ channelIds: [one.id] }, { url: subscriber.url('/one'), events: ['message.received', 'contact.*'] });
      await made({ payload: 'thin' }, { url: subscriber.url('/all'), events: ['message.received', 'contact.*'] });
      v1.ok(await v1.inbound(hub.admin, two.id));
      const { id } = v1.ok(await v1.inbound(hub.admin, one.id));
      const all = await subscriber.expect(4, '/all');
      const [received] = await subscriber.expect(1, '/one');
      expect(received?.body).toMatchObject({ type: 'message.received', data: { id, attributes: {} } });
      const thin = all.find(({ body }) => (body['data'] as unknown as Resource).id === id);
      expect(thin?.body['data']).toEqual({ id, type: 'message', links: { self: `/v1/messages/${id}` } });
      await hub.admin.post('/v1/contacts', { name: 'Later', email: v1.newEmail() });
      await subscriber.expect(5, '/all');
      expect(subscriber.on('/one')).toHaveLength(1);
    });
  });

  it('tell how they fare and when they will be disabled', async () => {
    const { id, path } = await made();
    const well = (await hub.admin.get(path)).data.attributes;
    expect(well).toMatchObject({
      disableAt: null,
      health: { breaker: 'closed', nextProbeAt: null, pausedUntil: null, failingSince: null, consecutiveFailures: 0 },
    });
    const at = '2026-01-01T00:00:00.000Z';
    const set = (values: string): Promise<unknown> =>
      hub.sql(`UPDATE webhook_endpoint SET ${values} WHERE id = $1`, [v1.uuid(id)]);
    const next = new Date(Date.now() + HOUR).toISOString();
    await set(`first_failure_at = '${at}', consecutive_failures = 7, breaker = 'open', open_until = '${next}',
      paused_until = '${next}', last_success_at = '${at}'`);
    expect((await hub.admin.get(path)).data.attributes).toMatchObject({
      disableAt: '2026-01-06T00:00:00.000Z',
      health: {
        breaker: 'open',
        nextProbeAt: next,
        pausedUntil: next,
        failingSince: at,
        consecutiveFailures: 7,
        lastSuccessAt: at,
      },
    });
    await set(`breaker = 'closed', open_until = NULL, paused_until = now() - interval '1 second', status = 'disabled'`);
    expect((await hub.admin.get(path)).data.attributes).toMatchObject({
      disableAt: null,
      health: { breaker: 'closed', nextProbeAt: null, pausedUntil: null, failingSince: at },
    });
  });

  it('list their deliveries by status, event, conversation, time and id, either way', async () => {
    const { id, path } = await made({}, { url: subscriber.url('/listed'), events: ['conversation.*', 'message.*'] });
    const [old] = await past(id, { count: 1, at: new Date(Date.now() - 3 * HOUR) });
    const [middle] = await past(id, { count: 1, at: new Date(Date.now() - 2 * HOUR), status: 'succeeded' });
    const { id: channelId } = await v1.channel(hub.admin);
    const talks = await Promise.all([v1.inbound(hub.admin, channelId), v1.inbound(hub.admin, channelId)]);
    await subscriber.expect(4, '/listed');
    const succeeded = `${path}/deliveries?status=succeeded`;
    await eventually(async () => (await hub.admin.get<Resource[]>(succeeded)).data.length === 5, 'all is written down');
    const conversationId = String(v1.attributes(talks[0])['conversationId']);

    async function seen(query: string): Promise<unknown[]> {
      const { data, meta } = await hub.admin.get<Resource[]>(`${path}/deliveries?${query}`);
      expect((meta['pagination'] as unknown as { totalCount: number }).totalCount).toBe(data.length);
      return data.map(({ attributes }) => attributes['eventId']);
    }
    const everything = await seen('');
    expect(everything).toHaveLength(6);
    expect(everything.slice(-2)).toEqual([middle, old]);
    expect(await seen('sortOrder=asc')).toEqual([...everything].reverse());
    expect(await seen('status=failed')).toEqual([old]);
    expect(await seen('event=contact.created')).toEqual([middle, old]);
    expect(await seen('event=conversation.*')).toHaveLength(2);
    expect(await seen('event=*')).toEqual(everything);
    expect(await seen('event=nothing.known')).toEqual([]);
    expect(await seen(`conversationId=${conversationId}`)).toHaveLength(2);
    expect(await seen(`conversationId=${conversationId}&event=message.*&status=succeeded`)).toHaveLength(1);
    expect(await seen(`conversationId=${conversationId}&status=failed`)).toEqual([]);
    expect(await seen(`eventId=${middle}`)).toEqual([middle]);
    expect(await seen(`eventId=${encodeId('evt', newId())}`)).toEqual([]);
    const time = (hours: number): string => new Date(Date.now() - hours * HOUR).toISOString();
    expect(await seen(`since=${time(2.5)}&until=${time(1)}`)).toEqual([middle]);
    expect(await seen(`until=${time(2.5)}`)).toEqual([old]);
    v1.expectError(await hub.admin.get(`${path}/deliveries?since=x`), 400, 'VALIDATION_ERROR', 'since');
    v1.expectError(await hub.admin.get(`${path}/deliveries?eventId=x`), 400, 'VALIDATION_ERROR', 'eventId');
  });

  it('tell what was attempted, hour by hour and day by day', async () => {
    const { id, path } = await made();
    const hour = Math.floor(Date.now() / HOUR) * HOUR;
    for (const [ago, attempts, succeeded, latency] of [
      [0, 4, 3, 31],
      [2, 10, 10, 100],
      [26, 2, 0, 0],
      [24 * 40, 9, 9, 9],
    ] as const) {
      await hub.sql(
        `INSERT INTO webhook_endpoint_stat (organization_id, endpoint_id, hour, attempts, succeeded, failed, latency_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [
          v1.uuid(hub.admin.organizationId),
          v1.uuid(id),
          new Date(hour - ago * HOUR),
          attempts,
          succeeded,
          attempts - succeeded,
          latency,
        ],
      );
    }
    const stats = async (query = ''): Promise<{ summary: v1.Json; timeSeries: v1.Json[] } & v1.Json> =>
      v1.ok(await hub.admin.get(`${path}/stats${query}`));
    const day = await stats();
    expect(day).toMatchObject({ webhookId: id, period: '24h', granularity: 'hour' });
    expect(day.summary).toEqual({ attempts: 14, succeeded: 13, failed: 1, successRate: 13 / 14, avgLatency: 10 });
    expect(day.timeSeries).toHaveLength(24);
    expect(day.timeSeries.at(-1)).toEqual({
      timestamp: new Date(hour).toISOString(),
      attempts: 4,
      succeeded: 3,
      failed: 1,
      avgLatency: 10,
    });
    expect(day.timeSeries.at(-2)).toMatchObject({ attempts: 0, avgLatency: null });
    expect(day.timeSeries.at(-3)).toMatchObject({ attempts: 10 });
    const month = await stats('?period=30d');
    expect(month).toMatchObject({ granularity: 'day', summary: { attempts: 16, failed: 3 } });
    expect(month.timeSeries).toHaveLength(30);
    expect((await stats('?period=7d&granularity=hour')).timeSeries).toHaveLength(168);
    const empty = await made();
    expect(v1.ok(await hub.admin.get<v1.Json>(`${empty.path}/stats`))['summary']).toEqual({
      attempts: 0,
      succeeded: 0,
      failed: 0,
      successRate: null,
      avgLatency: null,
    });
    v1.expectError(await hub.admin.get(`${path}/stats?period=1y`), 400, 'VALIDATION_ERROR', 'period');
    const other = await hub.newOrganization('Other');
    v1.expectError(await other.get(`${path}/stats`), 404, 'WEBHOOK_NOT_FOUND');
  });
});

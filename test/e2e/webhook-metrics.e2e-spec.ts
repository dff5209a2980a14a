import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { Subscriber } from '../support/subscriber.js';

jest.setTimeout(60_000);

/** Prometheus' text: each series by its name and labels. */
const read = async (url: string): Promise<Record<string, number>> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    series.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
};

describe('the metrics of the delivery engine', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let channelId: string;

  beforeEach(async () => {
    [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
    const channel = await hub.admin.post('/v1/channels', { name: 'In', type: 'api' });
    channelId = channel.data.id;
  });
  afterEach(async () => {
    await hub.stop();
    await subscriber.stop();
  });

  const work = async (): Promise<string> => {
    const url = await (await hub.startWorker()).getUrl();
    return url.replace('[::1]', '127.0.0.1');
  };
  const subscribe = async (path: string, config: object = {}): Promise<string> => {
    const body = { url: subscriber.url(path), events: ['message.received'], config };
    return (await hub.admin.post('/v1/webhooks', body)).data.id;
  };
  const hear = (person: string = randomUUID()): Promise<unknown> =>
    hub.admin.post(`/v1/channels/${channelId}/messages`, {
      externalId: randomUUID(),
      contact: { externalId: person },
      content: { type: 'text', text: 'hi' },
    });
  const count = async (condition: string): Promise<number> => {
    const rows = await hub.sql<{ n: number }>(`SELECT count(*)::int AS n FROM webhook_delivery WHERE ${condition}`);
    return rows[0]?.n ?? -1;
  };

  it('tell attempts by outcome, what waits, and in which state the endpoints are', async () => {
    subscriber.behave(({ path }) => (path === '/sick' ? 500 : path === '/gone' ? 410 : 200));
    await subscribe('/well');
    await subscribe('/sick');
    await subscribe('/gone');
    await hear('one');
    await hear('one');
    const url = await work();
    await eventually(
      async () => (await count(`status = 'succeeded'`)) === 2 && (await count(`status = 'held'`)) === 1,
      'the well one has both, the gone one is disabled',
    );
    await eventually(async () => (await count(`status = 'pending' AND attempts = 1`)) === 1, 'the sick one waits');
    const figures = await read(url);
    expect(figures).toMatchObject({
      'webhook_delivery_attempts_total{outcome="success",trigger="auto"}': 2,
      'webhook_delivery_duration_seconds_count{outcome="success"}': 2,
      webhook_event_to_delivery_seconds_count: 2,
      'webhook_deliveries{status="later"}': 1,
      'webhook_deliveries{status="due"}': 0,
      'webhook_deliveries{status="blocked"}': 1,
      'webhook_deliveries{status="leased"}': 0,
      'webhook_deliveries{status="held"}': 1,
      'webhook_endpoints{state="active"}': 2,
      'webhook_endpoints{state="disabled"}': 1,
      'webhook_endpoints{state="breaker_open"}': 0,
      webhook_recoveries_running: 0,
      webhook_requests_under_way: 0,
      webhook_leases_expired_total: 0,
      webhook_results_superseded_total: 0,
      outbox_lag_seconds: 0,
    });
    // 500 and 410; more often where this was slow
    expect(figures['webhook_delivery_attempts_total{outcome="http",trigger="auto"}']).toBeGreaterThanOrEqual(2);
    expect(figures['webhook_settlement_batch_attempts_sum']).toBeGreaterThanOrEqual(4);
    expect(figures['webhook_fan_out_duration_seconds_count']).toBeGreaterThanOrEqual(1);
    expect(Object.keys(figures).filter((series) => /wh_|org_|[\da-f]{8}-/.test(series))).toEqual([]);
  });

  it('tell endpoints that rest, what is under way, leases that ran out and results that came too late', async () => {
    subscriber.behave(({ path }, nth) => (path === '/busy' ? 429 : { status: 200, delayMs: nth === 1 ? 2_500 : 0 }));
    await subscribe('/busy');
    await subscribe('/slow');
    await hear();
    const url = await work();
    await subscriber.expect(2);
    await eventually(async () => (await count(`status = 'pending' AND attempts = 1`)) === 1, 'the busy one rests');
    const before = await read(url);
    expect(before).toMatchObject({
      webhook_requests_under_way: 1,
      webhook_lanes_open: 1,
      'webhook_deliveries{status="leased"}': 1,
      'webhook_deliveries{status="later"}': 1,
      'webhook_endpoints{state="paused"}': 1,
      'webhook_endpoints{state="active"}': 1,
    });
    await hub.sql(`UPDATE webhook_delivery SET lease_until = now() - interval '1 second' WHERE status = 'leased'`);
    await eventually(async () => (await count(`status = 'succeeded'`)) === 1, 'it is sent again');
    const after = await eventually(async () => {
      const figures = await read(url);
      return figures['webhook_results_superseded_total'] === 1 && figures;
    }, 'the late result is counted');
    expect(after).toMatchObject({
      webhook_leases_expired_total: 1,
      'webhook_delivery_attempts_total{outcome="success",trigger="auto"}': 2,
    });
  });
});

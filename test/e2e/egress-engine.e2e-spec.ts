import { startHub, type Hub } from '../support/harness.js';
import { Listener } from '../support/listener.js';
import { NameServer } from '../support/name-server.js';

/* 127.0.0.2 stands for the internet: the operator has allowed it. 127.0.0.1 is what nobody may reach. */
const GOOD = '127.0.0.2';
const BAD = '127.0.0.1';

describe('the product calls out', () => {
  let hub: Hub;
  let names: NameServer;
  let good: Listener;
  let trap: Listener;

  beforeAll(async () => {
    hub = await startHub({ env: { WEBHOOK_ALLOWED_NETWORKS: `${GOOD}/32` } });
    names = await NameServer.start();
    good = await Listener.start(GOOD);
    trap = await Listener.start(BAD, good.port);
    good.says('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok');
  });
  afterEach(() => expect(trap.connections).toBe(0));
  afterAll(async () => {
    await Promise.all([names.stop(), good.stop(), trap.stop()]);
    await hub.stop();
  });

  it('to a webhook, and not to where its name points afterwards', async () => {
    names.name('hook.test', ({ nth }) => [nth <= 2 ? GOOD : BAD]);
    const url = `http://hook.test:${good.port}/`;
    const { data: webhook, status } = await hub.admin.post('/v1/webhooks', { url, events: ['*'] });
    expect(status).toBe(201);
    const test = `/v1/webhooks/${webhook.id}/test`;
    expect((await hub.admin.post(test)).data).toMatchObject({ status: 'succeeded', statusCode: 200 });
    const { data: second } = await hub.admin.post<{ deliveryId: string }>(test);
    expect(second).toMatchObject({ status: 'failed' });
    const delivery = await hub.admin.get(`/v1/webhooks/${webhook.id}/deliveries/${second.deliveryId}`);
    expect(delivery.data.attributes).toMatchObject({ attemptLog: [{ outcome: 'blocked_address' }] });
    expect(good.connections).toBe(1);
  });

  it('to nobody over plain http whose name points inside from the start', async () => {
    names.name('inside.test', [BAD]);
    const url = `http://inside.test:${good.port}/`;
    const { status, error } = await hub.admin.post('/v1/webhooks', { url, events: ['*'] });
    expect([status, error.code]).toEqual([400, 'INVALID_URL']);
  });

  it('to the webhookUrl of a channel by the same rules', async () => {
    names.name('channel.test', ({ nth }) => [nth === 1 ? GOOD : BAD]);
    const config = { webhookUrl: `http://channel.test:${good.port}/` };
    const { data: channel } = await hub.admin.post('/v1/channels', { name: 'Out', type: 'api', config });
    const connection = async () => {
      const { data } = await hub.admin.post<{ tests: { name: string }[] }>(`/v1/channels/${channel.id}/test`);
      return data.tests.find(({ name }) => name === 'connection');
    };
    expect(await connection()).toMatchObject({ status: 'passed', details: { statusCode: 200 } });
    expect(await connection()).toMatchObject({ status: 'failed', details: { outcome: 'blocked_address' } });
  });
});

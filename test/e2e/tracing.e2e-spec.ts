import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { Collector } from '../support/collector.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { startProcess, type HubProcess } from '../support/processes.js';
import { Subscriber } from '../support/subscriber.js';

jest.setTimeout(60_000);

const newTraceparent = (flags = '01'): string =>
  `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${flags}`;
const traceOf = (traceparent: string): string => traceparent.split('-')[1]!;
const lines = (process: HubProcess, message: string): Record<string, unknown>[] =>
  process
    .log()
    .split('\n')
    .filter((line) => line.includes(`"msg":"${message}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('traces', () => {
  let hub: Hub;
  let collector: Collector;
  let subscriber: Subscriber;
  let processes: HubProcess[] = [];
  let channelId: string;

  beforeAll(async () => {
    hub = await startHub();
    const { data } = await hub.admin.post('/v1/channels', { name: 'In', type: 'api' });
    channelId = data.id;
    await hub.admin.post(`/v1/channels/${channelId}/activate`);
  });
  beforeEach(async () => {
    [collector, subscriber] = await Promise.all([Collector.start(), Subscriber.start()]);
    const body = { url: `${subscriber.url('/hook')}?token=hunter2`, events: ['message.received'] };
    await hub.admin.post('/v1/webhooks', body);
  });
  afterEach(async () => {
    await Promise.all(processes.map((one) => one.kill()));
    processes = [];
    const { data } = await hub.admin.get<{ id: string }[]>('/v1/webhooks');
    for (const { id } of data) await hub.admin.delete(`/v1/webhooks/${id}`);
    await Promise.all([collector.stop(), subscriber.stop()]);
  });
  afterAll(() => hub.stop());

  const start = async (env: NodeJS.ProcessEnv): Promise<{ api: HubProcess; worker: HubProcess }> => {
    const { databaseUrl, redisUrl } = hub.database;
    const settings = { databaseUrl, redisUrl, env };
    const [api, worker] = await Promise.all([startProcess('api', settings), startProcess('worker', settings)]);
    processes = [api, worker];
    return { api, worker };
  };
  /** A customer's message; `traceparent` is what the caller sends. */
  const hear = async (api: HubProcess, traceparent?: string, requestId = 'r-1'): Promise<Response> => {
    const response = await fetch(`${api.url}/v1/channels/${channelId}/messages`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${hub.admin.key}`,
        'content-type': 'application/json',
        'x-request-id': requestId,
        ...(traceparent !== undefined && { traceparent }),
      },
      body: JSON.stringify({
        externalId: randomBytes(8).toString('hex'),
        contact: { externalId: randomBytes(8).toString('hex') },
        content: { type: 'text', text: 'hi' },
      }),
    });
    expect(response.status).toBe(201);
    return response;
  };
  const keptTraces = async (): Promise<(string | null)[]> =>
    (
      await hub.sql<{ trace: string | null }>(
        `SELECT trace FROM event WHERE type = 'message.received' ORDER BY position DESC LIMIT 1`,
      )
    ).map(({ trace }) => trace);

  it('show the request, and linked to it every attempt to tell of it', async () => {
    const { api, worker } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    subscriber.behave((_, nth) => (nth === 1 ? 500 : 200));
    const caller = newTraceparent();
    await hear(api, caller);
    const [, second] = await subscriber.expect(2, undefined, 20_000);

    const [request] = await collector.named('POST /v1/channels/:id/messages');
    expect(request).toMatchObject({
      service: 'switchboard-api',
      kind: 2,
      traceId: traceOf(caller),
      parentSpanId: caller.split('-')[2],
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/channels/:id/messages',
        'http.response.status_code': 201,
        'switchboard.request.id': 'r-1',
        'switchboard.organization.id': hub.admin.organizationId,
      },
    });
    const asked = `00-${request!.traceId}-${request!.spanId}-01`;
    expect(await keptTraces()).toEqual([asked]);

    const attempts = await collector.named('deliver message.received', 2);
    const [failed, succeeded] = attempts.sort(
      (a, b) =>
        Number(a.attributes['switchboard.delivery.attempt']) - Number(b.attributes['switchboard.delivery.attempt']),
    );
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({
        service: 'switchboard-worker',
        kind: 3,
        links: [{ traceId: request!.traceId, spanId: request!.spanId }],
        attributes: {
          'http.request.method': 'POST',
          'url.full': subscriber.url('/hook'),
          'server.address': '127.0.0.1',
          'network.peer.address': '127.0.0.1',
          'messaging.operation.type': 'send',
          'messaging.message.id': second!.id,
          'messaging.message.body.size': second!.raw.length,
          'switchboard.event.type': 'message.received',
          'switchboard.delivery.trigger': 'auto',
        },
      });
      expect(attempt.traceId).not.toBe(request!.traceId);
      expect(attempt.parentSpanId ?? '').toBe('');
    }
    expect(failed).toMatchObject({
      status: { code: 2 },
      attributes: {
        'http.response.status_code': 500,
        'error.type': '500',
        'switchboard.delivery.outcome': 'http',
        'switchboard.delivery.verdict': 'retry',
      },
    });
    expect(succeeded!.status?.code ?? 0).toBe(0);
    expect(succeeded!.attributes).toMatchObject({ 'switchboard.delivery.attempt': 2, 'http.request.resend_count': 1 });
    expect(second!.headers['traceparent']).toBe(`00-${succeeded!.traceId}-${succeeded!.spanId}-01`);
    expect(lines(api, 'http.request').map(({ traceId }) => traceId)).toEqual([traceOf(caller)]);
    expect(lines(worker, 'delivery.attempted').map(({ traceId }) => traceId)).toEqual([
      traceOf(caller),
      traceOf(caller),
    ]);
    expect(JSON.stringify(collector.spans)).not.toContain('hunter2');
    expect(collector.spans.filter(({ name }) => /health|metrics/.test(name))).toEqual([]);
  });

  it('hold what is sent while its request waits as a part of it, and begin with the request that brings none', async () => {
    const { api } = await start({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` });
    const { data } = await hub.admin.get<{ id: string }[]>('/v1/webhooks');
    await fetch(`${api.url}/v1/webhooks/${data[0]!.id}/test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${hub.admin.key}` },
    });
    await fetch(`${api.url}/nothing/here`, { headers: { traceparent: '00-zero' } });
    const [request] = await collector.named('POST /v1/webhooks/:id/test');
    const attempt = await eventually(
      () => collector.spans.find(({ name }) => name.startsWith('deliver ')),
      'the attempt is exported',
    );
    expect(request!.parentSpanId ?? '').toBe('');
    expect(attempt).toMatchObject({ traceId: request!.traceId, parentSpanId: request!.spanId });
    expect(attempt.attributes['switchboard.delivery.trigger']).toBe('test');
    const [unknown] = await collector.named('GET');
    expect(unknown!.attributes).toMatchObject({ 'http.response.status_code': 404 });
    expect(unknown!.parentSpanId ?? '').toBe('');
  });

  it('keep to what the caller has decided: a trace that is not recorded is not exported, but named', async () => {
    const { api, worker } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` });
    const caller = newTraceparent('00');
    await hear(api, caller);
    const [told] = await subscriber.expect(1);
    expect(told!.headers['traceparent']).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
    const [kept] = await keptTraces();
    expect(kept).toMatch(new RegExp(`^00-${traceOf(caller)}-[\\da-f]{16}-00$`));
    await eventually(() => lines(worker, 'delivery.attempted').length > 0, 'the attempt is logged');
    await hear(api); // recorded, and later than what must not be
    await collector.named('deliver message.received');
    expect(collector.spans.filter(({ traceId }) => traceId === traceOf(caller))).toEqual([]);
    expect(collector.spans.filter(({ name }) => name.startsWith('deliver '))).toHaveLength(1);
  });

  it('are followed without any collector, too: what the caller sends is kept, logged and goes no further', async () => {
    const { api, worker } = await start({});
    const caller = newTraceparent();
    await hear(api, caller, 'r-2');
    const [told] = await subscriber.expect(1);
    expect(told!.headers['traceparent']).toBeUndefined();
    expect(await keptTraces()).toEqual([caller]);
    const [attempt] = await eventually(() => {
      const found = lines(worker, 'delivery.attempted');
      return found.length > 0 && found;
    }, 'the attempt is logged');
    expect(attempt).toMatchObject({
      outcome: 'success',
      status: 200,
      verdict: 'succeeded',
      attempt: 1,
      trigger: 'auto',
      remoteAddress: '127.0.0.1',
      bytes: told!.raw.length,
      thin: false,
      traceId: traceOf(caller),
    });
    expect(attempt!['eventAgeMs']).toBeGreaterThanOrEqual(0);
    expect(lines(api, 'http.request')).toEqual([
      expect.objectContaining({ requestId: 'r-2', traceId: traceOf(caller) }),
    ]);
    expect(collector.requests).toBe(0);
  });

  it.each([
    ['is none', undefined],
    ['is cut short', newTraceparent().slice(0, -1)],
    ['has more than its version', `${newTraceparent()}-x`],
    ['is of no version', newTraceparent().replace('00-', 'ff-')],
    ['names no trace', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`],
    ['names no span', `00-${'1'.repeat(32)}-${'0'.repeat(16)}-01`],
    ['is written large', newTraceparent().toUpperCase()],
  ])('are not made up from a traceparent that %s', async (_, traceparent) => {
    const { data } = await hub.admin.post(
      `/v1/channels/${channelId}/messages`,
      {
        externalId: randomBytes(8).toString('hex'),
        contact: { externalId: 'x' },
        content: { type: 'text', text: 'hi' },
      },
      traceparent === undefined ? {} : { headers: { traceparent } },
    );
    expect(data.id).toMatch(/^msg_/);
    expect(await keptTraces()).toEqual([null]);
  });

  it('are kept of every kind of event: of messages in either direction, of conversations, and of records', async () => {
    const traceparent = `01-${newTraceparent().slice(3)}-later`;
    const headers = { traceparent };
    const body = { name: 'Traced', type: 'api' };
    const channel = await hub.admin.post('/v1/channels', body, { headers });
    const opening = { channelId, contact: { email: 'traced@example.com' } };
    const opened = await hub.admin.post('/v1/conversations', opening, { headers });
    const answer = { content: { type: 'text', text: 'Hello' } };
    await hub.admin.post(`/v1/conversations/${opened.data.id}/messages`, answer, { headers });
    expect([channel.status, opened.status]).toEqual([201, 201]);
    const rows = await hub.sql<{ type: string }>(`SELECT type FROM event WHERE trace = $1 ORDER BY position`, [
      `00-${traceparent.slice(3, 55)}`,
    ]);
    expect(rows.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['channel.created', 'conversation.created', 'message.sent']),
    );
  });
});

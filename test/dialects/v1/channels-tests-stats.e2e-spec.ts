import type { ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import { Subscriber } from '../../support/subscriber.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let subscriber: Subscriber;

beforeAll(async () => {
  [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
  api = hub.admin;
});
afterAll(async () => {
  await hub.stop();
  await subscriber.stop();
});

interface Report {
  readonly success: boolean;
  readonly channelId: string;
  readonly tests: {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly details?: v1.Json;
  }[];
  readonly testedAt: string;
}
interface Stats {
  readonly period: string;
  readonly granularity: string;
  readonly summary: Record<string, number | null>;
  readonly timeSeries: (Record<string, number> & { timestamp: string })[];
}

const tried = async (id: string): Promise<Report> => v1.ok(await api.post<Report>(`/v1/channels/${id}/test`));
const outcome = ({ tests }: Report): string[] => tests.map(({ name, status }) => `${name} ${status}`);
const stats = async (id: string, query = ''): Promise<Stats> =>
  v1.ok(await api.get<Stats>(`/v1/channels/${id}/stats${query}`));

describe('one channel for one account', () => {
  const ACCOUNTS: [string, string, v1.Json, v1.Json][] = [
    ['whatsapp', 'phoneNumberId', { phoneNumberId: '77', accessToken: 'a' }, { phoneNumberId: '77', accessToken: 'b' }],
    ['facebook', 'pageId', { pageId: '77', pageAccessToken: 'a' }, { pageId: '77', pageAccessToken: 'b' }],
    ['instagram', 'accountId', { accountId: '77', accessToken: 'a' }, { accountId: '77', accessToken: 'b' }],
    ['telegram', 'botToken', { botToken: '77:first' }, { botToken: '77:renewed' }],
    ['telegram', 'botToken', { botToken: 'without-a-number' }, { botToken: 'without-a-number' }],
    [
      'sms',
      'phoneNumber',
      { accountSid: 'A', authToken: 'a', phoneNumber: '+15005550077' },
      { accountSid: 'B', authToken: 'b', phoneNumber: '+1 (500) 555-0077' },
    ],
    ['email', 'fromEmail', { fromEmail: 'Help@example.com' }, { fromEmail: 'help@example.com' }],
  ];

  test.each(ACCOUNTS)('a %s account (%s) is connected once in an organization', async (type, key, config, same) => {
    const create = (client: ApiClient, fields: v1.Json) =>
      client.post('/v1/channels', { name: 'x', type, config: fields });
    const answers = await Promise.all(Array.from({ length: 4 }, () => create(api, config)));
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    const { id } = (made[0] as (typeof answers)[0]).data;
    const refused = await create(api, same);
    v1.expectError(refused, 409, 'CHANNEL_ALREADY_EXISTS', `config.${key}`);
    expect(refused.error?.details?.[0]?.message).toContain(id);
    for (const one of answers.filter(({ status }) => status !== 201)) {
      v1.expectError(one, 409, 'CHANNEL_ALREADY_EXISTS', `config.${key}`);
    }
    v1.ok(await api.patch(`/v1/channels/${id}`, { config: same }));
    const free = v1.ok(await create(api, { ...config, [key]: `9${v1.next()}@example.com` }));
    v1.expectError(
      await api.patch(`/v1/channels/${free.id}`, { config }),
      409,
      'CHANNEL_ALREADY_EXISTS',
      `config.${key}`,
    );
    const elsewhere = await hub.newOrganization('Elsewhere');
    expect((await create(elsewhere, config)).status).toBe(201);
    expect((await api.delete(`/v1/channels/${id}`)).status).toBe(204);
    expect((await create(api, same)).status).toBe(201);
  });
});

describe('testing a channel', () => {
  test('calls the webhookUrl of an api channel and tells what came back', async () => {
    const desk = await v1.channel(api, { config: { webhookUrl: subscriber.url('/good') } });
    const { answer: report, events } = await v1.told(hub, () => tried(desk.id));
    expect(report).toMatchObject({ success: true, channelId: desk.id, testedAt: expect.any(String) as unknown });
    expect(outcome(report)).toEqual(['configuration passed', 'activation passed', 'connection passed']);
    expect(report.tests[2]?.details).toMatchObject({ statusCode: 200, durationMs: expect.any(Number) as unknown });
    expect(events).toEqual([]);
  });

  test.each([
    ['refuses to connect', 'http://127.0.0.1:1'],
    ['is private', 'http://10.0.0.1:9999/hook'],
    ['does not resolve', 'https://nowhere.invalid/hook'],
  ])('fails where the webhookUrl %s', async (_, webhookUrl) => {
    const desk = await v1.channel(api, { config: { webhookUrl } });
    const report = await tried(desk.id);
    expect(report.success).toBe(false);
    expect(outcome(report).at(-1)).toBe('connection failed');
    expect(report.tests.at(-1)?.message).toMatch(/cannot be reached/);
  });

  test('looks at settings only where there is nothing to call', async () => {
    for (const type of ['api', 'webchat']) {
      const report = await tried((await v1.channel(api, { type }, false)).id);
      expect(report.success).toBe(true);
      expect(outcome(report)).toEqual(['configuration passed', 'activation skipped', 'connection skipped']);
    }
  });

  test('says that a provider cannot be connected to yet, and shows no secret', async () => {
    const config = { phoneNumberId: '4711', accessToken: 'shown-to-nobody' };
    const { id } = await v1.channel(api, { type: 'whatsapp', config }, false);
    const answer = await api.post<Report>(`/v1/channels/${id}/test`);
    expect(answer.data.success).toBe(false);
    expect(outcome(answer.data)).toEqual([
      'configuration passed',
      'credentials passed',
      'activation skipped',
      'connection failed',
    ]);
    expect(answer.data.tests[3]?.message).toMatch(/cannot connect to whatsapp yet/);
    expect(answer.text).not.toContain('shown-to-nobody');
    await hub.sql(`UPDATE channel SET config = jsonb_build_object('accessToken', 'v2.00000000.AAAA') WHERE id = $1`, [
      v1.uuid(id),
    ]);
    const broken = await tried(id);
    expect(outcome(broken).slice(0, 2)).toEqual(['configuration failed', 'credentials failed']);
  });

  test("is not for another organization's channel, nor for whoever may only read", async () => {
    const { id } = await v1.channel(api);
    const elsewhere = await hub.newOrganization('Elsewhere');
    v1.expectError(await elsewhere.post(`/v1/channels/${id}/test`), 404, 'CHANNEL_NOT_FOUND');
    v1.expectError(await elsewhere.get(`/v1/channels/${id}/stats`), 404, 'CHANNEL_NOT_FOUND');
    const reader = await hub.withScopes('channels:read');
    v1.expectError(await reader.post(`/v1/channels/${id}/test`), 403, 'INSUFFICIENT_PERMISSIONS');
    expect((await reader.get(`/v1/channels/${id}/stats`)).status).toBe(200);
  });
});

describe('statistics of a channel', () => {
  test('counts messages and conversations of the period, by time, and nothing of another channel', async () => {
    const desk = await v1.channel(api);
    const noise = await v1.channel(api);
    v1.ok(await v1.inbound(api, noise.id));
    const wrote = async (): Promise<Resource> => v1.ok(await v1.inbound(api, desk.id));
    const conversationOf = (message: Resource): string => String(v1.attributes(message)['conversationId']);
    const [one, two] = [conversationOf(await wrote()), conversationOf(await wrote())];
    const answers = [
      v1.ok(await v1.say(api, one, 'a')),
      v1.ok(await v1.say(api, two, 'b')),
      v1.ok(await v1.say(api, two, 'c')),
    ];
    v1.ok(await v1.say(api, two, 'between us', { private: true }));
    v1.ok(await api.post(`/v1/conversations/${two}/close`));
    const set = (message: Resource | undefined, status: string): Promise<unknown> =>
      hub.sql(
        `UPDATE message SET status = $2, failed_reason = CASE WHEN $2 = 'failed' THEN 'No such number' END WHERE id = $1`,
        [v1.uuid(message?.id ?? ''), status],
      );
    await set(answers[0], 'read');
    await set(answers[2], 'failed');
    const day = await stats(desk.id);
    expect(day).toMatchObject({ channelId: desk.id, period: '24h', granularity: 'hour' });
    const expected = {
      messagesReceived: 2,
      messagesSent: 2,
      messagesDelivered: 1,
      messagesRead: 1,
      messagesFailed: 1,
      conversationsOpened: 2,
      conversationsClosed: 1,
    };
    expect(day.summary).toEqual({
      ...expected,
      deliveryRate: 1 / 3,
      medianResponseTime: expect.any(Number) as unknown,
    });
    for (const [query, points] of [
      ['?period=1h', 61],
      ['?period=24h', 25],
      ['?period=24h&granularity=minute', 1_441],
      ['?period=7d', 8],
      ['?period=7d&granularity=hour', 169],
      ['?period=30d', 31],
      ['?period=30d&granularity=hour', 721],
    ] as [string, number][]) {
      const { timeSeries } = await stats(desk.id, query);
      expect([query, timeSeries.length]).toEqual([query, points]);
      const sums = Object.keys(expected).map((name) => [
        name,
        timeSeries.reduce((sum, at) => sum + (at[name] ?? 0), 0),
      ]);
      expect(Object.fromEntries(sums)).toEqual(expected);
      const times = timeSeries.map(({ timestamp }) => Date.parse(timestamp));
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    const shown = v1.attributes(v1.ok(await api.get(`/v1/channels/${desk.id}`)));
    expect(shown).toMatchObject({
      stats: { messagesLast24h: 6, lastMessageAt: expect.any(String) as unknown },
      health: { status: 'degraded', lastFailure: { reason: 'No such number' } },
    });
    expect(v1.attributes(v1.ok(await api.get(`/v1/channels/${noise.id}`)))['health']).toMatchObject({
      status: 'healthy',
    });
  });

  test('an answer is measured from the first message it answers; the median of them counts', async () => {
    const desk = await v1.channel(api);
    const write = async (ages: [string, number][]): Promise<void> => {
      const contact = { externalId: `waits-${v1.next()}` };
      let conversationId = '';
      for (const [who, ago] of ages) {
        const message: Resource =
          who === 'in'
            ? v1.ok(await v1.inbound(api, desk.id, { contact }))
            : v1.ok(await v1.say(api, conversationId, 'x'));
        conversationId = String(v1.attributes(message)['conversationId']);
        await hub.sql(`UPDATE message SET created_at = now() - make_interval(secs => $2) WHERE id = $1`, [
          v1.uuid(message.id),
          ago,
        ]);
      }
    };
    await write([
      ['in', 600],
      ['in', 590],
      ['out', 500],
      ['out', 400],
      ['in', 300],
      ['out', 280],
    ]); // 100 s and 20 s
    await write([
      ['in', 900],
      ['out', 860],
    ]); // 40 s
    await write([['in', 50]]);
    const { summary } = await stats(desk.id, '?period=1h');
    expect(summary['medianResponseTime']).toBeCloseTo(40, 0);
    expect(summary['deliveryRate']).toBeNull();
  });

  test('is empty where nothing has happened, and leaves out what is older', async () => {
    const desk = await v1.channel(api);
    const { summary, timeSeries } = await stats(desk.id, '?period=1h');
    expect(summary).toMatchObject({ messagesReceived: 0, deliveryRate: null, medianResponseTime: null });
    expect(timeSeries).toHaveLength(61);
    v1.ok(await v1.inbound(api, desk.id));
    await hub.sql(`UPDATE conversation SET created_at = now() - interval '2 days' WHERE channel_id = $1`, [
      v1.uuid(desk.id),
    ]);
    expect((await stats(desk.id, '?period=24h')).summary).toMatchObject({
      messagesReceived: 1,
      conversationsOpened: 0,
    });
    expect((await stats(desk.id, '?period=7d')).summary).toMatchObject({ conversationsOpened: 1 });
  });

  test.each([
    ['period=1y', 'period'],
    ['granularity=second', 'granularity'],
    ['period=7d&granularity=minute', 'granularity'],
    ['period=30d&granularity=minute', 'granularity'],
  ])('refuses ?%s and names %s', async (query, field) => {
    const { id } = await v1.channel(api);
    v1.expectError(await api.get(`/v1/channels/${id}/stats?${query}`), 400, 'VALIDATION_ERROR', field);
  });
});

import { createHmac, timingSafeEqual } from 'node:crypto';
import { jest } from '@jest/globals';
import type { Answer, Resource } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import { isSigned, isSignedBy, Subscriber, type Received } from '../support/subscriber.js';

jest.setTimeout(30_000);

type Judge = (request: Received, secret: string) => boolean;

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const same = (given: Buffer, right: Buffer): boolean => given.length === right.length && timingSafeEqual(given, right);
const isFresh = (timestamp: string | undefined): boolean =>
  Math.abs(Math.floor(Date.now() / 1_000) - Number(timestamp)) <= 300;

/** As its package does it: its own header names first, the standard ones else. */
const svix: Judge = ({ headers, raw }, secret) => {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map(
    (name) => headers[`svix-${name}`] ?? headers[`webhook-${name}`] ?? '',
  );
  const right = hmac(Buffer.from(secret.replace('whsec_', ''), 'base64'), `${id}.${timestamp}.${raw.toString()}`);
  const given = (signatures ?? '').split(' ').map((one) => one.split(','));
  return isFresh(timestamp) && given.some(([v, text]) => v === 'v1' && same(Buffer.from(text ?? '', 'base64'), right));
};

/** As the SDKs do it: the body alone is signed, and a timestamp is looked at only if there is one. */
const linktorSdk: Judge = ({ headers, raw }, secret) => {
  const timestamp = headers['x-linktor-timestamp'];
  if (timestamp !== undefined && !isFresh(timestamp)) return false;
  return same(Buffer.from(headers['x-linktor-signature'] ?? '', 'hex'), hmac(secret, raw.toString()));
};

/** As the documentation does it. */
const linktorDocs: Judge = ({ headers, raw }, secret) => {
  const timestamp = headers['x-linktor-timestamp'];
  const given = (headers['x-linktor-signature'] ?? '').replace(/^sha256=/, '');
  return isFresh(timestamp) && same(Buffer.from(given, 'hex'), hmac(secret, `${timestamp}.${raw.toString()}`));
};

const JUDGES = { standardwebhooks: isSigned, svix, linktorSdk, linktorDocs };
const accepting = (request: Received, secret: string): string[] =>
  Object.entries(JUDGES)
    .filter(([, judge]) => judge(request, secret))
    .map(([name]) => name);

const STANDARD = ['standardwebhooks', 'svix'];

describe('the signatures of a webhook', () => {
  let hub: Hub;
  let subscriber: Subscriber;

  beforeAll(async () => {
    hub = await startHub();
    subscriber = await Subscriber.start();
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await subscriber.stop();
    await hub.stop();
  });

  interface Made {
    readonly path: string;
    readonly secret: string;
    readonly publicKey: string | null;
  }
  const create = (config: object): Promise<Answer> =>
    hub.admin.post('/v1/webhooks', { url: subscriber.url(), events: ['*'], config });
  const made = async (config: object = {}): Promise<Made> => {
    const { data } = await create(config);
    const { secret, publicKey } = data.attributes;
    return { path: `/v1/webhooks/${data.id}`, secret: String(secret), publicKey: publicKey ?? null };
  };
  const delivered = async ({ path }: Made): Promise<Received> => {
    expect((await hub.admin.post<object>(`${path}/test`)).data).toMatchObject({ status: 'succeeded' });
    return subscriber.received.at(-1)!;
  };
  const rotated = async ({ path }: Made, body?: object): Promise<string> => {
    const { data } = await hub.admin.post(`${path}/rotate-secret`, body);
    return String(data.attributes['secret']);
  };
  const configOf = (answer: Answer): unknown => answer.data.attributes['config'];

  it.each([
    ['standard', STANDARD],
    ['linktor-sdk', [...STANDARD, 'linktorSdk']],
    ['linktor-docs', [...STANDARD, 'linktorDocs']],
    ['v1a', STANDARD],
    [
      ['standard', 'v1a', 'linktor-sdk'],
      [...STANDARD, 'linktorSdk'],
    ],
  ])('%j convinces exactly those it is made for', async (signature, judges) => {
    const webhook = await made({ signature });
    const request = await delivered(webhook);
    expect(accepting(request, webhook.secret)).toEqual(judges);
    const forged = { ...request, raw: Buffer.from(request.raw.toString().replace('test.ping', 'test.pong')) };
    expect(accepting(forged, webhook.secret)).toEqual([]);
    expect(configOf(await hub.admin.get(webhook.path))).toMatchObject({ signature });
    expect(isSignedBy(request, webhook.publicKey ?? '')).toBe(webhook.publicKey !== null);
  });

  it('holds what a receiver tolerates of time, and what a replay gets past', async () => {
    const accepted = async (signature: string, aheadSeconds: number, change: object = {}): Promise<string[]> => {
      const webhook = await made({ signature });
      const request = await delivered(webhook);
      const sent = Number(request.headers['webhook-timestamp']);
      const now = jest.spyOn(Date, 'now').mockReturnValue((sent + aheadSeconds) * 1_000);
      const rewritten = Object.fromEntries(Object.keys(change).map((name) => [name, String(sent + aheadSeconds)]));
      const judged = accepting({ ...request, headers: { ...request.headers, ...rewritten } }, webhook.secret);
      now.mockRestore();
      return judged;
    };
    for (const seconds of [-299, 299]) {
      expect(await accepted('linktor-docs', seconds)).toEqual([...STANDARD, 'linktorDocs']);
      expect(await accepted('linktor-sdk', seconds)).toEqual([...STANDARD, 'linktorSdk']);
    }
    for (const seconds of [-302, 302]) {
      expect(await accepted('linktor-docs', seconds)).toEqual([]);
      expect(await accepted('linktor-sdk', seconds)).toEqual([]);
    }
    const timestamps = { 'webhook-timestamp': '', 'x-linktor-timestamp': '' };
    expect(await accepted('linktor-docs', 600, timestamps)).toEqual([]);
    expect(await accepted('linktor-sdk', 600, timestamps)).toEqual(['linktorSdk']); // as its description says
  });

  it('come with the headers that Linktor names, and are masked where deliveries are read', async () => {
    for (const [signature, shown] of [
      ['linktor-docs', 'sha256=********'],
      [['linktor-sdk', 'v1a'], '********'],
    ] as const) {
      const { path } = await made({ signature });
      const { data } = await hub.admin.post<{ deliveryId: string }>(`${path}/test`, { event: 'message.received' });
      const { headers } = subscriber.received.at(-1)!;
      expect(headers).toMatchObject({
        'x-linktor-timestamp': headers['webhook-timestamp'],
        'x-linktor-event': 'message.received',
        'x-linktor-delivery-id': data.deliveryId,
      });
      const { data: delivery } = await hub.admin.get(`${path}/deliveries/${data.deliveryId}`);
      expect(delivery.attributes['request']).toMatchObject({
        headers: {
          'webhook-signature': signature === 'linktor-docs' ? 'v1,********' : 'v1,******** v1a,********',
          'x-linktor-signature': shown,
          'x-linktor-event': 'message.received',
        },
      });
    }
    const plain = await delivered(await made());
    expect(Object.keys(plain.headers).filter((name) => name.startsWith('x-linktor-'))).toEqual([]);
  });

  it('are made anew for the same bytes when a delivery is sent again', async () => {
    const webhook = await made({ signature: ['v1a', 'linktor-docs'] });
    const { data } = await hub.admin.post<{ deliveryId: string }>(`${webhook.path}/test`);
    const first = subscriber.received.at(-1)!;
    await hub.admin.post(`${webhook.path}/deliveries/${data.deliveryId}/retry`);
    const again = subscriber.received.at(-1)!;
    expect(again).not.toBe(first);
    expect([again.id, again.raw, again.headers['x-linktor-delivery-id']]).toEqual([
      first.id,
      first.raw,
      first.headers['x-linktor-delivery-id'],
    ]);
    expect(accepting(again, webhook.secret)).toEqual([...STANDARD, 'linktorDocs']);
    expect(isSignedBy(again, webhook.publicKey!)).toBe(true);
  });

  it('change with the configuration, and the public key stays the same once there is one', async () => {
    const webhook = await made();
    expect(webhook.publicKey).toBeNull();
    const set = (signature: unknown): Promise<Answer> => hub.admin.patch(webhook.path, { config: { signature } });
    const publicKey = String((await set('v1a')).data.attributes['publicKey']);
    expect(publicKey).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
    expect(isSignedBy(await delivered(webhook), publicKey)).toBe(true);
    const back = await set(null);
    expect(configOf(back)).toMatchObject({ signature: 'standard' });
    expect((await delivered(webhook)).headers['webhook-signature']).toMatch(/^v1,\S+$/);
    expect((await set(['v1a'])).data.attributes['publicKey']).toBe(publicKey);
    await rotated(webhook);
    expect(isSignedBy(await delivered(webhook), publicKey)).toBe(true);
    const both = await set(['linktor-sdk', 'linktor-docs']);
    expect([both.status, both.error.details?.[0]?.field]).toEqual([400, 'config.signature']);
    const other = await made({ signature: 'v1a' });
    expect(other.publicKey).not.toBe(publicKey);
    const listed = await hub.admin.get<Resource[]>('/v1/webhooks?perPage=100');
    expect(listed.data.map(({ attributes }) => attributes['publicKey'])).toContain(publicKey);
  });

  it('are made with the old secret beside the new one for a day, five at the most', async () => {
    const webhook = await made({ signature: 'linktor-sdk' });
    const fresh = await rotated(webhook);
    expect(fresh).not.toBe(webhook.secret);
    const request = await delivered(webhook);
    expect(request.headers['webhook-signature']!.split(' ')).toHaveLength(2);
    expect(accepting(request, webhook.secret)).toEqual(STANDARD); // the Linktor header has room for the new one only
    expect(accepting(request, fresh)).toEqual([...STANDARD, 'linktorSdk']);
    for (let i = 0; i < 6; i++) await rotated(webhook);
    const last = await delivered(webhook);
    expect(last.headers['webhook-signature']!.split(' ')).toHaveLength(5);
    expect(accepting(last, webhook.secret)).toEqual([]);
  });

  it('end with the overlap that the caller gives', async () => {
    const webhook = await made();
    const overlapOf = async (): Promise<number> => {
      const [row] = await hub.sql<{ left: number }>(
        `SELECT round(extract(epoch FROM (secrets->1->>'expiresAt')::timestamptz - now()))::int AS left
         FROM webhook_endpoint ORDER BY created_at DESC LIMIT 1`,
      );
      return row?.left ?? 0;
    };
    const fresh = await rotated(webhook, { overlap: 604_800 });
    expect(Math.abs((await overlapOf()) - 604_800)).toBeLessThan(30);
    expect(accepting(await delivered(webhook), webhook.secret)).toEqual(STANDARD);
    const last = await rotated(webhook, { overlap: 0 });
    const request = await delivered(webhook);
    expect([accepting(request, webhook.secret), accepting(request, fresh)]).toEqual([[], []]);
    expect(accepting(request, last)).toEqual(STANDARD);
    await rotated(webhook);
    expect(Math.abs((await overlapOf()) - 86_400)).toBeLessThan(30);
    for (const overlap of [-1, 604_801, 1.5, '60']) {
      const { status, error } = await hub.admin.post(`${webhook.path}/rotate-secret`, { overlap });
      expect([status, error.details?.[0]?.field]).toEqual([400, 'overlap']);
    }
  });
});

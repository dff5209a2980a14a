import { spawn } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import path from 'node:path';
import { jest } from '@jest/globals';
import { SecretBox } from '@hub/platform/secret-box.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { ApiClient, type Answer, type Resource } from '../support/api-client.js';
import { eventually, startHub, TEST_SECRET_KEY, type Hub } from '../support/harness.js';
import { startProcess } from '../support/processes.js';
import { isSigned, isSignedBy, Subscriber } from '../support/subscriber.js';

jest.setTimeout(180_000);

const SECOND_KEY = '22'.repeat(32);
const THIRD_KEY = '33'.repeat(32);
const first = new SecretBox(Buffer.from(TEST_SECRET_KEY, 'hex'));
const second = new SecretBox(Buffer.from(SECOND_KEY, 'hex'));

/** Every secret that a channel, a bot or a webhook can be given, each a word of its own. */
const CHANNELS: Readonly<Record<string, v1.Json>> = {
  whatsapp: {
    phoneNumberId: '1',
    accessToken: 'planted-wa-token',
    verifyToken: 'planted-wa-verify',
    appSecret: 'planted-wa-app',
  },
  facebook: {
    pageId: '1',
    pageAccessToken: 'planted-fb-token',
    appSecret: 'planted-fb-app',
    verifyToken: 'planted-fb-verify',
  },
  instagram: {
    accountId: '1',
    accessToken: 'planted-ig-token',
    appSecret: 'planted-ig-app',
    verifyToken: 'planted-ig-verify',
  },
  telegram: { botToken: 'planted-tg-token' },
  sms: { accountSid: '1', authToken: 'planted-sms-token', phoneNumber: '+15550100' },
  email: { smtpHost: 'mail.example.com', smtpPassword: 'planted-smtp', imapPassword: 'planted-imap' },
};
const BOT = { url: 'https://bot.example.com', secret: 'planted-bot-secret', apiKey: 'planted-bot-key' };
const HEADERS = { authorization: 'planted-header-auth', 'x-key': 'planted-header-key' };
const PLANTED = [...Object.values(CHANNELS), BOT, HEADERS]
  .flatMap((config) => Object.values(config))
  .filter((value): value is string => typeof value === 'string' && value.startsWith('planted-'));

interface Planted {
  readonly hook: string;
  /** Every signing secret that it still signs with, the newest first. */
  readonly secrets: readonly string[];
  readonly publicKey: string;
  readonly ids: readonly string[];
}

/** Creates, changes, reads and tests everything that has a secret. */
async function plant(api: ApiClient, subscriber: Subscriber): Promise<Planted> {
  const ids: string[] = [];
  for (const [type, config] of Object.entries(CHANNELS)) {
    const { id } = v1.ok(await api.post('/v1/channels', { name: type, type, config }));
    v1.ok(await api.patch(`/v1/channels/${id}`, { name: `${type} 2`, config }));
    v1.ok(await api.get(`/v1/channels/${id}`));
    ids.push(id);
  }
  const bot = v1.ok(await api.post('/v1/bots', { name: 'Bot', config: BOT }));
  v1.ok(await api.patch(`/v1/bots/${bot.id}`, { config: { ...BOT, temperature: 1 } }));
  const url = subscriber.url('/hook');
  const config = { signature: 'v1a' };
  const made = v1.ok(await api.post('/v1/webhooks', { url, events: ['*'], headers: HEADERS, config }));
  v1.ok(await api.post('/v1/webhooks', { url: subscriber.url('/plain'), events: ['*'] }));
  v1.ok(await api.patch(`/v1/webhooks/${made.id}`, { headers: HEADERS, description: 'x' }));
  const rotated = v1.ok(await api.post(`/v1/webhooks/${made.id}/rotate-secret`));
  const secrets = [rotated, made].map((resource) => v1.attributes(resource)['secret'] as string);
  v1.ok(await api.post(`/v1/webhooks/${made.id}/test`));
  const publicKey = v1.attributes(made)['publicKey'] as string;
  return { hook: made.id, secrets, publicKey, ids: [...ids, bot.id, made.id] };
}

/** The rows, as text, of every table in which any of these stands. */
async function tablesWith(hub: Hub, pattern: string): Promise<string[]> {
  const tables = await hub.sql<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
  );
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await hub.sql<{ n: number }>(
        `SELECT count(*)::int AS n FROM "${name}" t WHERE to_jsonb(t)::text ~ $1`,
        [pattern],
      );
      return row && row.n > 0 ? name : null;
    }),
  );
  return found.filter((name) => name !== null);
}

describe('secrets at rest, in answers and in logs', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  beforeAll(async () => {
    [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
  });
  afterAll(async () => {
    await hub.stop();
    await subscriber.stop();
  });

  it('are in no answer, no log line, no event, no audit line and no table in the clear', async () => {
    const { databaseUrl, redisUrl } = hub.database;
    const env = { LOG_LEVEL: 'trace' };
    const [api, worker] = await Promise.all([
      startProcess('api', { databaseUrl, redisUrl, env }),
      startProcess('worker', { databaseUrl, redisUrl, env }),
    ]);
    const document = (await (await fetch(`${api.url}/docs/openapi.json`)).json()) as object;
    const answers: string[] = [];
    const client = new Recording(api.url, hub.admin.key, document, hub.admin.organizationId, answers);
    const { hook, secrets, publicKey, ids } = await plant(client, subscriber);
    await subscriber.expect(1, '/hook');
    const contact = { externalId: 'c', name: 'Secret keeper' };
    const channel = await v1.channel(client);
    v1.ok(await v1.inbound(client, channel.id, { contact }));
    await client.post('/v1/channels', {
      name: 'bad',
      type: 'telegram',
      config: { botToken: 'planted-tg-token', x: 1 },
    });
    await client.post('/v1/bots', { name: 'bad', config: { ...BOT, temperature: 99 } });
    await client.post('/v1/webhooks', { url: 'nonsense', events: ['*'], headers: HEADERS });
    await client.post('/v1/webhooks', { url: subscriber.url(), events: ['*'], headers: { ...HEADERS, 'x\n': 'y' } });
    await fetch(`${api.url}/v1/contacts`, {
      headers: { authorization: `Bearer sk_planted-unknown-key-${'x'.repeat(20)}` },
    });
    for (const list of ['channels', 'bots', 'webhooks', 'audit', `webhooks/${hook}/deliveries`]) {
      v1.ok(await client.get<Resource[]>(`/v1/${list}`));
    }
    const deliveries = v1.ok(await client.get<Resource[]>(`/v1/webhooks/${hook}/deliveries`));
    for (const { id } of deliveries.slice(0, 3)) v1.ok(await client.get(`/v1/webhooks/${hook}/deliveries/${id}`));
    for (const id of ids.slice(0, 3)) await client.delete(`/v1/channels/${id}`);
    await subscriber.expect(8, '/hook');
    await worker.kill();
    await api.kill();

    // twice only: when they are made
    const shown = answers.filter((answer) => secrets.some((secret) => answer.includes(secret)));
    expect(shown).toHaveLength(2);
    const needles = [...PLANTED, ...secrets, 'planted-', hub.admin.key, TEST_SECRET_KEY, new URL(databaseUrl).password];
    const others = answers.filter((answer) => !shown.includes(answer)).join('\n');
    const log = api.log() + worker.log();
    expect(log).toMatch(/"level":(10|20)/);
    expect(needles.filter((needle) => others.includes(needle))).toEqual([]);
    expect(needles.filter((needle) => shown.join().includes(needle) && !secrets.includes(needle))).toEqual([]);
    expect(needles.filter((needle) => log.includes(needle))).toEqual([]);
    expect(await tablesWith(hub, 'planted-')).toEqual([]);
    expect(await tablesWith(hub, 'whs(ec|k)_')).toEqual([]);
    expect(others + shown.join() + log).not.toContain('whsk_');
    expect(await tablesWith(hub, hub.admin.key)).toEqual([]);
    const sealed = await hub.sql('SELECT FROM audit_log WHERE changes::text LIKE $1', ['%v2.%']);
    expect(sealed).toEqual([]);
    // and they arrive where they belong
    const [request] = subscriber.on('/hook').slice(-1);
    expect(request?.headers).toMatchObject(HEADERS);
    expect(request && isSigned(request, secrets[0] ?? '') && isSignedBy(request, publicKey)).toBe(true);
  });
});

describe('exchanging SECRET_KEY', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let planted: Planted;

  beforeAll(async () => {
    [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
    planted = await plant(hub.admin, subscriber);
    await hub.sql(
      `UPDATE channel SET config = jsonb_set(config, '{botToken}', to_jsonb($1::text)) WHERE type = 'telegram'`,
      [unnamed('planted-tg-token', Buffer.from(TEST_SECRET_KEY, 'hex'))],
    );
    // enough for several batches, so that a run can be stopped halfway
    await hub.sql(
      `INSERT INTO channel (organization_id, id, name, type, status, config)
       SELECT $1, gen_random_uuid(), 'many', 'telegram', 'inactive', jsonb_build_object('botToken', $2::text)
       FROM generate_series(1, 3000)`,
      [v1.uuid(hub.admin.organizationId), first.seal('planted-many')],
    );
  });
  afterAll(async () => {
    await hub.stop();
    await subscriber.stop();
  });

  interface Run {
    readonly code: number | null;
    readonly output: string;
  }

  /** `npm run rotate-secrets`. @param stopAfter kills it at once when its output matches */
  function rotate(env: NodeJS.ProcessEnv, stopAfter?: RegExp): Promise<Run> {
    const child = spawn(process.execPath, [path.resolve('dist/apps/standalone/rotate-secrets.main.js')], {
      env: { ...process.env, DATABASE_URL: hub.database.databaseUrl, ...env },
    });
    let output = '';
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (stopAfter?.test(output)) child.kill('SIGKILL');
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
  }

  const current = { SECRET_KEY: SECOND_KEY, SECRET_KEY_PREVIOUS: TEST_SECRET_KEY };
  const left = async (): Promise<number> =>
    (
      await hub.sql<{ n: number }>(`SELECT count(*)::int AS n FROM channel WHERE config::text LIKE $1`, [
        `%v2.${first.keyId}.%`,
      ])
    )[0]?.n ?? 0;

  async function api(
    env: NodeJS.ProcessEnv,
  ): Promise<{ client: ApiClient; log: () => string; kill: () => Promise<void> }> {
    const { databaseUrl, redisUrl } = hub.database;
    const started = await startProcess('api', { databaseUrl, redisUrl, env });
    const { url } = started;
    const document = (await (await fetch(`${url}/docs/openapi.json`)).json()) as object;
    const client = new ApiClient(url, hub.admin.key, document, hub.admin.organizationId);
    return { client, log: () => started.log(), kill: () => started.kill() };
  }

  /** Whether a test delivery arrives as it should, with headers and signatures that were stored long ago. */
  async function delivers(client: ApiClient): Promise<boolean> {
    const before = subscriber.received.length;
    const { data } = await client.post<{ status: string }>(`/v1/webhooks/${planted.hook}/test`);
    const request = subscriber.received[before];
    return (
      data.status === 'succeeded' &&
      request?.headers['x-key'] === HEADERS['x-key'] &&
      planted.secrets.every((secret) => isSigned(request, secret)) &&
      isSignedBy(request, planted.publicKey)
    );
  }

  it('says what is missing when the key is unknown: to the operator, and no 500 to callers', async () => {
    const stranger = await api({ SECRET_KEY: THIRD_KEY });
    const answer = await stranger.client.post<{ status: string }>(`/v1/webhooks/${planted.hook}/test`);
    expect([answer.status, answer.data.status]).toEqual([200, 'failed']);
    expect(stranger.log()).toContain(`${first.keyId}, which is neither SECRET_KEY nor in SECRET_KEY_PREVIOUS`);
    for (const list of ['channels', 'bots', 'webhooks']) v1.ok(await stranger.client.get<Resource[]>(`/v1/${list}`));
    await stranger.kill();
    const before = await left();
    const { code, output } = await rotate({ SECRET_KEY: THIRD_KEY });
    expect(code).toBe(1);
    expect(output).toMatch(/rows hold a secret that neither SECRET_KEY nor SECRET_KEY_PREVIOUS opens/);
    expect(output).toContain(`channel ${v1.uuid(hub.admin.organizationId)} `);
    expect(output).toMatch(/and \d+ more/);
    expect(output).not.toContain('can be dropped');
    expect(await left()).toBe(before);
  });

  it('goes on after being killed, while old and new processes serve', async () => {
    const both = await api(current);
    expect(await delivers(both.client)).toBe(true);
    const all = await left();
    const killed = await rotate(current, /channel: [1-9]\d* sealed anew/);
    expect(killed.code).toBeNull();
    const rest = await left();
    expect(rest).toBeGreaterThan(0);
    expect(rest).toBeLessThan(all);

    const running = rotate(current);
    const writes = Array.from({ length: 20 }, async (_, i) => {
      const client = i % 2 ? both.client : hub.admin; // the latter has the old key only
      const config = { botToken: `planted-late-${i}` };
      return v1.ok(await client.post('/v1/channels', { name: 'late', type: 'telegram', config })).id;
    });
    const late = await Promise.all(writes);
    const finished = await running;
    expect(finished).toMatchObject({ code: 0, output: expect.stringContaining('can be dropped') as unknown });
    expect(await delivers(both.client)).toBe(true);

    // the last process with the old key is gone: once more, and all is done
    const again = await rotate(current);
    expect(again.code).toBe(0);
    expect(await tablesWith(hub, `v2\\.${first.keyId}\\.`)).toEqual([]);
    expect(await tablesWith(hub, '"v1\\.[\\w-]{38}')).toEqual([]);
    const idle = await rotate(current);
    expect(idle).toMatchObject({ code: 0, output: expect.stringContaining('nothing to seal anew') as unknown });
    const tokens = await hub.sql<{ id: string; token: string }>(
      `SELECT id, config->>'botToken' AS token FROM channel WHERE name = 'late'`,
    );
    const opened = late.map((id) => second.open(tokens.find((one) => one.id === v1.uuid(id))?.token ?? ''));
    expect(opened).toEqual(late.map((_, i) => `planted-late-${i}`));
    await both.kill();
  });

  it('leaves nothing that needs the old key', async () => {
    const rows = await hub.sql<{ config: Record<string, string> }>(
      `SELECT config FROM channel WHERE type <> 'api' UNION ALL SELECT config FROM bot UNION ALL
       SELECT headers FROM webhook_endpoint`,
    );
    const sealed = rows.flatMap(({ config }) => Object.values(config)).filter((value) => /^v[12]\./.test(value));
    const plain = new Set(sealed.map((value) => second.open(value)));
    expect(PLANTED.filter((secret) => !plain.has(secret))).toEqual([]);
    const changed = await hub.sql(`SELECT FROM channel WHERE name = 'many' AND updated_at > created_at`);
    expect(changed).toEqual([]); // to seal anew is no change
    expect(await hub.sql(`SELECT FROM webhook_endpoint WHERE key_pair = 'null'`)).toEqual([]);
    const only = await api({ SECRET_KEY: SECOND_KEY });
    expect(await delivers(only.client)).toBe(true);
    await only.kill();
  });

  it('leaves a text alone that only looks like a sealed value', async () => {
    const lookalike = `v2.${first.keyId}.${'A'.repeat(60)}`;
    const bot = v1.ok(await hub.admin.post('/v1/bots', { name: 'x', config: { systemPrompt: lookalike } }));
    expect((await rotate(current)).code).toBe(0);
    expect(v1.at(v1.ok(await hub.admin.get(`/v1/bots/${bot.id}`)), 'attributes.config.systemPrompt')).toBe(lookalike);
  });

  it('deletes what a removed record had sealed', async () => {
    const { id } = v1.ok(
      await hub.admin.post('/v1/webhooks', {
        url: subscriber.url(),
        events: ['*'],
        headers: HEADERS,
        config: { signature: 'v1a' },
      }),
    );
    await hub.admin.delete(`/v1/webhooks/${id}`);
    const gone = (): Promise<object[]> =>
      hub.sql(`SELECT headers, secrets, key_pair FROM webhook_endpoint WHERE id = $1`, [v1.uuid(id)]);
    await eventually(async () => (await gone()).length === 1, 'the row is kept');
    expect(await gone()).toEqual([{ headers: {}, secrets: [], key_pair: null }]);
  });
});

/** Keeps every answer as it came. */
class Recording extends ApiClient {
  constructor(
    url: string,
    key: string,
    document: object,
    organizationId: string,
    private readonly answers: string[],
  ) {
    super(url, key, document, organizationId);
  }

  override async call<D = Resource>(...call: Parameters<ApiClient['call']>): Promise<Answer<D>> {
    const answer = await super.call<D>(...call);
    this.answers.push(answer.text);
    return answer;
  }
}

/** As values were sealed before they named their key. */
function unnamed(plain: string, key: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
}

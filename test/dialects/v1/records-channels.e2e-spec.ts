import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
});
afterAll(() => hub.stop());

const SECRET = 'plain-secret-7f3a';
const CONFIGS: Record<string, v1.Json> = {
  whatsapp: { phoneNumberId: '1', accessToken: SECRET, businessAccountId: '2', verifyToken: SECRET, appSecret: SECRET },
  facebook: { pageId: '1', pageAccessToken: SECRET, appSecret: SECRET, verifyToken: SECRET },
  instagram: { accountId: '1', accessToken: SECRET, appSecret: SECRET, verifyToken: SECRET },
  telegram: { botToken: SECRET },
  sms: { provider: 'twilio', accountSid: 'AC1', authToken: SECRET, phoneNumber: '+15005550006' },
  email: {
    provider: 'smtp',
    smtpHost: 'mail.example.com',
    smtpPort: 587,
    smtpUser: 'u',
    smtpPassword: SECRET,
    imapHost: 'mail.example.com',
    imapPort: 993,
    imapUser: 'u',
    imapPassword: SECRET,
    fromName: 'Help',
    fromEmail: 'help@example.com',
  },
  webchat: {
    allowedOrigins: ['https://example.com'],
    theme: { color: 'red' },
    requireEmail: true,
    showBranding: false,
  },
  api: { webhookUrl: 'https://example.com/hook' },
};
/** The settings of a type, of an account that no other test has. */
const configOf = (type: string): v1.Json => {
  const name = ACCOUNTS[type];
  const account: unknown =
    type === 'email' ? v1.newEmail() : type === 'telegram' ? `${v1.next()}:${SECRET}` : `+1${v1.next()}`;
  return { ...CONFIGS[type], ...(name && { [name]: account }) };
};
const ACCOUNTS: Record<string, string> = {
  whatsapp: 'phoneNumberId',
  facebook: 'pageId',
  instagram: 'accountId',
  telegram: 'botToken',
  sms: 'phoneNumber',
  email: 'fromEmail',
};
const masked = (config: v1.Json): v1.Json =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, String(value).includes(SECRET) ? '********' : value]),
  );
const stored = async (id: string): Promise<string> => {
  const [row] = await hub.sql<{ config: string }>('SELECT config::text AS config FROM channel WHERE id = $1', [
    v1.uuid(id),
  ]);
  return row?.config ?? '';
};

describe.each(v1.BASES)('%s/channels', (base) => {
  const create = (body: unknown): Promise<Answer> => api.post(`${base}/channels`, body);
  const path = (id: string, tail = ''): string => `${base}/channels/${id}${tail}`;

  test.each(Object.keys(CONFIGS))(
    'creates a %s channel: inactive, its secrets masked outside and sealed inside',
    async (type) => {
      const config = configOf(type);
      const answer = await create({ name: 'Front desk', type, config, metadata: { a: 1 } });
      expect(answer.status).toBe(201);
      expect(answer.data).toMatchObject({
        id: expect.stringMatching(/^ch_/) as unknown,
        type: 'channel',
        attributes: {
          name: 'Front desk',
          channelType: type,
          status: 'inactive',
          config: masked(config),
          capabilities: { text: true },
          defaultBot: null,
          reopenWindowSeconds: 86_400,
          stats: { messagesLast24h: 0, lastMessageAt: null },
          health: { status: 'inactive', lastFailure: null },
          metadata: { a: 1 },
        },
      });
      expect(v1.at(answer.meta, 'setupInstructions')).toMatch(/POST \/v1\/channels\/ch_/);
      expect(v1.at(answer.meta, 'requestId')).toBe(answer.headers.get('x-request-id'));
      expect(answer.text).not.toContain(SECRET);
      const raw = await stored(answer.data.id);
      expect(raw).not.toContain(SECRET);
      expect(raw).not.toContain('********');
      expect((await api.get(path(answer.data.id))).data).toEqual(answer.data);
      const [event] = await v1.events(hub, answer.data.id);
      expect(JSON.stringify(event)).not.toContain(SECRET);
      expect(event?.body['data']).toEqual(answer.data);
    },
  );

  test.each(['internal', 'voice', 'rcs', 'pigeon', 'API', 'constructor', '__proto__'])(
    'does not create a %s channel',
    async (type) => {
      v1.expectError(await create({ name: 'x', type }), 400, 'INVALID_CHANNEL_TYPE', 'type');
    },
  );

  test.each<[v1.Json, string]>([
    [{ type: 'api' }, 'name'],
    [{ name: 'x' }, 'type'],
    [{ name: '', type: 'api' }, 'name'],
    [{ name: 'x', type: 'api', config: { webhookUrl: 5 } }, 'config.webhookUrl'],
    [{ name: 'x', type: 'api', config: { webhookUrl: 'ftp://example.com' } }, 'config.webhookUrl'],
    [{ name: 'x', type: 'api', config: { colour: 'red' } }, 'config.colour'],
    [{ name: 'x', type: 'email', config: { fromEmail: 'help' } }, 'config.fromEmail'],
    [{ name: 'x', type: 'webchat', config: { allowedOrigins: ['https://example.com/page'] } }, 'config.allowedOrigins'],
    [{ name: 'x', type: 'api', config: { toString: 'red' } }, 'config.toString'],
    [{ name: 'x', type: 'telegram' }, 'config.botToken'],
    [{ name: 'x', type: 'telegram', config: { botToken: '' } }, 'config.botToken'],
    [{ name: 'x', type: 'telegram', config: { botToken: null } }, 'config.botToken'],
    [{ name: 'x', type: 'email', config: { smtpPort: 70_000 } }, 'config.smtpPort'],
    [{ name: 'x', type: 'webchat', config: { allowedOrigins: 'all' } }, 'config.allowedOrigins'],
    [{ name: 'x', type: 'webchat', config: { theme: [] } }, 'config.theme'],
    [{ name: 'x', type: 'api', reopenWindowSeconds: -1 }, 'reopenWindowSeconds'],
    [{ name: 'x', type: 'api', reopenWindowSeconds: 31_536_001 }, 'reopenWindowSeconds'],
    [{ name: 'x', type: 'api', metadata: [] }, 'metadata'],
  ])('refuses %j and names %s', async (body, field) => {
    v1.expectError(await create(body), 400, 'VALIDATION_ERROR', field);
  });

  test('knows only its own bots as default bot', async () => {
    const stranger = await v1.bot(await hub.newOrganization('Stranger'));
    for (const defaultBotId of [stranger.id, 'bot_x', 'user_01h455vb4pex5vsknk084sn02q']) {
      v1.expectError(await create({ name: 'x', type: 'api', defaultBotId }), 404, 'BOT_NOT_FOUND', 'defaultBotId');
    }
    const own = await v1.bot(api, { name: 'Own' });
    const made = v1.ok(await create({ name: 'x', type: 'api', defaultBotId: own.id }));
    expect(made.attributes['defaultBot']).toEqual({ id: own.id, name: 'Own' });
    v1.expectError(await api.patch(path(made.id), { defaultBotId: stranger.id }), 404, 'BOT_NOT_FOUND', 'defaultBotId');
    expect(v1.attributes(await api.patch(path(made.id), { defaultBotId: null }))['defaultBot']).toBeNull();
  });

  test('patches: config and metadata merged, null removes, a secret sent back masked stays', async () => {
    const { id } = v1.ok(
      await create({ name: 'a', type: 'email', config: configOf('email'), metadata: { a: 1, b: 2 } }),
    );
    const before = await stored(id);
    const answer = await api.patch(path(id), {
      name: 'b',
      config: { smtpPassword: '********', smtpUser: null, smtpPort: 25 },
      metadata: { b: null, c: 3 },
      reopenWindowSeconds: 0,
    });
    expect(answer.data.attributes).toMatchObject({ name: 'b', metadata: { a: 1, c: 3 }, reopenWindowSeconds: 0 });
    expect(v1.attributes(answer)['config']).toMatchObject({ smtpPassword: '********', smtpPort: 25 });
    expect(v1.attributes(answer)['config']).not.toHaveProperty('smtpUser');
    const sealed = (text: string): unknown => (JSON.parse(text) as v1.Json)['smtpPassword'];
    expect(sealed(await stored(id))).toBe(sealed(before));
    v1.ok(await api.patch(path(id), { config: { smtpPassword: `${SECRET}2` } }));
    expect(sealed(await stored(id))).not.toBe(sealed(before));
    expect(await stored(id)).not.toContain(SECRET);
    v1.expectError(await api.patch(path(id), { config: { nope: 1 } }), 400, 'VALIDATION_ERROR', 'config.nope');
    v1.expectError(await api.patch(path(id), { name: '' }), 400, 'VALIDATION_ERROR', 'name');
  });

  test('a required setting cannot be removed', async () => {
    const { id } = v1.ok(await create({ name: 'a', type: 'telegram', config: configOf('telegram') }));
    v1.expectError(
      await api.patch(path(id), { config: { botToken: null } }),
      400,
      'VALIDATION_ERROR',
      'config.botToken',
    );
  });

  test('activates and deactivates api and webchat, and says that the others are not connected yet', async () => {
    for (const type of ['api', 'webchat']) {
      const { id } = v1.ok(await create({ name: 'a', type }));
      expect((await api.post(path(id, '/activate'))).data.attributes).toMatchObject({ status: 'active' });
      expect((await api.post(path(id, '/activate'))).status).toBe(200);
      expect((await api.post(path(id, '/deactivate'), { reason: 'holiday' })).data.attributes).toMatchObject({
        status: 'inactive',
      });
      expect((await api.post(path(id, '/deactivate'))).status).toBe(200);
    }
    const { id } = v1.ok(await create({ name: 'a', type: 'telegram', config: configOf('telegram') }));
    v1.expectError(await api.post(path(id, '/activate')), 422, 'CHANNEL_NOT_CONNECTED');
  });

  test('deactivation leaves the conversations, or closes them with the reason', async () => {
    const desk = await v1.channel(api);
    const one = await v1.conversation(api, { channelId: desk.id });
    const status = async (): Promise<unknown> => v1.attributes(await api.get(`${base}/conversations/${one.id}`));
    v1.ok(await api.post(path(desk.id, '/deactivate'), {}));
    expect(await status()).toMatchObject({ status: 'open' });
    const body = { reason: 'moved', closeConversations: true };
    const { events } = await v1.told(hub, () => api.post(path(desk.id, '/deactivate'), body));
    expect(await status()).toMatchObject({ status: 'closed', closureReason: 'moved', closedBy: { type: 'api_key' } });
    expect(events.map(({ type }) => type)).toEqual(['conversation.closed']);
    for (const bad of [{ closeConversations: 'yes' }, { closeConversations: 1 }]) {
      v1.expectError(await api.post(path(desk.id, '/deactivate'), bad), 400, 'VALIDATION_ERROR', 'closeConversations');
    }
  });

  test('deletes one without live conversations; with force it closes them; closed ones stay readable', async () => {
    const desk = await v1.channel(api, { type: 'api', config: { webhookUrl: 'https://example.com' } });
    const one = await v1.conversation(api, { channelId: desk.id });
    v1.expectError(await api.delete(path(desk.id)), 400, 'ACTIVE_CONVERSATIONS_EXIST');
    v1.expectError(await api.delete(path(desk.id, '?force=false')), 400, 'ACTIVE_CONVERSATIONS_EXIST');
    v1.expectError(await api.delete(path(desk.id, '?force=perhaps')), 400, 'VALIDATION_ERROR', 'force');
    const { answer, events } = await v1.told(hub, () => api.delete(path(desk.id, '?force=true')));
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(events.map(({ type }) => type)).toEqual(['conversation.closed', 'channel.deleted']);
    expect((await api.get(`${base}/conversations/${one.id}`)).data.attributes).toMatchObject({
      status: 'closed',
      channel: { id: desk.id, name: 'Channel' },
    });
    for (const answered of [
      await api.get(path(desk.id)),
      await api.patch(path(desk.id), { name: 'x' }),
      await api.delete(path(desk.id)),
      await api.post(path(desk.id, '/activate')),
      await api.post(path(desk.id, '/deactivate')),
      await v1.inbound(api, desk.id),
      await api.post(`${base}/conversations`, { channelId: desk.id, contact: { phone: v1.newPhone() } }),
    ]) {
      v1.expectError(answered, 404, 'CHANNEL_NOT_FOUND');
    }
    expect(await stored(desk.id)).toBe('{}');
  });

  test('lists by type, status and name, the newest first, in pages', async () => {
    const client = await hub.newOrganization(`Lists of ${base}`);
    const desk = await v1.channel(client, { name: 'Desk' });
    const chat = await v1.channel(client, { name: 'Chat 100%', type: 'webchat' }, false);
    const gone = await v1.channel(client, { name: 'Gone' });
    v1.ok(await client.delete(path(gone.id)));
    const list = async (query: string): Promise<string[]> => {
      const answer = await client.get<Resource[]>(`${base}/channels${query}`);
      expect(v1.at(answer.meta, 'pagination.totalCount')).toEqual(expect.any(Number));
      return answer.data.map(({ id }) => id);
    };
    expect(await list('')).toEqual([chat.id, desk.id]);
    expect(await list('?sortOrder=asc')).toEqual([desk.id, chat.id]);
    expect(await list('?type=webchat')).toEqual([chat.id]);
    expect(await list('?status=active')).toEqual([desk.id]);
    expect(await list('?status=error')).toEqual([]);
    expect(await list('?search=des')).toEqual([desk.id]);
    expect(await list('?search=%25')).toEqual([chat.id]);
    expect(await list('?type=internal')).toEqual([]);
    expect(await list('?perPage=1&page=2')).toEqual([desk.id]);
    const beyond = await client.get<Resource[]>(`${base}/channels?perPage=1&page=9`);
    expect(beyond.data).toEqual([]);
    expect(v1.at(beyond.meta, 'pagination')).toMatchObject({
      totalCount: 2,
      totalPages: 2,
      hasPrevPage: true,
      hasNextPage: false,
    });
    for (const [query, field] of [
      ['type=pigeon', 'type'],
      ['status=asleep', 'status'],
      ['search=', 'search'],
      ['page=0', 'page'],
      ['page=5002', 'page'],
      ['perPage=101', 'perPage'],
      ['sortOrder=up', 'sortOrder'],
    ]) {
      v1.expectError(await client.get(`${base}/channels?${query}`), 400, 'VALIDATION_ERROR', field);
    }
  });
});

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

const ids = (answer: Answer<Resource[]>): string[] => {
  expect(answer.status).toBe(200);
  return answer.data.map(({ id }) => id);
};

describe.each(v1.BASES)('%s/contacts', (base) => {
  const create = (body: unknown): Promise<Answer> => api.post(`${base}/contacts`, body);
  const path = (id: string, tail = ''): string => `${base}/contacts/${id}${tail}`;

  test('creates one with everything, and shows it', async () => {
    const fields = {
      name: 'Ann',
      email: v1.newEmail(),
      phone: v1.newPhone(),
      avatar: 'https://example.com/a.png',
      externalId: `crm-${v1.next()}`,
      metadata: { tier: 'gold' },
      tags: ['vip'],
    };
    const answer = await create(fields);
    expect(answer.status).toBe(201);
    expect(answer.data).toMatchObject({
      id: expect.stringMatching(/^contact_/) as unknown,
      type: 'contact',
      attributes: { ...fields, identifiers: [], lastSeenAt: null, conversationCount: 0 },
    });
    expect((await api.get(path(answer.data.id))).data).toEqual(answer.data);
  });

  test.each<[v1.Json, string]>([
    [{}, 'name'],
    [{ name: '', email: null }, 'email'],
    [{ name: 'x', email: 'x' }, 'email'],
    [{ name: 'x', phone: '12' }, 'phone'],
    [{ name: 'x', phone: 5511 }, 'phone'],
    [{ name: 'x', avatar: 'javascript:alert(1)' }, 'avatar'],
    [{ name: 'x', externalId: 7 }, 'externalId'],
    [{ name: 'x', metadata: 'y' }, 'metadata'],
    [{ name: 'x', tags: 'y' }, 'tags'],
    [{ name: ['x'] }, 'name'],
  ])('refuses %j and names %s', async (body, field) => {
    v1.expectError(await create(body), 400, 'VALIDATION_ERROR', field);
  });

  test('one email, phone and externalId belong to one contact, whatever the case and spacing', async () => {
    const fields = { email: v1.newEmail(), phone: v1.newPhone(), externalId: `crm-${v1.next()}` };
    v1.ok(await create(fields));
    const other = v1.ok(await create({ name: 'Other' }));
    const { phone } = fields;
    for (const taken of [
      { email: fields.email.toUpperCase() },
      { phone: `${phone.slice(0, 3)} ${phone.slice(3)}` },
      { externalId: fields.externalId },
    ]) {
      v1.expectError(await create(taken), 409, 'RESOURCE_ALREADY_EXISTS');
      v1.expectError(await api.patch(path(other.id), taken), 409, 'RESOURCE_ALREADY_EXISTS');
    }
    const elsewhere = await hub.newOrganization('Elsewhere');
    expect((await elsewhere.post(`${base}/contacts`, fields)).status).toBe(201);
  });

  test('patches: metadata merged, tags replaced, null forgets, the rest stays', async () => {
    const ann = await v1.contact(api, { name: 'Ann', email: v1.newEmail(), metadata: { a: 1, b: 2 }, tags: ['x'] });
    const answer = await api.patch(path(ann.id), { email: null, metadata: { b: null, c: 3 }, tags: ['y'] });
    expect(answer.data.attributes).toMatchObject({ name: 'Ann', email: null, metadata: { a: 1, c: 3 }, tags: ['y'] });
    expect(v1.attributes(answer)['phone']).toBe(v1.attributes(ann)['phone']);
    const events = await v1.events(hub, ann.id);
    expect(v1.at(events.at(-1)?.body, 'meta.changes')).toEqual({
      email: { before: v1.attributes(ann)['email'], after: null },
      metadata: { before: { a: 1, b: 2 }, after: { a: 1, c: 3 } },
      tags: { before: ['x'], after: ['y'] },
    });
  });

  test('deletes one without live conversations: erased, its addresses free again, the closed conversation stays', async () => {
    const fields = { name: 'Secret Name', email: v1.newEmail(), phone: v1.newPhone(), externalId: `crm-${v1.next()}` };
    const ann = v1.ok(await create(fields));
    const one = await v1.conversation(api, { contactId: ann.id });
    v1.expectError(await api.delete(path(ann.id)), 400, 'ACTIVE_CONVERSATIONS_EXIST');
    v1.ok(await api.post(`${base}/conversations/${one.id}/close`));
    expect((await api.delete(path(ann.id))).status).toBe(204);
    for (const answer of [
      await api.get(path(ann.id)),
      await api.patch(path(ann.id), { name: 'x' }),
      await api.delete(path(ann.id)),
      await api.get(path(ann.id, '/conversations')),
      await api.post(`${base}/conversations`, { channelId: v1.at(one, 'attributes.channel.id'), contactId: ann.id }),
    ]) {
      v1.expectError(answer, 404, 'CONTACT_NOT_FOUND');
    }
    const [row] = await hub.sql<{ row: string }>('SELECT k::text AS row FROM contact k WHERE id = $1', [
      v1.uuid(ann.id),
    ]);
    for (const erased of Object.values(fields)) expect(row?.row).not.toContain(erased);
    expect((await api.get(`${base}/conversations/${one.id}`)).data.attributes).toMatchObject({
      contact: { id: ann.id, name: null },
    });
    expect((await create(fields)).status).toBe(201);
  });

  test('lists by search, email, phone, tags and channel type, sorted, in pages', async () => {
    const client = await hub.newOrganization(`Contacts of ${base}`);
    const desk = await v1.channel(client);
    const ann = await v1.contact(client, {
      name: 'Ann 50%',
      email: 'Ann@Example.com',
      phone: '+5511988880001',
      tags: ['a', 'b'],
    });
    const bob = await v1.contact(client, {
      name: 'Bob',
      email: 'bob@example.com',
      phone: '+5511988880002',
      tags: ['b'],
    });
    v1.ok(await v1.inbound(client, desk.id, { contact: { externalId: 'bob', phone: '+5511988880002' } }));
    const list = async (query: string): Promise<string[]> =>
      ids(await client.get<Resource[]>(`${base}/contacts?${query}`));
    for (const [query, expected] of [
      ['', [bob.id, ann.id]],
      ['sortOrder=asc', [ann.id, bob.id]],
      ['sortBy=name&sortOrder=asc', [ann.id, bob.id]],
      ['sortBy=name', [bob.id, ann.id]],
      ['sortBy=updatedAt&sortOrder=asc', [ann.id, bob.id]],
      ['search=ann', [ann.id]],
      ['search=EXAMPLE.com', [bob.id, ann.id]],
      ['search=8880002', [bob.id]],
      ['search=%25', [ann.id]],
      ['email=ANN@example.com', [ann.id]],
      ['phone=%2B5511988880002', [bob.id]],
      ['phone=%2B55%2011%2098888-0002', [bob.id]],
      ['tags=b', [bob.id, ann.id]],
      ['tags=a,b', [ann.id]],
      ['tags=a&tags=b', [ann.id]],
      ['channelType=api', [bob.id]],
      ['channelType=sms', []],
      ['perPage=1&page=2', [ann.id]],
      ['perPage=1&page=3', []],
    ] as [string, string[]][]) {
      expect([query, await list(query)]).toEqual([query, expected]);
    }
    for (const [query, field] of [
      ['sortBy=phone', 'sortBy'],
      ['phone=123', 'phone'],
      ['search=', 'search'],
      ['channelType=pigeon', 'channelType'],
      [`tags=${'x'.repeat(101)}`, 'tags'],
      ['page=0', 'page'],
      ['perPage=101', 'perPage'],
    ]) {
      v1.expectError(await client.get(`${base}/contacts?${query}`), 400, 'VALIDATION_ERROR', field);
    }
    const shown = await client.get(path(bob.id));
    expect(shown.data.attributes).toMatchObject({
      conversationCount: 1,
      lastSeenAt: expect.any(String) as unknown,
      identifiers: [{ channelType: 'api', channelId: desk.id, identifier: 'bob', displayName: null }],
    });
    const theirs = await client.get<Resource[]>(path(bob.id, '/conversations?perPage=5'));
    expect(ids(theirs)).toHaveLength(1);
    expect(v1.at(theirs.meta, 'pagination')).toMatchObject({ perPage: 5, totalCount: 1 });
    expect(ids(await client.get<Resource[]>(path(ann.id, '/conversations')))).toEqual([]);
  });
});

describe.each(v1.BASES)('%s/users', (base) => {
  const path = (id = ''): string => `${base}/users${id && `/${id}`}`;

  test('creates, gets, patches, lists and deletes', async () => {
    const client = await hub.newOrganization(`Users of ${base}`);
    const email = v1.newEmail();
    const made = await client.post(path(), {
      email,
      name: 'Ann',
      avatar: 'https://example.com/a.png',
      metadata: { a: 1 },
    });
    expect(made.status).toBe(201);
    expect(made.data).toMatchObject({
      id: expect.stringMatching(/^user_/) as unknown,
      type: 'user',
      attributes: {
        email,
        name: 'Ann',
        role: 'agent',
        status: 'invited',
        avatar: 'https://example.com/a.png',
        metadata: { a: 1 },
      },
    });
    const { id } = made.data;
    expect((await client.get(path(id))).data).toEqual(made.data);
    v1.expectError(await client.post(path(), { email: email.toUpperCase(), name: 'B' }), 409, 'EMAIL_ALREADY_EXISTS');
    const patched = await client.patch(path(id), {
      name: 'Anna',
      role: 'supervisor',
      avatar: null,
      metadata: { a: null, b: 2 },
    });
    expect(patched.data.attributes).toMatchObject({
      name: 'Anna',
      role: 'supervisor',
      avatar: null,
      metadata: { b: 2 },
    });
    const bob = await v1.user(client, { role: 'admin' });
    expect(ids(await client.get<Resource[]>(path()))).toEqual([bob.id, id]);
    expect(ids(await client.get<Resource[]>(`${path()}?sortOrder=asc&perPage=1`))).toEqual([id]);
    expect(ids(await client.get<Resource[]>(`${path()}?role=admin`))).toEqual([bob.id]);
    expect(ids(await client.get<Resource[]>(`${path()}?email=${email.toUpperCase()}`))).toEqual([id]);
    const one = await v1.conversation(client, { assigneeId: id });
    v1.expectError(await client.delete(path(id)), 400, 'ACTIVE_CONVERSATIONS_EXIST');
    v1.ok(await client.post(`${base}/conversations/${one.id}/close`));
    expect((await client.delete(path(id))).status).toBe(204);
    for (const answer of [
      await client.get(path(id)),
      await client.patch(path(id), {}),
      await client.delete(path(id)),
    ]) {
      v1.expectError(answer, 404, 'USER_NOT_FOUND');
    }
    expect(v1.at((await client.get(`${base}/conversations/${one.id}`)).data, 'attributes.assignee.name')).toBe('Anna');
    expect((await client.post(path(), { email, name: 'Again' })).status).toBe(201);
  });

  test.each<[v1.Json, string]>([
    [{ name: 'x' }, 'email'],
    [{ email: 'x', name: 'x' }, 'email'],
    [{ email: 'a@example.com' }, 'name'],
    [{ email: 'a@example.com', name: '' }, 'name'],
    [{ email: 'a@example.com', name: 'x', role: 'king' }, 'role'],
    [{ email: 'a@example.com', name: 'x', avatar: 'x' }, 'avatar'],
    [{ email: 'a@example.com', name: 'x', metadata: 1 }, 'metadata'],
  ])('refuses %j and names %s', async (body, field) => {
    v1.expectError(await api.post(path(), body), 400, 'VALIDATION_ERROR', field);
  });

  test('refuses a bad patch, and nothing changes', async () => {
    const { id, attributes } = await v1.user(api);
    for (const [body, field] of [
      [{ status: 'invited' }, 'status'],
      [{ role: 'x' }, 'role'],
      [{ name: '' }, 'name'],
    ] as [v1.Json, string][]) {
      v1.expectError(await api.patch(path(id), body), 400, 'VALIDATION_ERROR', field);
    }
    expect((await api.get(path(id))).data.attributes).toEqual(attributes);
  });
});

describe.each(v1.BASES)('%s/bots', (base) => {
  const SECRET = 'plain-secret-91c2';
  const path = (id = '', tail = ''): string => `${base}/bots${id && `/${id}`}${tail}`;
  const stored = async (id: string): Promise<string> => {
    const [row] = await hub.sql<{ config: string }>('SELECT config::text AS config FROM bot WHERE id = $1', [
      v1.uuid(id),
    ]);
    return row?.config ?? '';
  };

  test('creates, shows, patches, switches and deletes; its secrets stay sealed', async () => {
    const desk = await v1.channel(api, { name: 'Desk' });
    const config = { url: 'https://bot.example.com', secret: SECRET, apiKey: SECRET, temperature: 0.5, maxTokens: 100 };
    const made = await api.post(path(), {
      name: 'Helper',
      description: 'd',
      model: 'm',
      config,
      channelIds: [desk.id, desk.id],
    });
    expect(made.status).toBe(201);
    const { id } = made.data;
    expect(made.data).toMatchObject({
      id: expect.stringMatching(/^bot_/) as unknown,
      type: 'bot',
      attributes: {
        name: 'Helper',
        description: 'd',
        model: 'm',
        status: 'inactive',
        provider: 'custom',
        config: { ...config, secret: '********', apiKey: '********' },
        channels: [{ id: desk.id, name: 'Desk', type: 'api' }],
      },
    });
    expect(await stored(id)).not.toContain(SECRET);
    expect(JSON.stringify(await v1.events(hub, id))).not.toContain(SECRET);
    const before = JSON.parse(await stored(id)) as v1.Json;
    const patched = await api.patch(path(id), {
      name: 'Helper 2',
      description: null,
      config: { secret: '********', apiKey: null, temperature: 1 },
      channelIds: [],
    });
    expect(patched.data.attributes).toMatchObject({
      name: 'Helper 2',
      description: null,
      channels: [],
      config: { temperature: 1 },
    });
    const after = JSON.parse(await stored(id)) as v1.Json;
    expect([after['secret'], after['apiKey']]).toEqual([before['secret'], undefined]);
    expect(v1.attributes(await api.post(path(id, '/activate')))['status']).toBe('active');
    v1.expectError(await api.delete(path(id)), 400, 'BOT_IS_ACTIVE');
    const one = await v1.conversation(api, { assigneeId: id });
    expect(v1.attributes(await api.post(path(id, '/deactivate')))['status']).toBe('inactive');
    v1.expectError(await api.delete(path(id)), 400, 'ACTIVE_CONVERSATIONS_EXIST');
    v1.ok(await api.post(`${base}/conversations/${one.id}/close`));
    expect((await api.delete(path(id))).status).toBe(204);
    for (const answer of [
      await api.get(path(id)),
      await api.patch(path(id), { name: 'x' }),
      await api.delete(path(id)),
      await api.post(path(id, '/activate')),
      await api.post(path(id, '/deactivate')),
    ]) {
      v1.expectError(answer, 404, 'BOT_NOT_FOUND');
    }
    expect(await stored(id)).toBe('{}');
  });

  test.each<[v1.Json, string, string, number]>([
    [{}, 'name', 'VALIDATION_ERROR', 400],
    [{ name: '' }, 'name', 'VALIDATION_ERROR', 400],
    [{ name: 'x', provider: 'oracle' }, 'provider', 'INVALID_PROVIDER', 400],
    [{ name: 'x', provider: 'constructor' }, 'provider', 'INVALID_PROVIDER', 400],
    [{ name: 'x', config: { url: 'ftp://x' } }, 'config.url', 'VALIDATION_ERROR', 400],
    [{ name: 'x', config: { temperature: 3 } }, 'config.temperature', 'VALIDATION_ERROR', 400],
    [{ name: 'x', config: { maxTokens: 1.5 } }, 'config.maxTokens', 'VALIDATION_ERROR', 400],
    [{ name: 'x', config: { constructor: 1 } }, 'config.constructor', 'VALIDATION_ERROR', 400],
    [{ name: 'x', channelIds: ['ch_x'] }, 'channelIds', 'CHANNEL_NOT_FOUND', 404],
    [{ name: 'x', channelIds: ['ch_01h455vb4pex5vsknk084sn02q'] }, 'channelIds', 'CHANNEL_NOT_FOUND', 404],
    [{ name: 'x', channelIds: 'ch_x' }, 'channelIds', 'VALIDATION_ERROR', 400],
  ])('refuses %j and names %s', async (body, field, code, status) => {
    v1.expectError(await api.post(path(), body), status, code, field);
  });

  test('lists by status and provider, the newest first, in pages', async () => {
    const client = await hub.newOrganization(`Bots of ${base}`);
    const one = await v1.bot(client, { name: 'One' });
    const two = v1.ok(await client.post(path(), { name: 'Two', provider: 'openai', model: 'gpt' }));
    const list = async (query: string): Promise<string[]> => ids(await client.get<Resource[]>(`${path()}?${query}`));
    expect(await list('')).toEqual([two.id, one.id]);
    expect(await list('sortOrder=asc')).toEqual([one.id, two.id]);
    expect(await list('status=active')).toEqual([one.id]);
    expect(await list('provider=openai')).toEqual([two.id]);
    expect(await list('perPage=1&page=2')).toEqual([one.id]);
    for (const [query, field] of [
      ['status=x', 'status'],
      ['provider=x', 'provider'],
      ['page=0', 'page'],
      ['perPage=101', 'perPage'],
    ]) {
      v1.expectError(await client.get(`${path()}?${query}`), 400, 'VALIDATION_ERROR', field);
    }
  });
});

test('the same record carries the same positive number everywhere, and people share one number space', async () => {
  const made = [await v1.contact(api), await v1.user(api), await v1.bot(api), await v1.contact(api)];
  const numbers = made.map((one) => Number(v1.attributes(one)['number']));
  expect(new Set(numbers).size).toBe(4);
  for (const number of numbers) expect(Number.isSafeInteger(number) && number > 0).toBe(true);
  expect(v1.attributes(await api.get(`/api/v1/contacts/${made[0]?.id}`))['number']).toBe(numbers[0]);
});

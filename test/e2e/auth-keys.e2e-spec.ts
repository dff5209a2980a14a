import { jest } from '@jest/globals';
import type { ApiClient, Resource } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import { codeOf, colleague, newEmail, PASSWORD, register, type Session } from './auth-fixtures.js';

jest.setTimeout(60_000);

let hub: Hub;
let owner: Session;
beforeAll(async () => {
  hub = await startHub();
  owner = await register(hub);
});
afterAll(() => hub.stop());

const make = (api: ApiClient, fields: object = {}) =>
  api.post('/v1/api-keys', { name: 'CRM', permissions: ['contacts:read'], ...fields });
const keyOf = ({ data }: { data: Resource }): string => data.attributes['key']!;

describe('API keys', () => {
  it('are made, shown once, listed, found by their beginning, and revoked', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const made = await make(owner.api, { permissions: ['contacts:read', 'contacts:read'], expiresAt });
    expect(made.status).toBe(201);
    const key = keyOf(made);
    expect(key).toMatch(/^sk_[\w-]{43}$/);
    const attributes = {
      name: 'CRM',
      kind: 'service',
      permissions: ['contacts:read'],
      prefix: key.slice(0, 11),
      expiresAt,
    };
    expect(made.data).toMatchObject({ type: 'api_key', attributes: { ...attributes, lastUsedAt: null } });
    expect(codeOf(await hub.as(key).get('/v1/contacts'))).toBe('200');
    expect(codeOf(await hub.as(key).get('/v1/conversations'))).toBe('403 INSUFFICIENT_PERMISSIONS');
    await make(owner.api, { name: 'Other' });
    for (const query of [`prefix=${key.slice(0, 8)}`, `prefix=${key}`]) {
      const found = await owner.api.get<Resource[]>(`/v1/api-keys?${query}`);
      expect(found.data.map(({ id }) => id)).toEqual([made.data.id]);
      expect(found.data[0]?.attributes).toMatchObject({ ...attributes, lastUsedAt: expect.any(String) as string });
      expect(found.text).not.toContain(key);
    }
    expect((await owner.api.get<Resource[]>('/v1/api-keys?prefix=%25')).data).toEqual([]);
    expect((await owner.api.delete(`/v1/api-keys/${made.data.id}`)).status).toBe(204);
    expect(codeOf(await hub.as(key).get('/v1/contacts'))).toBe('401 INVALID_API_KEY');
    expect(codeOf(await owner.api.delete(`/v1/api-keys/${made.data.id}`))).toBe('404 RESOURCE_NOT_FOUND');
    const rows = await hub.sql<{ row: string }>('SELECT x::text AS row FROM api_key x');
    expect(rows.map(({ row }) => row).join()).not.toContain(key);
  });

  it('end when they expire', async () => {
    const made = await make(owner.api, { expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await hub.sql(`UPDATE api_key SET expires_at = now() - interval '1 second' WHERE prefix = $1`, [
      keyOf(made).slice(0, 11),
    ]);
    expect(codeOf(await hub.as(keyOf(made)).get('/v1/contacts'))).toBe('401 INVALID_API_KEY');
  });

  it.each([
    [{ name: '' }, 'name'],
    [{ permissions: [] }, 'permissions'],
    [{ permissions: ['everything'] }, 'permissions'],
    [{ permissions: 'admin' }, 'permissions'],
    [{ kind: 'god' }, 'kind'],
    [{ expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
    [{ expiresAt: 'soon' }, 'expiresAt'],
  ])('%j is refused by its field', async (fields, field) => {
    const answer = await make(owner.api, fields);
    expect([codeOf(answer), answer.error.details?.[0]?.field]).toEqual(['400 VALIDATION_ERROR', field]);
  });

  it('of another organization do not exist', async () => {
    const stranger = await register(hub);
    const made = await make(owner.api);
    expect(codeOf(await stranger.api.delete(`/v1/api-keys/${made.data.id}`))).toBe('404 RESOURCE_NOT_FOUND');
    expect((await stranger.api.get<Resource[]>('/v1/api-keys')).data).toEqual([]);
    expect(codeOf(await hub.as(keyOf(made)).get('/v1/contacts'))).toBe('200');
  });

  it('cannot be given what their maker may not do', async () => {
    const agent = await colleague(hub, owner, 'agent');
    for (const permissions of [['admin'], ['contacts:read', 'webhooks:write'], ['analytics:read']]) {
      expect(codeOf(await make(agent.api, { permissions }))).toBe('403 INSUFFICIENT_PERMISSIONS');
    }
    expect(codeOf(await make(agent.api, { kind: 'service' }))).toBe('403 INSUFFICIENT_PERMISSIONS');
    const own = await make(agent.api, { permissions: ['contacts:read', 'messages:write'] });
    expect(own.data.attributes['kind']).toBe('user');
    expect(codeOf(await make(hub.as(keyOf(own))))).toBe('403 INSUFFICIENT_PERMISSIONS');
    expect(codeOf(await hub.as(keyOf(own)).get('/v1/api-keys'))).toBe('403 INSUFFICIENT_PERMISSIONS');
    expect(codeOf(await make(await hub.withScopes('contacts:read', 'messages:write')))).toBe(
      '403 INSUFFICIENT_PERMISSIONS',
    );
  });

  it('of a person are theirs to see and revoke, can do no more than they can, and end with them', async () => {
    const [one, two] = [await colleague(hub, owner, 'supervisor'), await colleague(hub, owner, 'agent')];
    const made = await make(one.api, { permissions: ['analytics:read', 'webhooks:read', 'contacts:read'] });
    const key = hub.as(keyOf(made));
    expect((await one.api.get<Resource[]>('/v1/api-keys')).data.map(({ id }) => id)).toEqual([made.data.id]);
    expect((await two.api.get<Resource[]>('/v1/api-keys')).data).toEqual([]);
    expect(codeOf(await two.api.delete(`/v1/api-keys/${made.data.id}`))).toBe('404 RESOURCE_NOT_FOUND');
    expect(codeOf(await key.get('/v1/webhooks'))).toBe('200');
    await owner.api.patch(`/v1/users/${one.userId}`, { role: 'agent' });
    expect([codeOf(await key.get('/v1/webhooks')), codeOf(await key.get('/v1/contacts'))]).toEqual([
      '403 INSUFFICIENT_PERMISSIONS',
      '200',
    ]);
    await owner.api.patch(`/v1/users/${one.userId}`, { status: 'suspended' });
    expect(codeOf(await key.get('/v1/contacts'))).toBe('401 INVALID_API_KEY');
  });
});

describe('roles', () => {
  it.each([
    ['admin', { '/v1/users': 200, '/v1/webhooks': 200, '/v1/contacts': 200 }],
    ['supervisor', { '/v1/users': 200, '/v1/webhooks': 200, '/v1/contacts': 200 }],
    ['agent', { '/v1/users': 200, '/v1/webhooks': 403, '/v1/contacts': 200 }],
    [
      'customer',
      { '/v1/users': 403, '/v1/webhooks': 403, '/v1/contacts': 403, '/v1/api-keys': 403, '/v1/auth/me': 200 },
    ],
  ])('%s', async (role, expected) => {
    const one = await colleague(hub, owner, role);
    for (const [path, status] of Object.entries(expected)) {
      expect([path, (await one.api.get(path)).status]).toEqual([path, status]);
    }
    const user = { email: newEmail(), name: 'x', password: PASSWORD };
    expect((await one.api.post('/v1/users', user)).status).toBe(role === 'admin' ? 201 : 403);
  });

  it('hold from the next request on', async () => {
    const one = await colleague(hub, owner, 'agent');
    expect((await one.api.get('/v1/webhooks')).status).toBe(403);
    await owner.api.patch(`/v1/users/${one.userId}`, { role: 'supervisor' });
    expect((await one.api.get('/v1/webhooks')).status).toBe(200);
  });

  it('only a super_admin makes or touches a super_admin; no key lifts its maker above itself', async () => {
    const admin = await colleague(hub, owner, 'admin');
    const key = hub.as(keyOf(await make(admin.api, { permissions: ['admin'] })));
    for (const api of [admin.api, key]) {
      const one = { email: newEmail(), name: 'x', role: 'super_admin' };
      expect(codeOf(await api.post('/v1/users', one))).toBe('403 INSUFFICIENT_PERMISSIONS');
      expect(codeOf(await api.patch(`/v1/users/${admin.userId}`, { role: 'super_admin' }))).toBe(
        '403 INSUFFICIENT_PERMISSIONS',
      );
      expect(codeOf(await api.patch(`/v1/users/${owner.userId}`, { status: 'suspended' }))).toBe(
        '403 INSUFFICIENT_PERMISSIONS',
      );
      expect(codeOf(await api.delete(`/v1/users/${owner.userId}`))).toBe('403 INSUFFICIENT_PERMISSIONS');
    }
    expect((await owner.api.patch(`/v1/users/${admin.userId}`, { role: 'super_admin' })).status).toBe(200);
  });
});

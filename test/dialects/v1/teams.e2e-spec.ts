import type { ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let other: ApiClient;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  other = await hub.newOrganization('Elsewhere');
});
afterAll(() => hub.stop());

const audited = async (id: string): Promise<string[]> =>
  (
    await hub.sql<{ action: string }>('SELECT action FROM audit_log WHERE subject_id = $1 ORDER BY at, id', [
      v1.uuid(id),
    ])
  ).map(({ action }) => action);

describe.each(v1.BASES)('%s/teams', (base) => {
  const path = (id = '', tail = ''): string => `${base}/teams${id && `/${id}`}${tail}`;

  test('creates, gets, patches, lists and deletes, and the audit log tells of it', async () => {
    const client = await hub.newOrganization(`Teams of ${base}`);
    const made = await client.post(path(), { name: 'Support', description: 'First line', metadata: { a: 1 } });
    expect(made.status).toBe(201);
    expect(made.data).toMatchObject({
      id: expect.stringMatching(/^team_/) as unknown,
      type: 'team',
      attributes: { name: 'Support', description: 'First line', metadata: { a: 1 }, memberCount: 0 },
    });
    const { id } = made.data;
    expect((await client.get(path(id))).data).toEqual(made.data);
    const changed = await client.patch(path(id), { name: 'Desk', description: null, metadata: { a: null, b: 2 } });
    expect(changed.data.attributes).toMatchObject({ name: 'Desk', description: null, metadata: { b: 2 } });
    expect((await client.patch(path(id), { name: 'Desk' })).data).toEqual(changed.data); // changes nothing
    const second = v1.ok(await client.post(path(), { name: 'Sales' }));
    const listed = await client.get<Resource[]>(path('', '?sortOrder=asc&perPage=1&page=2'));
    expect(listed.data.map((team) => team.id)).toEqual([second.id]);
    expect(v1.at(listed.meta, 'pagination')).toMatchObject({ page: 2, totalCount: 2 });
    expect((await client.delete(path(id))).status).toBe(204);
    v1.expectError(await client.get(path(id)), 404, 'TEAM_NOT_FOUND');
    expect(await audited(id)).toEqual(['team.created', 'team.updated', 'team.deleted']);
    expect((await client.post(path(), { name: 'desk' })).status).toBe(201); // its name is free again
  });

  test.each<[v1.Json, string]>([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 7 }, 'name'],
    [{ name: 'x'.repeat(256) }, 'name'],
    [{ name: 'x', description: 7 }, 'description'],
    [{ name: 'x', metadata: 'y' }, 'metadata'],
  ])('refuses %j and names %s', async (body, field) => {
    v1.expectError(await api.post(path(), body), 400, 'VALIDATION_ERROR', field);
  });

  test('a name is one team’s, whatever its case, however many ask at once', async () => {
    const name = `Unique ${v1.next()}`;
    const answers = await Promise.all([1, 2, 3, 4].map(() => api.post(path(), { name })));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409, 409, 409]);
    v1.expectError(await api.post(path(), { name: name.toUpperCase() }), 409, 'RESOURCE_ALREADY_EXISTS');
    const another = await v1.team(api);
    v1.expectError(await api.patch(path(another.id), { name }), 409, 'RESOURCE_ALREADY_EXISTS');
    expect((await other.post(path(), { name })).status).toBe(201);
  });

  test('takes staff in and out, once each, and tells of a user’s teams', async () => {
    const team = await v1.team(api, { name: `Members ${v1.next()}` });
    const user = await v1.user(api, { skills: [{ name: 'German', level: 7 }], capacity: { total: 4 } });
    const added = await api.post(path(team.id, '/members'), { userId: user.id });
    expect(added.status).toBe(201);
    expect(added.data).toMatchObject({
      id: user.id,
      type: 'team_member',
      attributes: { role: 'agent', status: 'invited', skills: [{ name: 'German', level: 7 }], capacity: { total: 4 } },
    });
    const again = await api.post(path(team.id, '/members'), { userId: user.id });
    expect([again.status, again.data]).toEqual([200, added.data]);
    expect((await api.get<Resource[]>(path(team.id, '/members'))).data).toEqual([added.data]);
    expect(v1.attributes(await api.get(path(team.id)))['memberCount']).toBe(1);
    const teams = [{ id: team.id, name: v1.attributes(team)['name'] }];
    expect(v1.attributes(await api.get(`${base}/users/${user.id}`))['teams']).toEqual(teams);
    const listed = await api.get<Resource[]>(`${base}/users?email=${String(v1.attributes(user)['email'])}`);
    expect(v1.at(listed.data[0], 'attributes.teams')).toEqual(teams);
    expect((await api.delete(path(team.id, `/members/${user.id}`))).status).toBe(204);
    v1.expectError(await api.delete(path(team.id, `/members/${user.id}`)), 404, 'USER_NOT_FOUND');
    expect(v1.attributes(await api.get(`${base}/users/${user.id}`))['teams']).toEqual([]);
    expect(await audited(team.id)).toEqual(['team.created', 'team.member_added', 'team.member_removed']);
  });

  test('takes no customer, nobody suspended and nobody of another organization', async () => {
    const team = await v1.team(api);
    const [customer, suspended, foreign] = [
      await v1.user(api, { role: 'customer' }),
      await v1.user(api),
      await v1.user(other),
    ];
    v1.ok(await api.patch(`${base}/users/${suspended.id}`, { status: 'suspended' }));
    const before = await v1.checksum(hub);
    for (const { id } of [customer, suspended]) {
      v1.expectError(await api.post(path(team.id, '/members'), { userId: id }), 422, 'ASSIGNEE_UNAVAILABLE');
    }
    v1.expectError(await api.post(path(team.id, '/members'), { userId: foreign.id }), 404, 'USER_NOT_FOUND', 'userId');
    v1.expectError(await api.post(path(team.id, '/members'), {}), 400, 'VALIDATION_ERROR', 'userId');
    v1.expectError(await other.post(path(team.id, '/members'), { userId: foreign.id }), 404, 'TEAM_NOT_FOUND');
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('whoever is removed or made a customer leaves their teams', async () => {
    const team = await v1.team(api);
    const [removed, customer] = [await v1.user(api), await v1.user(api)];
    for (const { id } of [removed, customer]) v1.ok(await api.post(path(team.id, '/members'), { userId: id }));
    expect((await api.delete(`${base}/users/${removed.id}`)).status).toBe(204);
    v1.ok(await api.patch(`${base}/users/${customer.id}`, { role: 'customer' }));
    expect((await api.get<Resource[]>(path(team.id, '/members'))).data).toEqual([]);
  });

  test('stays while a queue hands conversations to it', async () => {
    const team = await v1.team(api);
    const queue = await v1.queue(api, { teamId: team.id });
    v1.expectError(await api.delete(path(team.id)), 400, 'ACTIVE_CONVERSATIONS_EXIST');
    expect((await api.delete(`${base}/queues/${queue.id}`)).status).toBe(204);
    expect((await api.delete(path(team.id))).status).toBe(204);
  });

  test('a team that goes and a queue that comes at once: one of them is refused', async () => {
    for (let round = 0; round < 5; round++) {
      const team = await v1.team(api);
      const [gone, made] = await Promise.all([
        api.delete(path(team.id)),
        api.post(`${base}/queues`, { name: `Racing ${v1.next()}`, teamId: team.id }),
      ]);
      expect([
        [204, 404],
        [400, 201],
      ]).toContainEqual([gone.status, made.status]);
    }
  });
});

describe('skills and capacity of users', () => {
  test('are set, replaced and merged, and told by the audit log', async () => {
    const plain = await v1.user(api);
    expect(plain.attributes).toMatchObject({ skills: [], capacity: { total: 10, perChannel: {} }, teams: [] });
    const user = await v1.user(api, {
      skills: [
        { name: 'German', level: 10 },
        { name: 'billing', level: 1 },
      ],
      capacity: { total: 5, perChannel: { whatsapp: 3 } },
    });
    expect(user.attributes).toMatchObject({
      skills: [
        { name: 'German', level: 10 },
        { name: 'billing', level: 1 },
      ],
      capacity: { total: 5, perChannel: { whatsapp: 3 } },
    });
    const more = v1.ok(await api.patch(`/v1/users/${user.id}`, { capacity: { total: 6 } }));
    expect(more.attributes['capacity']).toEqual({ total: 6, perChannel: { whatsapp: 3 } });
    const other = v1.ok(
      await api.patch(`/v1/users/${user.id}`, { skills: [], capacity: { perChannel: { email: 1, api: 2 } } }),
    );
    expect(other.attributes).toMatchObject({ skills: [], capacity: { total: 6, perChannel: { email: 1, api: 2 } } });
    expect((await api.get(`/v1/users/${user.id}`)).data).toEqual(other);
    expect(await audited(user.id)).toEqual(expect.arrayContaining(['user.created', 'user.updated']));
  });

  test.each<[v1.Json, string]>([
    [{ skills: 'German' }, 'skills'],
    [{ skills: [{ name: 'German' }] }, 'skills.0.level'],
    [{ skills: [{ name: '', level: 1 }] }, 'skills.0.name'],
    [{ skills: [{ name: 'German', level: 0 }] }, 'skills.0.level'],
    [{ skills: [{ name: 'German', level: 11 }] }, 'skills.0.level'],
    [{ skills: [{ name: 'German', level: 1.5 }] }, 'skills.0.level'],
    [{ skills: ['German'] }, 'skills'],
    [
      {
        skills: [
          { name: 'German', level: 1 },
          { name: 'german', level: 2 },
        ],
      },
      'skills.1.name',
    ],
    [{ capacity: 5 }, 'capacity'],
    [{ capacity: { total: 0 } }, 'capacity.total'],
    [{ capacity: { total: -1 } }, 'capacity.total'],
    [{ capacity: { total: 2.5 } }, 'capacity.total'],
    [{ capacity: { total: '5' } }, 'capacity.total'],
    [{ capacity: { total: 1_001 } }, 'capacity.total'],
    [{ capacity: { perChannel: 3 } }, 'capacity.perChannel'],
    [{ capacity: { perChannel: { whatsapp: 0 } } }, 'capacity.perChannel.whatsapp'],
    [{ capacity: { perChannel: { whatsapp: null } } }, 'capacity.perChannel.whatsapp'],
    [{ capacity: { perChannel: { pigeon: 1 } } }, 'capacity.perChannel.pigeon'],
  ])('refuses %j and names %s', async (body, field) => {
    const user = await v1.user(api);
    const before = await v1.checksum(hub);
    v1.expectError(await api.patch(`/v1/users/${user.id}`, body), 400, 'VALIDATION_ERROR', field);
    const fields = { ...body, name: 'x', email: v1.newEmail() };
    v1.expectError(await api.post('/v1/users', fields), 400, 'VALIDATION_ERROR', field);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  test('a supervisor’s scope changes them and nothing else of a user', async () => {
    const supervisor = await hub.withScopes('assignment:read', 'assignment:write');
    const user = await v1.user(api);
    const at = `/v1/users/${user.id}`;
    expect((await supervisor.patch(at, { skills: [{ name: 'x', level: 1 }], capacity: { total: 1 } })).status).toBe(
      200,
    );
    for (const body of [
      { name: 'x' },
      { role: 'admin' },
      { status: 'suspended' },
      { metadata: {} },
      { avatar: null },
    ]) {
      v1.expectError(await supervisor.patch(at, { ...body, capacity: { total: 2 } }), 403, 'INSUFFICIENT_PERMISSIONS');
    }
    expect(v1.attributes(await api.get(at))).toMatchObject({ name: 'Support Agent', capacity: { total: 1 } });
  });
});

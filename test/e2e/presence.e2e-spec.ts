import pg from 'pg';
import type { Answer, ApiClient, Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { codeOf, colleague, nobody, PASSWORD, register, signIn, type Session } from './auth-fixtures.js';

const ME = '/v1/me/presence';

let hub: Hub;
let owner: Session;

beforeAll(async () => {
  hub = await startHub({ worker: true });
  owner = await register(hub);
});
afterAll(() => hub.stop());

interface State {
  readonly status: string;
  readonly reason: string | null;
  readonly reassigns: boolean;
  readonly misses: number;
  readonly seen: Date;
  readonly changed: Date;
}

const stateOf = async ({ userId }: Session): Promise<State | undefined> =>
  (
    await hub.sql<State>(
      'SELECT status, reason, reassigns, misses, seen_at AS seen, changed_at AS changed FROM agent_state WHERE user_id = $1',
      [v1.uuid(userId)],
    )
  )[0];

const be = (session: Session, status: string, more: object = {}): Promise<Answer> =>
  session.api.put(ME, { status, ...more });

/** As if the last heartbeat had come so long ago. */
const silent = (session: Session, seconds: number): Promise<unknown> =>
  hub.sql(`UPDATE agent_state SET seen_at = now() - $2::int * interval '1 second' WHERE user_id = $1`, [
    v1.uuid(session.userId),
    seconds,
  ]);

describe('presence', () => {
  test('offline until told otherwise; then as it was set, with what is in hand', async () => {
    const agent = await colleague(hub, owner, 'agent');
    const before = await agent.api.get(ME);
    expect(before.data).toMatchObject({
      id: agent.userId,
      type: 'presence',
      attributes: {
        name: 'The agent',
        status: 'offline',
        reason: null,
        reassign: false,
        since: null,
        lastSeenAt: null,
        load: { total: 0, perChannel: {} },
        capacity: { total: 10, perChannel: {} },
      },
    });
    for (const status of ['online', 'busy', 'away', 'offline', 'online']) {
      const set = await be(agent, status);
      expect([set.status, set.data.attributes['status'], set.data.attributes['reason']]).toEqual([200, status, null]);
    }
    const one = await v1.conversation(owner.api, { assigneeId: agent.userId });
    const shown = v1.attributes(await agent.api.get(ME));
    expect(shown).toMatchObject({ load: { total: 1, perChannel: { api: 1 } }, since: expect.any(String) as unknown });
    v1.ok(await owner.api.post(`/v1/conversations/${one.id}/close`));
    expect(v1.attributes(await agent.api.get(ME))['load']).toEqual({ total: 0, perChannel: {} });
  });

  test('the same status again is a heartbeat: no event, no line in the audit log, the same `since`', async () => {
    const agent = await colleague(hub, owner, 'agent');
    const first = v1.attributes(await be(agent, 'online', { reassign: true }));
    await silent(agent, 60);
    const lines = await hub.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit_log');
    const { answer, events } = await v1.told(hub, () => be(agent, 'online'));
    expect(events).toEqual([]);
    expect(await hub.sql('SELECT count(*)::int AS n FROM audit_log')).toEqual(lines);
    const again = v1.attributes(answer);
    expect(again).toMatchObject({ since: first['since'], reassign: true });
    expect(Date.now() - Date.parse(String(again['lastSeenAt']))).toBeLessThan(30_000);
    expect(v1.attributes(await be(agent, 'away'))['reassign']).toBe(false);
    expect(v1.attributes(await be(agent, 'away', { reassign: true }))['reassign']).toBe(true);
  });

  test('whoever is silent for 90 seconds is offline within a second, and back with the next word', async () => {
    const [lost, present] = [await colleague(hub, owner, 'agent'), await colleague(hub, owner, 'agent')];
    v1.ok(await be(lost, 'online', { reassign: true }));
    v1.ok(await be(present, 'busy'));
    await silent(present, 85);
    await silent(lost, 91);
    const started = Date.now();
    await eventually(async () => (await stateOf(lost))?.status === 'offline', 'offline');
    expect(Date.now() - started).toBeLessThan(3_000);
    expect(await stateOf(lost)).toMatchObject({ reason: 'heartbeat', reassigns: true });
    expect(await stateOf(present)).toMatchObject({ status: 'busy', reason: null });
    expect(v1.attributes(await be(lost, 'online'))).toMatchObject({ status: 'online', reason: null, reassign: false });
  });

  test('a bare heartbeat keeps what the product has set; a status takes it back and forgets the misses', async () => {
    const agent = await colleague(hub, owner, 'agent');
    v1.ok(await be(agent, 'online'));
    await hub.sql(`UPDATE agent_state SET status = 'away', reason = 'misses', misses = 3 WHERE user_id = $1`, [
      v1.uuid(agent.userId),
    ]);
    await silent(agent, 80);
    const beaten = v1.attributes(await agent.api.put(ME, { heartbeat: true }));
    expect(beaten).toMatchObject({ status: 'away', reason: 'misses' });
    expect(Date.now() - ((await stateOf(agent))?.seen.getTime() ?? 0)).toBeLessThan(30_000);
    expect(v1.attributes(await be(agent, 'online'))).toMatchObject({ status: 'online', reason: null });
    expect(await stateOf(agent)).toMatchObject({ misses: 0 });
  });

  test.each<[v1.Json, string]>([
    [{}, 'status'],
    [{ status: 'sleeping' }, 'status'],
    [{ status: 1 }, 'status'],
    [{ status: 'away', reassign: 'yes' }, 'reassign'],
    [{ heartbeat: 'yes' }, 'heartbeat'],
  ])('refuses %j and names %s', async (body, field) => {
    const agent = await colleague(hub, owner, 'agent');
    v1.expectError(await agent.api.put(ME, body), 400, 'VALIDATION_ERROR', field);
    expect(await stateOf(agent)).toBeUndefined();
  });

  test('is nobody’s but staff’s who have signed in: no key, no contact, no customer', async () => {
    const customer = await colleague(hub, owner, 'customer');
    const contact = await v1.contact(owner.api);
    const { token } = v1.ok(
      await owner.api.post<{ token: string }>(`/v1/contacts/${contact.id}/token`, { expiresIn: 60 }),
    );
    const made = await owner.api.post('/v1/api-keys', { name: 'mine', permissions: ['admin'] });
    const key = String(v1.attributes(made)['key']);
    for (const client of [hub.admin, hub.as(key), hub.as(token), customer.api]) {
      expect(codeOf(await client.put(ME, { status: 'online' }))).toBe('403 INSUFFICIENT_PERMISSIONS');
      expect(codeOf(await client.get(ME))).toBe('403 INSUFFICIENT_PERMISSIONS');
    }
    expect(codeOf(await nobody(hub).put(ME, { status: 'online' }))).toBe('401 AUTHENTICATION_REQUIRED');
  });
});

describe('presence of a session that has ended', () => {
  const endings: [string, (agent: Session) => Promise<Answer>][] = [
    ['signing out', (agent) => agent.api.post('/v1/auth/logout')],
    ['being suspended', (agent) => owner.api.patch(`/v1/users/${agent.userId}`, { status: 'suspended' })],
    ['being removed', (agent) => owner.api.delete(`/v1/users/${agent.userId}`)],
  ];

  test.each(endings)('%s sets offline, and nothing brings it back', async (_, end) => {
    const agent = await colleague(hub, owner, 'agent');
    v1.ok(await be(agent, 'online'));
    expect((await end(agent)).status).toBeLessThan(300);
    const ended = await stateOf(agent);
    expect(ended).toMatchObject({ status: 'offline', reason: 'signed_out' });
    expect(codeOf(await be(agent, 'online'))).toBe('401 TOKEN_REVOKED');
    expect(codeOf(await agent.api.put(ME, { heartbeat: true }))).toBe('401 TOKEN_REVOKED');
    expect(await stateOf(agent)).toEqual(ended);
  });

  test('one of two sessions ends: the user stays, until all have', async () => {
    const first = await colleague(hub, owner, 'agent');
    const second = await signIn(hub, first.email, PASSWORD);
    v1.ok(await be(first, 'online'));
    v1.ok(await first.api.post('/v1/auth/logout'));
    expect(await stateOf(first)).toMatchObject({ status: 'online' });
    v1.ok(await second.api.post('/v1/auth/logout', { allDevices: true }));
    expect(await stateOf(first)).toMatchObject({ status: 'offline' });
  });

  test('a session that ends while the call is under way changes nothing', async () => {
    const agent = await colleague(hub, owner, 'agent');
    const client = new pg.Client({ connectionString: hub.database.ownerUrl });
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('UPDATE session SET revoked_at = now() WHERE user_id = $1', [v1.uuid(agent.userId)]);
      const answer = be(agent, 'online'); // gets in, and waits for the session's row
      const beat = agent.api.put(ME, { heartbeat: true });
      await new Promise((resolve) => setTimeout(resolve, 300));
      await client.query('COMMIT');
      expect([codeOf(await answer), codeOf(await beat)]).toEqual(['401 TOKEN_REVOKED', '401 TOKEN_REVOKED']);
      expect(await stateOf(agent)).toBeUndefined();
    } finally {
      await client.end();
    }
  });

  test('whoever becomes a customer is offline', async () => {
    const agent = await colleague(hub, owner, 'agent');
    v1.ok(await be(agent, 'online'));
    v1.ok(await owner.api.patch(`/v1/users/${agent.userId}`, { role: 'customer' }));
    expect(await stateOf(agent)).toMatchObject({ status: 'offline' });
  });
});

describe('GET /v1/presence', () => {
  test('lists staff with filters, in pages, and nobody of another organization', async () => {
    const boss = await register(hub);
    const [online, away, silentOne] = [
      await colleague(hub, boss, 'agent'),
      await colleague(hub, boss, 'supervisor'),
      await colleague(hub, boss, 'agent'),
    ];
    await colleague(hub, boss, 'customer');
    v1.ok(await be(online, 'online'));
    v1.ok(await be(away, 'away'));
    const team = await v1.team(boss.api);
    for (const { userId } of [online, silentOne])
      v1.ok(await boss.api.post(`/v1/teams/${team.id}/members`, { userId }));
    const list = async (query: string, client: ApiClient = online.api): Promise<string[]> =>
      (await client.get<Resource[]>(`/v1/presence?${query}`)).data.map(({ id }) => id);
    for (const [query, expected] of [
      ['sortOrder=asc', [boss, online, away, silentOne]],
      ['status=online', [online]],
      ['status=offline&sortOrder=asc', [boss, silentOne]],
      ['status=busy', []],
      [`teamId=${team.id}&sortOrder=asc`, [online, silentOne]],
      [`teamId=${team.id}&status=online`, [online]],
      ['perPage=2&page=2', [online, boss]],
    ] as [string, Session[]][]) {
      expect([query, await list(query)]).toEqual([query, expected.map(({ userId }) => userId)]);
    }
    expect(await list(`teamId=${team.id}`, owner.api)).toEqual([]);
    for (const [query, field] of [
      ['status=sleeping', 'status'],
      ['teamId=team_x', 'teamId'],
      ['page=0', 'page'],
    ] as const) {
      v1.expectError(await boss.api.get(`/v1/presence?${query}`), 400, 'VALIDATION_ERROR', field);
    }
  });
});

test('who can take more wakes the workers: a presence, skills, capacity, a team, a queue', async () => {
  const agent = await colleague(hub, owner, 'agent');
  const team = await v1.team(owner.api);
  const queue = await v1.queue(owner.api, { teamId: team.id });
  const listener = new pg.Client({ connectionString: hub.database.ownerUrl });
  const heard: string[] = [];
  listener.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await listener.connect();
  try {
    await listener.query('LISTEN switchboard_routing');
    for (const change of [
      () => be(agent, 'online'),
      () => owner.api.patch(`/v1/users/${agent.userId}`, { skills: [{ name: 'x', level: 1 }] }),
      () => owner.api.patch(`/v1/users/${agent.userId}`, { capacity: { total: 3 } }),
      () => owner.api.post(`/v1/teams/${team.id}/members`, { userId: agent.userId }),
      () => owner.api.patch(`/v1/queues/${queue.id}`, { strategy: 'least_loaded' }),
      () => be(agent, 'away', { reassign: true }),
    ]) {
      heard.length = 0;
      v1.ok(await change());
      await eventually(() => heard.length > 0, 'a word to the workers', 2_000);
      expect(heard.join()).toContain(v1.uuid(owner.organizationId));
    }
    heard.length = 0;
    v1.ok(await be(agent, 'away'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(heard).toEqual([]);
  } finally {
    await listener.end();
  }
});

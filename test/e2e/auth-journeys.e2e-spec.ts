import { jest } from '@jest/globals';
import type { Answer } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import { codeOf, colleague, login, newEmail, nobody, PASSWORD, register, signIn } from './auth-fixtures.js';

jest.setTimeout(60_000);

describe('people and sessions', () => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub();
  });
  afterAll(() => hub.stop());

  const me = async (token: string): Promise<string> => codeOf(await hub.as(token).get('/v1/auth/me'));

  it('registers an organization with its owner, who is signed in at once', async () => {
    const email = newEmail();
    const answer = await nobody(hub).post('/v1/auth/register', {
      email,
      password: PASSWORD,
      name: 'Ada',
      organizationName: 'Engines',
    });
    expect(answer.status).toBe(201);
    expect(answer.data).toMatchObject({
      type: 'user',
      attributes: { email, name: 'Ada', role: 'super_admin', status: 'active' },
      relationships: { organization: { name: 'Engines', role: 'super_admin', number: expect.any(Number) as number } },
    });
    expect(answer.meta).toMatchObject({ expiresIn: 3600, tokenType: 'Bearer' });
    const own = await hub.as(answer.meta['accessToken']!).get('/v1/auth/me');
    expect(own.data).toEqual(answer.data);
    const list = await hub.as(answer.meta['accessToken']!).get<object[]>('/v1/conversations');
    expect([list.status, list.data]).toEqual([200, []]);
    expect(answer.text).not.toMatch(/argon2|password/i);
  });

  it('keeps neither passwords nor tokens as they are', async () => {
    const one = await register(hub);
    const rows = await hub.sql<{ row: string }>(
      `SELECT x::text AS row FROM users x UNION ALL SELECT x::text FROM session x UNION ALL SELECT x::text FROM refresh_token x
       UNION ALL SELECT x::text FROM signing_key x`,
    );
    const stored = rows.map(({ row }) => row).join('\n');
    expect(stored).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
    for (const secret of [PASSWORD, one.refreshToken, one.accessToken, '"d":']) expect(stored).not.toContain(secret);
  });

  it('signs in with the right password only, under any spelling of the email', async () => {
    const { email, userId } = await register(hub);
    for (const spelling of [email, email.toUpperCase()]) {
      const answer = await login(hub, spelling);
      expect([answer.status, answer.data.id]).toEqual([200, userId]);
    }
    const wrong = await login(hub, email, 'wrong password');
    const unknown = await login(hub, newEmail(), 'wrong password');
    expect([codeOf(wrong), wrong.error]).toEqual(['401 INVALID_CREDENTIALS', unknown.error]);
    expect(wrong.status).toBe(unknown.status);
  });

  it('does not register an email twice, nor a weak password', async () => {
    const { email } = await register(hub);
    const body = { password: PASSWORD, name: 'B', organizationName: 'B' };
    const again = await nobody(hub).post('/v1/auth/register', { ...body, email: email.toUpperCase() });
    expect(codeOf(again)).toBe('409 EMAIL_ALREADY_EXISTS');
    const weak = await nobody(hub).post('/v1/auth/register', { ...body, email: newEmail(), password: '1234567' });
    expect([codeOf(weak), weak.error.details?.[0]?.field]).toEqual(['400 VALIDATION_ERROR', 'password']);
    const before = await hub.sql<{ n: number }>('SELECT count(*)::int AS n FROM organization');
    const email2 = newEmail();
    const all = await Promise.all(
      Array.from({ length: 10 }, () => nobody(hub).post('/v1/auth/register', { ...body, email: email2 })),
    );
    expect(all.map(codeOf).sort()).toEqual(['201', ...Array.from({ length: 9 }, () => '409 EMAIL_ALREADY_EXISTS')]);
    const after = await hub.sql<{ n: number }>('SELECT count(*)::int AS n FROM organization');
    expect((after[0]?.n ?? 0) - (before[0]?.n ?? 0)).toBe(1);
  });

  it('rotates refresh tokens; an old one ends the whole family', async () => {
    const one = await register(hub);
    const refresh = (refreshToken: string) =>
      nobody(hub).post<{ accessToken: string; refreshToken: string }>('/v1/auth/refresh', { refreshToken });
    const second = await refresh(one.refreshToken);
    expect([second.status, await me(second.data.accessToken)]).toEqual([200, '200']);
    const third = await refresh(second.data.refreshToken);
    expect([third.status, await me(one.accessToken)]).toEqual([200, '200']);
    expect(codeOf(await refresh(second.data.refreshToken))).toBe('401 TOKEN_REVOKED');
    expect(codeOf(await refresh(third.data.refreshToken))).toBe('401 TOKEN_REVOKED');
    for (const token of [one.accessToken, second.data.accessToken, third.data.accessToken]) {
      expect(await me(token)).toBe('401 TOKEN_REVOKED');
    }
    expect(codeOf(await refresh('rt_nonsense'))).toBe('401 INVALID_REFRESH_TOKEN');
  });

  it('lets one of many parallel refreshes win, and takes the rest for theft', async () => {
    const one = await register(hub);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => nobody(hub).post('/v1/auth/refresh', { refreshToken: one.refreshToken })),
    );
    expect(answers.map(codeOf).sort()).toEqual(['200', ...Array.from({ length: 7 }, () => '401 TOKEN_REVOKED')]);
    expect(await me(one.accessToken)).toBe('401 TOKEN_REVOKED');
  });

  it('forgets a refresh token after 7 days, or 30 when asked to remember', async () => {
    const { email } = await register(hub);
    const days = async (refreshToken: string, back: number): Promise<string> => {
      await hub.sql(`UPDATE refresh_token SET expires_at = expires_at - make_interval(days => $1)`, [back]);
      return codeOf(await nobody(hub).post('/v1/auth/refresh', { refreshToken }));
    };
    expect(await days((await signIn(hub, email)).refreshToken, 6)).toBe('200');
    expect(await days((await signIn(hub, email)).refreshToken, 7)).toBe('401 INVALID_REFRESH_TOKEN');
    expect(await days((await signIn(hub, email, PASSWORD, { rememberMe: true })).refreshToken, 29)).toBe('200');
  });

  it('signs out of one device or of all', async () => {
    const first = await register(hub);
    const [second, third, fourth] = [
      await signIn(hub, first.email),
      await signIn(hub, first.email),
      await signIn(hub, first.email),
    ];
    expect(codeOf(await second.api.post('/v1/auth/logout'))).toBe('200');
    expect([await me(second.accessToken), await me(first.accessToken)]).toEqual(['401 TOKEN_REVOKED', '200']);
    const byToken = await nobody(hub).post('/v1/auth/logout', { refreshToken: third.refreshToken });
    expect([codeOf(byToken), await me(third.accessToken)]).toEqual(['200', '401 TOKEN_REVOKED']);
    expect(codeOf(await nobody(hub).post('/v1/auth/refresh', { refreshToken: third.refreshToken }))).toBe(
      '401 TOKEN_REVOKED',
    );
    expect(codeOf(await fourth.api.post('/v1/auth/logout', { allDevices: true }))).toBe('200');
    expect([await me(first.accessToken), await me(fourth.accessToken)]).toEqual([
      '401 TOKEN_REVOKED',
      '401 TOKEN_REVOKED',
    ]);
    expect(codeOf(await nobody(hub).post('/v1/auth/logout'))).toBe('401 AUTHENTICATION_REQUIRED');
    expect(codeOf(await hub.admin.post('/v1/auth/logout'))).toBe('403 INSUFFICIENT_PERMISSIONS');
  });

  it('says who an API key is', async () => {
    const answer = await hub.admin.get('/v1/auth/me');
    expect(answer.data).toMatchObject({
      type: 'api_key',
      attributes: { permissions: ['admin'] },
      relationships: { organization: { id: hub.admin.organizationId } },
    });
  });

  it('changes the password, and ends every other session', async () => {
    const one = await register(hub);
    const other = await signIn(hub, one.email);
    const change = (currentPassword: string, newPassword: string) =>
      one.api.post('/v1/auth/password/change', { currentPassword, newPassword });
    expect(codeOf(await change('not it at all', 'a new password'))).toBe('401 INVALID_CREDENTIALS');
    expect(codeOf(await change(PASSWORD, 'short'))).toBe('400 VALIDATION_ERROR');
    expect(codeOf(await change(PASSWORD, 'a new password'))).toBe('200');
    expect([await me(one.accessToken), await me(other.accessToken)]).toEqual(['200', '401 TOKEN_REVOKED']);
    expect(codeOf(await login(hub, one.email))).toBe('401 INVALID_CREDENTIALS');
    expect(codeOf(await login(hub, one.email, 'a new password'))).toBe('200');
    expect(
      codeOf(await hub.admin.post('/v1/auth/password/change', { currentPassword: 'x', newPassword: PASSWORD })),
    ).toBe('403 INSUFFICIENT_PERMISSIONS');
  });

  it('shuts a suspended or removed user out at once, and lets them back in', async () => {
    const owner = await register(hub);
    const agent = await colleague(hub, owner, 'agent');
    const path = `/v1/users/${agent.userId}`;
    expect((await owner.api.patch(path, { status: 'suspended' })).status).toBe(200);
    expect(await me(agent.accessToken)).toBe('401 TOKEN_REVOKED');
    expect(codeOf(await nobody(hub).post('/v1/auth/refresh', { refreshToken: agent.refreshToken }))).toBe(
      '401 TOKEN_REVOKED',
    );
    expect(codeOf(await login(hub, agent.email))).toBe('403 ACCOUNT_LOCKED');
    expect(codeOf(await login(hub, agent.email, 'wrong password'))).toBe('401 INVALID_CREDENTIALS');
    expect((await owner.api.patch(path, { status: 'active' })).status).toBe(200);
    const again = await signIn(hub, agent.email);
    expect([await me(agent.accessToken), await me(again.accessToken)]).toEqual(['401 TOKEN_REVOKED', '200']);
    expect((await owner.api.delete(path)).status).toBe(204);
    expect(await me(again.accessToken)).toBe('401 TOKEN_REVOKED');
    expect(codeOf(await login(hub, agent.email))).toBe('401 INVALID_CREDENTIALS');
    expect((await register(hub, agent.email)).userId).not.toBe(agent.userId);
  });

  it('of two password changes at once, only one finds the current password right', async () => {
    const one = await register(hub);
    const two = await signIn(hub, one.email);
    const answers = await Promise.all(
      [one, two].map(({ api }, i) =>
        api.post('/v1/auth/password/change', { currentPassword: PASSWORD, newPassword: `new password ${i}` }),
      ),
    );
    expect(answers.map(codeOf).sort()).toEqual(['200', '401 INVALID_CREDENTIALS']);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(codeOf(await login(hub, one.email, `new password ${winner}`))).toBe('200');
  });

  it('registers once whatever the Idempotency-Key: a public route has nobody whom a key could belong to', async () => {
    const body = { email: newEmail(), password: PASSWORD, name: 'Ada', organizationName: 'Ada & Co' };
    const again = (): Promise<Answer> =>
      nobody(hub).post('/v1/auth/register', body, { headers: { 'idempotency-key': 'register-1' } });
    const first = await again();
    const second = await again();
    expect([codeOf(first), codeOf(second)]).toEqual(['201', '409 EMAIL_ALREADY_EXISTS']);
    expect(second.text).not.toContain('Token'); // a kept answer would hand the session to whoever knows the key
  });

  it('sets a cookie when asked to, which works from its own site only', async () => {
    const { email } = await register(hub);
    const answer = await login(hub, email, PASSWORD, { session: 'cookie' });
    const header = answer.headers.get('set-cookie') ?? '';
    expect(header).toMatch(/^connect\.sid=cs_[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Expires=/);
    expect((await login(hub, email)).headers.get('set-cookie')).toBeNull();
    const cookie = header.split(';')[0] ?? '';
    const call = async (method: string, headers: Record<string, string>): Promise<string> =>
      codeOf(
        await nobody(hub).call(method, method === 'GET' ? '/v1/auth/me' : '/v1/contacts', {
          headers: { authorization: '', cookie, ...headers },
          ...(method === 'POST' && { body: { name: 'x' } }),
        }),
      );
    expect(await call('GET', {})).toBe('200');
    expect(await call('POST', { origin: hub.url })).toBe('201');
    expect(await call('POST', { origin: 'https://evil.example' })).toBe('401 AUTHENTICATION_REQUIRED');
    expect(await call('POST', { 'sec-fetch-site': 'cross-site' })).toBe('401 AUTHENTICATION_REQUIRED');
    expect(await call('POST', { origin: 'null' })).toBe('401 AUTHENTICATION_REQUIRED');
    expect(await call('GET', { cookie: `${cookie}x` })).toBe('401 AUTHENTICATION_REQUIRED');
    expect(await call('GET', { cookie: `connect.sid=cs_${'a'.repeat(43)}` })).toBe('401 INVALID_TOKEN');
    const out = await nobody(hub).post('/v1/auth/logout', {}, { headers: { authorization: '', cookie } });
    expect([out.status, out.headers.get('set-cookie')]).toEqual([200, expect.stringContaining('connect.sid=; ')]);
    expect(await call('GET', {})).toBe('401 INVALID_TOKEN');
  });
});

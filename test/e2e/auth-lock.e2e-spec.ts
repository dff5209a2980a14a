import { jest } from '@jest/globals';
import { Agent, request } from 'undici';
import { startHub, type Hub } from '../support/harness.js';
import { startProcess, type HubProcess } from '../support/processes.js';
import { codeOf, login, newEmail, PASSWORD, register, signIn } from './auth-fixtures.js';

jest.setTimeout(120_000);

describe('wrong passwords', () => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub();
  });
  afterAll(() => hub.stop());

  const forget = (): Promise<unknown> => hub.sql('DELETE FROM login_failure');
  const minutesPass = (minutes: number): Promise<unknown> =>
    hub.sql(`UPDATE login_failure SET updated_at = updated_at - make_interval(mins => $1)`, [minutes]);

  it.each(['known', 'unknown'])('five lock a(n) %s email for 15 minutes', async (which) => {
    const email = which === 'known' ? (await register(hub)).email : newEmail();
    for (let i = 0; i < 5; i++) expect(codeOf(await login(hub, email, 'wrong'))).toBe('401 INVALID_CREDENTIALS');
    const locked = await login(hub, email.toUpperCase());
    expect(codeOf(locked)).toBe('403 ACCOUNT_LOCKED');
    const retryAfter = Number(locked.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(880);
    expect(retryAfter).toBeLessThanOrEqual(900);
    await minutesPass(14);
    expect(codeOf(await login(hub, email))).toBe('403 ACCOUNT_LOCKED');
    await minutesPass(2);
    expect(codeOf(await login(hub, email))).toBe(which === 'known' ? '200' : '401 INVALID_CREDENTIALS');
  });

  it('a right password starts from nothing', async () => {
    const { email } = await register(hub);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 4; i++) expect(codeOf(await login(hub, email, 'wrong'))).toBe('401 INVALID_CREDENTIALS');
      expect(codeOf(await login(hub, email))).toBe('200');
    }
  });

  it('locks the password change, too', async () => {
    const one = await register(hub);
    const change = () =>
      one.api.post('/v1/auth/password/change', { currentPassword: 'wrong', newPassword: 'a new password' });
    for (let i = 0; i < 5; i++) expect(codeOf(await change())).toBe('401 INVALID_CREDENTIALS');
    expect(codeOf(await change())).toBe('403 ACCOUNT_LOCKED');
  });

  it('many right ones at once all get in, sooner or later', async () => {
    const { email } = await register(hub);
    const all = await Promise.all(Array.from({ length: 12 }, () => login(hub, email)));
    expect(all.filter(({ status }) => status !== 200 && status !== 429).map(codeOf)).toEqual([]);
    expect((await signIn(hub, email)).email).toBe(email);
  });

  it('takes as long for an unknown email, or one without a password, as for a known one', async () => {
    const { email, api } = await register(hub);
    const invited = newEmail();
    await api.post('/v1/users', { email: invited, name: 'Invited' });
    const times: Record<string, number[]> = { known: [], unknown: [], invited: [] };
    const emails: Record<string, () => string> = { known: () => email, unknown: newEmail, invited: () => invited };
    for (let i = 0; i < 25; i++) {
      for (const [who, samples] of Object.entries(times)) {
        const startedAt = performance.now();
        await login(hub, emails[who]!(), 'wrong');
        samples.push(performance.now() - startedAt);
        await forget();
      }
    }
    const median = (samples: number[]): number => samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)]!;
    for (const who of ['unknown', 'invited']) {
      const ratio = median(times[who]!) / median(times['known']!);
      expect(ratio).toBeGreaterThan(0.5);
      expect(ratio).toBeLessThan(2);
    }
  });

  describe('10,000 in parallel, at two processes', () => {
    let other: HubProcess;
    let clients: Agent;
    beforeAll(async () => {
      other = await startProcess('api', hub.database);
      clients = new Agent({ connections: 200 });
    });
    afterAll(async () => {
      await clients.close();
      await other.kill();
    });

    it('tries five, refuses the rest, stays small, and goes on', async () => {
      const { email } = await register(hub);
      const bystander = await register(hub);
      const before = process.memoryUsage().rss;
      const body = JSON.stringify({ email, password: 'wrong' });
      const attempt = async (i: number): Promise<string> => {
        const answer = await request(`${i % 2 ? hub.url : other.url}/v1/auth/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
          dispatcher: clients,
        });
        const { error } = (await answer.body.json()) as { error: { code: string } };
        return `${answer.statusCode} ${error.code}`;
      };
      const tally: Record<string, number> = {};
      const codes = await Promise.all(Array.from({ length: 10_000 }, (_, i) => attempt(i)));
      for (const code of codes) tally[code] = (tally[code] ?? 0) + 1;
      const {
        '401 INVALID_CREDENTIALS': tried,
        '403 ACCOUNT_LOCKED': locked = 0,
        '429 RATE_LIMIT_EXCEEDED': busy = 0,
      } = tally;
      expect({ tally, sum: [tried, locked + busy] }).toMatchObject({ sum: [5, 9_995] });
      expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(700); // 10,000 argon2 at once would be 190 GB
      expect(codeOf(await login(hub, email))).toBe('403 ACCOUNT_LOCKED');
      expect(codeOf(await login(hub, bystander.email))).toBe('200');
      expect((await bystander.api.get('/v1/auth/me')).status).toBe(200);
    });
  });

  it('forgets failures once they are over: the table does not grow', async () => {
    await Promise.all(Array.from({ length: 20 }, () => login(hub, newEmail(), 'wrong')));
    await minutesPass(16);
    for (let i = 0; i < 6; i++) await login(hub, newEmail(), 'wrong');
    const [row] = await hub.sql<{ n: number }>('SELECT count(*)::int AS n FROM login_failure');
    expect(row?.n).toBeLessThanOrEqual(6);
  });

  it('keeps no email of a failure', async () => {
    const email = newEmail();
    await login(hub, email, PASSWORD);
    const rows = await hub.sql<{ row: string }>('SELECT x::text AS row FROM login_failure x');
    expect(rows.map(({ row }) => row).join()).not.toContain(email.slice(0, 10));
  });
});

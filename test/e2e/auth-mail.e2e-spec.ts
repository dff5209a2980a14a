import { jest } from '@jest/globals';
import pg from 'pg';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { startMailbox, type Mailbox } from '../support/mailbox.js';
import { codeOf, login, newEmail, nobody, PASSWORD, register, sessionOf, signIn } from './auth-fixtures.js';

jest.setTimeout(60_000);

const NEW = 'another good password';

describe('mailed links', () => {
  let hub: Hub;
  let mailbox: Mailbox;
  beforeAll(async () => {
    mailbox = await startMailbox();
    hub = await startHub({ env: { SMTP_URL: mailbox.url, PUBLIC_URL: 'https://hub.example.com/' } });
  });
  afterAll(async () => {
    await hub.stop();
    await mailbox.stop();
  });

  const reset = (email: string) => nobody(hub).post<{ message: string }>('/v1/auth/password/reset', { email });
  const confirm = async (token: string, password = NEW): Promise<string> =>
    codeOf(await nobody(hub).post('/v1/auth/password/confirm', { token, password }));
  const tokenFor = async (email: string): Promise<string> => {
    const { text } = await mailbox.next(email);
    const token = /https:\/\/hub\.example\.com\/password#token=(pw_[\w-]{43})/.exec(text)?.[1];
    if (!token) throw new Error(text);
    return token;
  };

  it('reset a password once; every session ends', async () => {
    const one = await register(hub);
    expect((await reset(one.email.toUpperCase())).status).toBe(200);
    const token = await tokenFor(one.email); // to the address on record, not as it was typed
    expect(await confirm(token, 'short')).toBe('400 VALIDATION_ERROR');
    expect(await confirm(token)).toBe('200');
    expect(await confirm(token)).toBe('400 INVALID_RESET_TOKEN');
    expect(codeOf(await one.api.get('/v1/auth/me'))).toBe('401 TOKEN_REVOKED');
    expect([codeOf(await login(hub, one.email)), codeOf(await login(hub, one.email, NEW))]).toEqual([
      '401 INVALID_CREDENTIALS',
      '200',
    ]);
  });

  it('work once in parallel, too', async () => {
    const one = await register(hub);
    await reset(one.email);
    const token = await tokenFor(one.email);
    const answers = await Promise.all(Array.from({ length: 6 }, () => confirm(token)));
    expect(answers.sort()).toEqual(['200', ...Array.from({ length: 5 }, () => '400 INVALID_RESET_TOKEN')]);
  });

  it('expire after an hour', async () => {
    const one = await register(hub);
    await reset(one.email);
    const token = await tokenFor(one.email);
    await hub.sql(`UPDATE password_token SET expires_at = expires_at - interval '1 hour'`);
    expect([await confirm(token), codeOf(await login(hub, one.email))]).toEqual(['400 INVALID_RESET_TOKEN', '200']);
  });

  it('are not made for nobody, nor for the suspended, and the answer does not tell; one a minute', async () => {
    const one = await register(hub);
    const agent = newEmail();
    const made = await one.api.post('/v1/users', { email: agent, name: 'A', password: PASSWORD });
    await one.api.patch(`/v1/users/${made.data.id}`, { status: 'suspended' });
    const answers = await Promise.all([newEmail(), agent, 'nonsense', one.email].map(reset));
    expect(new Set(answers.map(({ status, data }) => `${status} ${data.message}`)).size).toBe(1);
    await mailbox.next(one.email);
    await reset(one.email);
    await reset(one.email);
    const before = mailbox.mails.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(mailbox.mails.length).toBe(before);
    expect(mailbox.mails.filter(({ to }) => to === one.email).length).toBe(1);
  });

  it('are not made for who is suspended while the link is being made', async () => {
    const owner = await register(hub);
    const { data } = await owner.api.post('/v1/users', { email: newEmail(), name: 'A', password: PASSWORD });
    const email = String(data.attributes['email']);
    const client = new pg.Client({ connectionString: hub.database.ownerUrl });
    await client.connect();
    await client.query('BEGIN');
    await client.query(`UPDATE users SET status = 'suspended' WHERE email = $1`, [email]);
    await reset(email);
    await eventually(async () => {
      const [waiting] = await hub.sql('SELECT 1 FROM pg_locks WHERE NOT granted');
      return waiting;
    }, 'the link waits for the user');
    await client.query('COMMIT');
    await client.end();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(mailbox.mails.filter(({ to }) => to === email)).toEqual([]);
    expect(
      await hub.sql(
        `SELECT 1 FROM audit_log WHERE action = 'user.password_reset_requested' AND changes::text LIKE $1`,
        [`%${email}%`],
      ),
    ).toEqual([]);
  });

  it('open a locked account again', async () => {
    const one = await register(hub);
    for (let i = 0; i < 5; i++) await login(hub, one.email, 'wrong');
    await reset(one.email);
    expect(await confirm(await tokenFor(one.email))).toBe('200');
    expect(codeOf(await login(hub, one.email, NEW))).toBe('200');
  });

  it('invite a user, who chooses a password and is active then', async () => {
    const owner = await register(hub);
    const email = newEmail();
    const made = await owner.api.post('/v1/users', { email, name: 'New', role: 'agent' });
    expect(made.data.attributes['status']).toBe('invited');
    expect(codeOf(await login(hub, email))).toBe('401 INVALID_CREDENTIALS');
    const token = await tokenFor(email);
    await hub.sql(`UPDATE password_token SET expires_at = expires_at - interval '6 days'`);
    expect(await confirm(token)).toBe('200');
    const agent = await signIn(hub, email, NEW);
    expect([agent.userId, agent.organizationId]).toEqual([made.data.id, owner.organizationId]);
    expect((await owner.api.get(`/v1/users/${agent.userId}`)).data.attributes['status']).toBe('active');
  });

  it('invite again by a reset, and stop working when the user is removed', async () => {
    const owner = await register(hub);
    const email = newEmail();
    const made = await owner.api.post('/v1/users', { email, name: 'New' });
    const first = await tokenFor(email);
    await hub.sql(`UPDATE password_token SET created_at = created_at - interval '2 minutes'`);
    await reset(email);
    const second = await tokenFor(email);
    expect(second).not.toBe(first);
    await owner.api.delete(`/v1/users/${made.data.id}`);
    expect([await confirm(first), await confirm(second)]).toEqual([
      '400 INVALID_RESET_TOKEN',
      '400 INVALID_RESET_TOKEN',
    ]);
  });

  it('one email signs in to one organization', async () => {
    const [here, there] = [await register(hub), await register(hub)];
    const email = newEmail();
    expect((await here.api.post('/v1/users', { email, name: 'New' })).status).toBe(201);
    expect((await there.api.post('/v1/users', { email, name: 'New' })).status).toBe(201);
    const [one, two] = [await tokenFor(email), await tokenFor(email)];
    expect([await confirm(one), await confirm(two)]).toEqual(['200', '409 EMAIL_ALREADY_EXISTS']);
    expect(codeOf(await here.api.post('/v1/users', { email: here.email, name: 'x', password: PASSWORD }))).toBe(
      '409 EMAIL_ALREADY_EXISTS',
    );
  });

  it('are nowhere to be read in the database', async () => {
    const one = await register(hub);
    await reset(one.email);
    const token = await tokenFor(one.email);
    const rows = await hub.sql<{ row: string }>('SELECT x::text AS row FROM password_token x');
    expect(rows.map(({ row }) => row).join()).not.toContain(token);
  });
});

describe('emails in unicode', () => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub();
  });
  afterAll(() => hub.stop());

  const attempt = (email: string) =>
    nobody(hub).post('/v1/auth/register', { email, password: PASSWORD, name: 'x', organizationName: 'x' });

  it.each([
    ['mike@example.com', ['MIKE@Example.COM', 'mi\u212Ae@example.com', 'ｍｉｋｅ@example.com', 'mıke@example.com']],
    ['strasse@example.org', ['straße@example.org', 'ſtrasse@example.org', 'STRASSE@EXAMPLE.ORG']],
    ['caf\u00e9@example.com', ['cafe\u0301@example.com', 'CAFÉ@example.com']],
    ['eva@bücher.example', ['eva@xn--bcher-kva.example', 'EVA@BÜCHER.example', 'eva@bu\u0308cher.example']],
  ])('%s is one account, however it is spelt', async (email, spellings) => {
    const one = sessionOf(hub, email, await attempt(email));
    for (const spelling of spellings) {
      expect([spelling, codeOf(await attempt(spelling))]).toEqual([spelling, '409 EMAIL_ALREADY_EXISTS']);
      expect([spelling, (await signIn(hub, spelling)).userId]).toEqual([spelling, one.userId]);
    }
  });

  it.each([
    'zero\u200Bwidth@example.com',
    'right\u202Eleft@example.com',
    'soft\u00ADhyphen@example.com',
    'p\u0430ypal@example.com',
    'nul\u0000@example.com',
    'a@exa\u200Dmple.com',
    'a\nb@example.com',
    'mike＠example.com',
    'a@b@example.com',
    `${'a'.repeat(320)}@example.com`,
    'a@-.com\r\nBcc: x@example.com',
  ])('%j is refused', async (email) => {
    const answer = await attempt(email);
    expect([codeOf(answer), answer.error.details?.[0]?.field]).toEqual(['400 VALIDATION_ERROR', 'email']);
  });

  it.each(['иван@example.com', '田中@example.com', 'o.o+tag@example.co.uk', 'jürgen@example.com'])(
    '%s is welcome',
    async (email) => {
      expect((await attempt(email)).status).toBe(201);
    },
  );
});

describe('without a mail server', () => {
  it('the embedded default writes the link into its log, once', async () => {
    const lines: string[] = [];
    const { Mailer } = await import('@hub/platform/mailer.js');
    const logger = {
      warn: (fields: object, message: string) => lines.push(JSON.stringify([fields, message])),
      info: () => null,
    };
    new Mailer({ SMTP_URL: 'log:', PUBLIC_URL: undefined }, logger as never).post({
      to: 'a@b.c',
      subject: 's',
      text: 'the link',
    });
    await eventually(() => lines.length > 0, 'a line');
    expect(lines).toEqual([JSON.stringify([{ to: 'a@b.c', text: 'the link' }, 'mail.logged: s'])]);
    new Mailer({ SMTP_URL: undefined, PUBLIC_URL: undefined }, logger as never).post({
      to: 'a@b.c',
      subject: 's',
      text: 'the link',
    });
    expect(lines[1]).not.toContain('the link');
  });
});

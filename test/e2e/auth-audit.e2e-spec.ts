import { jest } from '@jest/globals';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { startMailbox, type Mailbox } from '../support/mailbox.js';
import { codeOf, login, newEmail, nobody, PASSWORD, register, signIn, type Session } from './auth-fixtures.js';

jest.setTimeout(60_000);

const NEW = 'another good password';

interface Line {
  readonly action: string;
  readonly actor: { readonly type: string; readonly id: string | null; readonly name: string };
  readonly subject: { readonly type: string; readonly id: string };
  readonly changes: Record<string, { before: unknown; after: unknown }> | null;
  readonly address: string | null;
}

describe('the audit log of signing in', () => {
  let hub: Hub;
  let mailbox: Mailbox;
  beforeAll(async () => {
    mailbox = await startMailbox();
    hub = await startHub({ env: { SMTP_URL: mailbox.url, PUBLIC_URL: 'https://hub.example.com' } });
  });
  afterAll(async () => {
    await hub.stop();
    await mailbox.stop();
  });

  /** Oldest first. */
  async function lines({ api }: Session, query = ''): Promise<Line[]> {
    const found = v1.ok(await api.get<Resource[]>(`/v1/audit?limit=100&${query}`));
    return found.reverse().map((line) => v1.attributes(line) as unknown as Line);
  }
  const actionsOf = async (one: Session, query = ''): Promise<string[]> =>
    (await lines(one, query)).map(({ action }) => action);
  const tokenFor = async (email: string): Promise<string> =>
    /token=(pw_[\w-]{43})/.exec((await mailbox.next(email)).text)?.[1] ?? '';
  const confirm = async (token: string, password = NEW): Promise<string> =>
    codeOf(await nobody(hub).post('/v1/auth/password/confirm', { token, password }));

  it('begins with the organization, its owner and their session', async () => {
    const owner = await register(hub);
    const [organization, user, session, ...more] = await lines(owner);
    expect(more).toEqual([]);
    expect(organization).toMatchObject({
      action: 'organization.created',
      subject: { type: 'organization', id: owner.organizationId },
      actor: { type: 'user', id: owner.userId, name: 'Ada' },
      changes: { name: { before: null, after: 'Ada & Co' } },
      address: '127.0.0.1',
    });
    expect(user).toMatchObject({ action: 'user.created', subject: { id: owner.userId } });
    expect(session).toMatchObject({ action: 'session.created', subject: { type: 'session' } });
    expect(await actionsOf(owner, `subjectId=${String(session?.subject.id)}`)).toEqual(['session.created']);
    expect(await actionsOf(owner, `subjectId=${owner.organizationId}`)).toEqual(['organization.created']);
  });

  it('of the first organization, too', async () => {
    const [line] = v1.ok(await hub.admin.get<Resource[]>('/v1/audit?action=organization.created'));
    expect(v1.attributes(line as Resource)).toMatchObject({
      actor: { type: 'system' },
      subject: { type: 'organization', id: hub.admin.organizationId },
    });
  });

  it('tells of each sign-in and of its end: one device, all of them, a stolen token', async () => {
    const owner = await register(hub);
    const [one, two, three] = [
      await signIn(hub, owner.email),
      await signIn(hub, owner.email),
      await signIn(hub, owner.email),
    ];
    expect(await actionsOf(owner, 'action=session.created')).toHaveLength(4);
    await nobody(hub).post('/v1/auth/logout', { refreshToken: one.refreshToken });
    await nobody(hub).post('/v1/auth/logout', { refreshToken: one.refreshToken }); // changes nothing
    const ended = async (): Promise<unknown[]> =>
      (await lines(owner, 'action=session.revoked')).map(({ actor, changes }) => [
        actor.type,
        actor.id,
        changes?.['reason']?.after,
      ]);
    expect(await ended()).toEqual([['user', owner.userId, 'logout']]);
    for (let i = 0; i < 2; i++) await nobody(hub).post('/v1/auth/refresh', { refreshToken: two.refreshToken });
    expect((await ended())[1]).toEqual(['system', null, 'reuse']);
    await three.api.post('/v1/auth/logout', { allDevices: true });
    const again = await signIn(hub, owner.email);
    const all = await lines(again, 'action=session.revoked');
    expect(all.map(({ changes }) => changes?.['reason']?.after)).toEqual(['logout', 'reuse', 'logout', 'logout']);
    expect(new Set(all.map(({ subject }) => subject.id)).size).toBe(4);
    expect(await actionsOf(again, `actorId=${owner.userId}&action=session.*`)).toHaveLength(8);
  });

  it('tells of passwords: asked for, reset, changed', async () => {
    const owner = await register(hub);
    await nobody(hub).post('/v1/auth/password/reset', { email: owner.email });
    expect(await confirm(await tokenFor(owner.email))).toBe('200');
    const again = await signIn(hub, owner.email, NEW);
    const change = { currentPassword: NEW, newPassword: PASSWORD };
    expect((await again.api.post('/v1/auth/password/change', change)).status).toBe(200);
    const told = (await lines(again, `subjectId=${owner.userId}`)).filter(({ action }) => action !== 'user.created');
    expect(told.map(({ action, actor }) => [action, actor.type, actor.id])).toEqual([
      ['user.password_reset_requested', 'system', null],
      ['user.password_reset', 'user', owner.userId],
      ['user.password_changed', 'user', owner.userId],
    ]);
    expect(told[0]).toMatchObject({ address: '127.0.0.1', changes: { sentTo: { before: null, after: owner.email } } });
  });

  it('tells of an invitation and of its acceptance', async () => {
    const owner = await register(hub);
    const email = newEmail();
    const { id } = v1.ok(await owner.api.post('/v1/users', { email, name: 'New' }));
    expect(await confirm(await tokenFor(email))).toBe('200');
    expect((await lines(owner, `subjectId=${id}`)).map(({ action, actor }) => [action, actor.id])).toEqual([
      ['user.created', owner.userId],
      ['user.invited', owner.userId],
      ['user.invitation_accepted', id],
    ]);
  });

  it('tells of a locked account once, and nothing of an email that nobody has', async () => {
    const owner = await register(hub);
    for (let i = 0; i < 7; i++) await login(hub, owner.email, 'wrong');
    for (let i = 0; i < 7; i++) await login(hub, newEmail(), 'wrong');
    const all = await hub.sql<{ subject: string }>(
      `SELECT subject_id AS subject FROM audit_log WHERE action = 'user.locked'`,
    );
    expect(all).toEqual([{ subject: v1.uuid(owner.userId) }]);
    expect(await lines(owner, 'action=user.locked')).toMatchObject([
      { actor: { type: 'system' }, address: '127.0.0.1' },
    ]);
  });

  it('tells whose sessions a suspension has ended', async () => {
    const owner = await register(hub);
    const { id } = v1.ok(await owner.api.post('/v1/users', { email: newEmail(), name: 'A', password: PASSWORD }));
    const email = String(v1.attributes(await owner.api.get(`/v1/users/${id}`))['email']);
    await signIn(hub, email);
    v1.ok(await owner.api.patch(`/v1/users/${id}`, { status: 'suspended' }));
    const [line] = await lines(owner, 'action=session.revoked');
    expect(line).toMatchObject({ actor: { id: owner.userId }, changes: { reason: { after: 'suspended' } } });
  });

  it('holds no secret', async () => {
    const owner = await register(hub);
    await nobody(hub).post('/v1/auth/password/reset', { email: owner.email });
    const token = await tokenFor(owner.email);
    await confirm(token);
    await eventually(async () => (await hub.sql('SELECT 1 FROM audit_log')).length > 0, 'lines');
    const [row] = await hub.sql<{ all: string }>(`SELECT string_agg(a::text, ' ') AS all FROM audit_log a`);
    for (const secret of [token, PASSWORD, NEW, owner.refreshToken, owner.accessToken, 'argon2'])
      expect(row?.all.includes(secret)).toBe(false);
  });
});

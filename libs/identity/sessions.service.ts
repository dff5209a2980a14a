import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import { systemAuthor, type Author } from '@hub/events/outbox.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { Organization } from '@hub/model/organization.entity.js';
import { User, type UserRole, type UserStatus } from '@hub/model/user.entity.js';
import { newId } from '@hub/platform/ids.js';
import { userAuthor, type Actor } from './actor.js';
import { canonicalEmail, requireEmail } from './email.js';
import {
  AccountLockedError,
  AuthenticationRequiredError,
  EmailTakenError,
  InsufficientPermissionsError,
  InvalidCredentialsError,
  InvalidRefreshTokenError,
  TokenRevokedError,
} from './identity.errors.js';
import { LoginLock } from './login-lock.js';
import { Passwords } from './passwords.js';
import { hashSecret } from './secret-token.js';
import { endSessions, nextRefreshToken, openSession, type OpenedSession } from './session-rows.js';
import type { Account, Login, Register, SignedIn, TokenPair } from './sessions.types.js';
import { ACCESS_TOKEN_SECONDS, Tokens } from './tokens.js';
import { AUDITED_USER } from './users.types.js';

interface LoginRow {
  readonly organizationId: string;
  readonly id: string;
  readonly name: string;
  readonly status: UserStatus;
  readonly passwordHash: string;
}

interface RefreshRow {
  readonly organizationId: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly name: string;
}

interface FamilyRow {
  readonly role: UserRole;
  readonly remember: boolean;
  readonly ended: boolean;
  readonly used: boolean;
  readonly expired: boolean;
}

@Injectable()
export class SessionsService {
  constructor(
    private readonly db: Database,
    private readonly passwords: Passwords,
    private readonly lock: LoginLock,
    private readonly tokens: Tokens,
  ) {}

  /**
   * A new organization with its owner, who is signed in at once.
   * @throws EmailTakenError when the email signs in somewhere already, in whatever spelling
   */
  async register({ email, password, name, organizationName, device }: Register): Promise<SignedIn> {
    const emailKey = requireEmail(email);
    const hash = await this.passwords.queued(() => this.passwords.hash(password));
    const [organizationId, userId] = [newId(), newId()];
    try {
      const { account, session } = await this.db.transaction(organizationId, async (tx) => {
        await tx.query('INSERT INTO organization (id, name) VALUES ($1, $2)', [organizationId, organizationName]);
        await tx.query(
          `INSERT INTO users (organization_id, id, email, email_key, name, role, status, password_hash, last_login_at)
           VALUES ($1, $2, $3, $4, $5, 'super_admin', 'active', $6, now())`,
          [organizationId, userId, email.normalize('NFKC'), emailKey, name, hash],
        );
        const author = userAuthor(organizationId, userId, name);
        const account = await this.load(tx, organizationId, userId);
        await this.tellFounded(tx, author, account);
        return { account, session: await openSession(tx, { author, remember: false, cookie: false, device }) };
      });
      return await this.signedIn(account, session);
    } catch (error) {
      throw violatedUnique(error) === 'users_login' ? new EmailTakenError() : error;
    }
  }

  /**
   * The same work and the same answer whether the email exists or not.
   * @throws InvalidCredentialsError, AccountLockedError, TooBusyError
   */
  login(command: Login): Promise<SignedIn> {
    return this.passwords.queued(async () => {
      const emailKey = canonicalEmail(command.email) ?? command.email;
      await this.lock.attempt(emailKey);
      const [user] = await this.db.lookup<LoginRow>('authenticate', BY_EMAIL, [emailKey]);
      if (!(await this.passwords.verify(user?.passwordHash ?? null, command.password)) || !user) {
        await this.lock.failed(emailKey, user ?? null);
        throw new InvalidCredentialsError();
      }
      await this.lock.passed(emailKey);
      if (user.status !== 'active') throw new AccountLockedError();
      const stronger = this.passwords.isOutdated(user.passwordHash)
        ? await this.passwords.hash(command.password)
        : null;
      const { account, session } = await this.db.transaction(user.organizationId, (tx) =>
        this.enter(tx, user, command, stronger),
      );
      return this.signedIn(account, session);
    });
  }

  /**
   * The next access and refresh token. Each refresh token works once: the same one again means that somebody else has
   * it, and ends the session with all its tokens.
   * @throws InvalidRefreshTokenError, TokenRevokedError
   */
  async refresh(refreshToken: string): Promise<TokenPair> {
    const hash = hashSecret(refreshToken);
    const found = await this.familyOf(hash);
    if (!found) throw new InvalidRefreshTokenError();
    const { organizationId, sessionId, userId } = found;
    const next = await this.db.transaction(organizationId, async (tx) => {
      await tx.query(LOCK_FAMILY, [organizationId, sessionId]);
      const [family] = await tx.query<FamilyRow[]>(FAMILY, [organizationId, sessionId, hash]);
      if (!family || family.ended) return new TokenRevokedError();
      if (family.used) {
        await endSessions(tx, systemAuthor(organizationId), { userId, sessionId }, 'reuse');
        return new TokenRevokedError();
      }
      if (family.expired) return new InvalidRefreshTokenError();
      await tx.query('UPDATE refresh_token SET used_at = now() WHERE organization_id = $1 AND hash = $2', [
        organizationId,
        hash,
      ]);
      const token = await nextRefreshToken(tx, { organizationId, sessionId, remember: family.remember });
      return { token, role: family.role };
    });
    if (next instanceof Error) throw next; // after the commit: the end of the session must stand
    const accessToken = await this.tokens.access({ organizationId, userId, sessionId, role: next.role });
    return { accessToken, refreshToken: next.token, expiresIn: ACCESS_TOKEN_SECONDS };
  }

  /**
   * Ends the session of the refresh token or, without one, the caller's own; with `allDevices` every session of that
   * user. Doing it again changes nothing.
   * @throws InvalidRefreshTokenError, AuthenticationRequiredError; InsufficientPermissionsError for a key
   */
  async logout(
    actor: Actor | null,
    { refreshToken, allDevices }: { refreshToken?: string; allDevices: boolean },
  ): Promise<void> {
    const { organizationId, userId, sessionId, name } = refreshToken
      ? await this.bearerOf(refreshToken)
      : this.callersSession(actor);
    await this.db.transaction(organizationId, (tx) =>
      endSessions(
        tx,
        userAuthor(organizationId, userId, name),
        { userId, ...(!allDevices && { sessionId }) },
        'logout',
      ),
    );
  }

  /** A user with their organization. */
  async account(organizationId: string, userId: string): Promise<Account> {
    return this.db.transaction(organizationId, (tx) => this.load(tx, organizationId, userId));
  }

  async organization(organizationId: string): Promise<Organization> {
    return this.db.transaction(organizationId, (tx) =>
      tx.findOneOrFail(Organization, { where: { id: organizationId } }),
    );
  }

  private async enter(
    tx: Tx,
    { organizationId, id, name, passwordHash }: LoginRow,
    { rememberMe, cookie, device }: Login,
    stronger: string | null,
  ): Promise<{ account: Account; session: OpenedSession }> {
    // locked and looked at again: suspended, or given another password, while this one was being checked
    const [still] = await tx.query<unknown[]>(
      `SELECT 1 FROM users WHERE organization_id = $1 AND id = $2 AND status = 'active' AND deleted_at IS NULL
         AND password_hash = $3 FOR UPDATE`,
      [organizationId, id, passwordHash],
    );
    if (!still) throw new InvalidCredentialsError();
    await tx.query(
      `UPDATE users SET last_login_at = now(), password_hash = coalesce($3, password_hash)
       WHERE organization_id = $1 AND id = $2`,
      [organizationId, id, stronger],
    );
    const author = userAuthor(organizationId, id, name);
    const session = await openSession(tx, { author, remember: rememberMe, cookie, device });
    return { account: await this.load(tx, organizationId, id), session };
  }

  private async tellFounded(tx: Tx, author: Author, { user, organization }: Account): Promise<void> {
    const { id, name } = organization;
    const changes = { name: { before: null, after: name } };
    await appendAudit(tx, { author, action: 'organization.created', subjectId: id, changes });
    await appendAudit(tx, {
      author,
      action: 'user.created',
      subjectId: user.id,
      changes: changesOf<User>(null, user, AUDITED_USER),
    });
  }

  private async signedIn(account: Account, session: OpenedSession): Promise<SignedIn> {
    const { organizationId, id: userId, role } = account.user;
    const accessToken = await this.tokens.access({ organizationId, userId, sessionId: session.id, role });
    const tokens = { accessToken, refreshToken: session.refreshToken, expiresIn: ACCESS_TOKEN_SECONDS };
    return { ...account, tokens, cookie: session.cookie };
  }

  private async load(tx: Tx, organizationId: string, id: string): Promise<Account> {
    const user = await tx.findOneOrFail(User, { where: { organizationId, id, deletedAt: IsNull() } });
    return { user, organization: await tx.findOneOrFail(Organization, { where: { id: organizationId } }) };
  }

  private async familyOf(hash: Buffer): Promise<RefreshRow | undefined> {
    const [row] = await this.db.lookup<RefreshRow>('authenticate', BY_REFRESH_TOKEN, [hash]);
    return row;
  }

  private async bearerOf(refreshToken: string): Promise<RefreshRow> {
    const found = await this.familyOf(hashSecret(refreshToken));
    if (!found) throw new InvalidRefreshTokenError();
    return found;
  }

  private callersSession(actor: Actor | null): RefreshRow {
    if (!actor) throw new AuthenticationRequiredError();
    const { organizationId, principal, sessionId } = actor;
    if (!sessionId || !principal.id) throw new InsufficientPermissionsError('Only who has signed in can sign out');
    return { organizationId, userId: principal.id, sessionId, name: principal.name };
  }
}

const BY_EMAIL = {
  name: 'login-by-email',
  text: `
    SELECT organization_id AS "organizationId", id, name, status, password_hash AS "passwordHash" FROM users
    WHERE email_key = $1 AND password_hash IS NOT NULL AND deleted_at IS NULL`,
};

const BY_REFRESH_TOKEN = {
  name: 'session-by-refresh-token',
  text: `
    SELECT t.organization_id AS "organizationId", t.session_id AS "sessionId", s.user_id AS "userId", u.name
    FROM refresh_token t JOIN session s ON s.organization_id = t.organization_id AND s.id = t.session_id
    JOIN users u ON u.organization_id = s.organization_id AND u.id = s.user_id
    WHERE t.hash = $1`,
};

/** First the session is locked, then its token is read: whoever comes second sees what the first has done. */
const LOCK_FAMILY = 'SELECT 1 FROM session WHERE organization_id = $1 AND id = $2 FOR UPDATE';
const FAMILY = `
  SELECT u.role, s.remember, s.revoked_at IS NOT NULL OR u.status <> 'active' OR u.deleted_at IS NOT NULL AS ended,
    t.used_at IS NOT NULL AS used, t.expires_at < now() AS expired
  FROM session s
  JOIN users u ON u.organization_id = s.organization_id AND u.id = s.user_id
  JOIN refresh_token t ON t.organization_id = s.organization_id AND t.session_id = s.id AND t.hash = $3
  WHERE s.organization_id = $1 AND s.id = $2`;

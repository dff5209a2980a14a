import { Inject, Injectable } from '@nestjs/common';
import { appendAudit } from '@hub/events/audit.js';
import { systemAuthor, type Author } from '@hub/events/outbox.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { newId } from '@hub/platform/ids.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { Mailer } from '@hub/platform/mailer.js';
import { userAuthor, type Actor } from './actor.js';
import { canonicalEmail } from './email.js';
import {
  EmailTakenError,
  InsufficientPermissionsError,
  InvalidCredentialsError,
  InvalidResetTokenError,
} from './identity.errors.js';
import { LoginLock } from './login-lock.js';
import { Passwords } from './passwords.js';
import { hashSecret, newSecret } from './secret-token.js';
import { endSessions } from './session-rows.js';

type Purpose = 'reset' | 'invitation';

/** What the audit log calls the sending of a link, and its use. */
const SENT: Record<Purpose, string> = { reset: 'user.password_reset_requested', invitation: 'user.invited' };
const USED: Record<Purpose, string> = { reset: 'user.password_reset', invitation: 'user.invitation_accepted' };

interface Addressee {
  readonly organizationId: string;
  readonly id: string;
  readonly email: string;
}

const LIFETIME: Record<Purpose, string> = { reset: '1 hour', invitation: '7 days' };
/** A person is sent one link a minute at the most. */
const PAUSE = '1 minute';
/** Requests that wait for their mail; more are let go. */
const MAX_PENDING = 200;

@Injectable()
export class RecoveryService {
  private pending = 0;

  constructor(
    private readonly db: Database,
    private readonly passwords: Passwords,
    private readonly lock: LoginLock,
    private readonly mailer: Mailer,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Mails a link to set a new password if anybody has the email. Returns at once: nobody learns whether. */
  requestReset(email: string): void {
    const emailKey = canonicalEmail(email);
    if (!emailKey || this.pending >= MAX_PENDING) return;
    this.pending++;
    this.reset(emailKey)
      .catch((error: unknown) => this.logger.error({ error: (error as Error).message }, 'password.reset_failed'))
      .finally(() => this.pending--);
  }

  /** A link to set the first password, made in the caller's transaction and mailed once that has committed. */
  async inviteIn(tx: Tx, author: Author, user: Addressee): Promise<void> {
    const token = await this.newToken(tx, author, user, 'invitation');
    this.db.onCommit(tx, () => this.mail(user, 'invitation', token));
  }

  /**
   * Sets the password behind a mailed token, once. Every session of the user ends; an invited one becomes active.
   * @throws InvalidResetTokenError; EmailTakenError when the email has come to sign in elsewhere meanwhile
   */
  async confirm(token: string, password: string): Promise<void> {
    const hash = hashSecret(token);
    const [found] = await this.db.lookup<{ organizationId: string }>('authenticate', BY_TOKEN, [hash]);
    if (!found) throw new InvalidResetTokenError();
    const passwordHash = await this.passwords.queued(() => this.passwords.hash(password));
    const { organizationId } = found;
    const emailKey = await this.worded(() =>
      this.db.transaction(organizationId, async (tx) => {
        const [used] = await tx.query<[{ userId: string; purpose: Purpose }[], number]>(
          `DELETE FROM password_token WHERE organization_id = $1 AND hash = $2 AND expires_at > now()
           RETURNING user_id AS "userId", purpose`,
          [organizationId, hash],
        );
        const [token] = used;
        const set = token && (await this.setPassword(tx, { organizationId, userId: token.userId, passwordHash }));
        if (!set) throw new InvalidResetTokenError();
        const author = userAuthor(organizationId, token.userId, set.name);
        await this.afterwards(tx, author, USED[token.purpose]);
        return set.emailKey;
      }),
    );
    await this.lock.passed(emailKey);
  }

  /**
   * A signed-in user's new password; their other sessions end.
   * @throws InvalidCredentialsError, AccountLockedError; InsufficientPermissionsError for a key
   */
  async change(actor: Actor, currentPassword: string, newPassword: string): Promise<void> {
    const { organizationId, sessionId, principal } = actor;
    const userId = principal.id;
    if (!sessionId || !userId) throw new InsufficientPermissionsError('Only who has signed in has a password');
    const [user] = await this.db.reader(organizationId).query<{ emailKey: string; passwordHash: string | null }[]>(
      `SELECT email_key AS "emailKey", password_hash AS "passwordHash" FROM users
         WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`,
      [organizationId, userId],
    );
    if (!user) throw new InvalidCredentialsError();
    await this.passwords.queued(async () => {
      await this.lock.attempt(user.emailKey);
      if (!(await this.passwords.verify(user.passwordHash, currentPassword))) {
        await this.lock.failed(user.emailKey, { organizationId, id: userId });
        throw new InvalidCredentialsError('The current password is not right');
      }
      await this.lock.passed(user.emailKey);
      const passwordHash = await this.passwords.hash(newPassword);
      await this.db.transaction(organizationId, async (tx) => {
        const set = await this.setPassword(tx, { organizationId, userId, passwordHash, instead: user.passwordHash });
        if (!set) throw new InvalidCredentialsError('The current password is not right'); // changed meanwhile
        await this.afterwards(tx, actor, 'user.password_changed', sessionId);
      });
    });
  }

  private async reset(emailKey: string): Promise<void> {
    const users = await this.db.lookup<Addressee & { status: string }>('authenticate', BY_EMAIL, [emailKey]);
    for (const user of users) {
      const purpose = user.status === 'invited' ? 'invitation' : 'reset';
      const token = await this.db.transaction(user.organizationId, (tx) =>
        this.newTokenUnlessJustMade(tx, user, purpose),
      );
      if (token) this.mail(user, purpose, token);
    }
  }

  private async newTokenUnlessJustMade(tx: Tx, user: Addressee, purpose: Purpose): Promise<string | null> {
    const key = [user.organizationId, user.id];
    const [still] = await tx.query<unknown[]>(
      `SELECT 1 FROM users WHERE organization_id = $1 AND id = $2 AND status <> 'suspended' AND deleted_at IS NULL
       FOR UPDATE`,
      key,
    );
    if (!still) return null;
    const [recent] = await tx.query<unknown[]>(
      `SELECT 1 FROM password_token WHERE organization_id = $1 AND user_id = $2 AND created_at > now() - interval '${PAUSE}'`,
      key,
    );
    if (recent) return null;
    await tx.query(
      `DELETE FROM password_token WHERE organization_id = $1 AND user_id = $2 AND expires_at < now()`,
      key,
    );
    return this.newToken(tx, systemAuthor(user.organizationId), user, purpose); // who asks is not known
  }

  private async newToken(
    tx: Tx,
    author: Author,
    { organizationId, id, email }: Addressee,
    purpose: Purpose,
  ): Promise<string> {
    const token = newSecret('pw');
    const changes = { sentTo: { before: null, after: email } };
    await appendAudit(tx, { author, action: SENT[purpose], subjectId: id, changes });
    await tx.query(
      `INSERT INTO password_token (organization_id, id, user_id, purpose, hash, expires_at)
       VALUES ($1, $2, $3, $4, $5, now() + $6::interval)`,
      [organizationId, newId(), id, purpose, hashSecret(token), LIFETIME[purpose]],
    );
    return token;
  }

  /**
   * @param instead the password must still be this one
   * @returns null where there is no such user, or another password
   */
  private async setPassword(
    tx: Tx,
    password: { organizationId: string; userId: string; passwordHash: string; instead?: string | null },
  ): Promise<{ emailKey: string; name: string } | null> {
    const [rows] = await tx.query<[{ emailKey: string; name: string }[], number]>(
      `UPDATE users SET password_hash = $3, updated_at = clock_timestamp(),
         status = CASE WHEN status = 'invited' THEN 'active' ELSE status END
       WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL AND ($4::text IS NULL OR password_hash = $4)
       RETURNING email_key AS "emailKey", name`,
      [password.organizationId, password.userId, password.passwordHash, password.instead ?? null],
    );
    return rows[0] ?? null;
  }

  /** What a new password brings with it: mailed links and sessions end, all but `keep`. */
  private async afterwards(tx: Tx, author: Author, action: string, keep?: string): Promise<void> {
    const { organizationId, principal } = author;
    const userId = principal.id ?? '';
    await tx.query('DELETE FROM password_token WHERE organization_id = $1 AND user_id = $2', [organizationId, userId]);
    await appendAudit(tx, { author, action, subjectId: userId });
    await endSessions(tx, author, { userId, ...(keep && { except: keep }) }, 'password');
  }

  /** To the address on record, never to one as somebody has typed it. The token stands behind #: no server logs it. */
  private mail({ email }: Addressee, purpose: Purpose, token: string): void {
    const base = (this.config.PUBLIC_URL ?? `http://localhost:${this.config.PORT}`).replace(/\/$/, '');
    const link = `${base}/password#token=${token}`;
    const [subject, opening] =
      purpose === 'reset'
        ? ['Set a new password', 'Somebody, probably you, asked for a new password. If it was not you, do nothing.']
        : ['You have been invited', 'You have been invited to Switchboard. Choose a password to sign in.'];
    const text = `${opening}\n\n${link}\n\nThe link works once, within ${LIFETIME[purpose]}.\n`;
    this.mailer.post({ to: email, subject, text });
  }

  private async worded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw violatedUnique(error) === 'users_login' ? new EmailTakenError() : error;
    }
  }
}

const BY_TOKEN = {
  name: 'password-token',
  text: `SELECT organization_id AS "organizationId" FROM password_token WHERE hash = $1 AND expires_at > now()`,
};

/** Who signs in with the email, else whoever was added under it first. A suspended user gets no link. */
const BY_EMAIL = {
  name: 'reset-by-email',
  text: `
    SELECT organization_id AS "organizationId", id, email, status FROM users
    WHERE email_key = $1 AND deleted_at IS NULL AND status <> 'suspended'
    ORDER BY password_hash IS NULL, created_at LIMIT 1`,
};

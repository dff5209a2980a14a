import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import type { UserRole } from '@hub/model/user.entity.js';
import { ROLE_SCOPES, type Actor } from './actor.js';
import { ApiKeysService } from './api-keys.service.js';
import { InvalidTokenError, TokenRevokedError } from './identity.errors.js';
import { hashSecret } from './secret-token.js';
import { Tokens, type Claims } from './tokens.js';

interface SessionRow {
  readonly userId: string;
  readonly name: string;
  readonly role: UserRole;
}

/**
 * Whoever stands behind a credential: an API key, an access token, a contact's token or a session cookie. The
 * credential decides the organization. Every use asks the database, so that what is revoked there – a key, a session, a
 * user, a contact – is gone for every process at once.
 */
@Injectable()
export class Authenticator {
  constructor(
    private readonly db: Database,
    private readonly keys: ApiKeysService,
    private readonly tokens: Tokens,
  ) {}

  /** @throws InvalidApiKeyError, InvalidTokenError, TokenRevokedError */
  async authenticate(credential: string): Promise<Actor> {
    const isToken = credential.startsWith('eyJ') || credential.includes('.');
    return isToken ? this.authenticateToken(credential) : this.keys.authenticate(credential);
  }

  /** An access token or a contact's token only: no API key will do. @throws InvalidTokenError, TokenRevokedError */
  async authenticateToken(token: string): Promise<Actor> {
    if (token.startsWith('sk_')) throw new InvalidTokenError('An API key is not taken here: send an access token');
    const claims = await this.tokens.verify(token);
    return claims.kind === 'user' ? this.user(claims) : this.contact(claims);
  }

  /** An API key only: no token will do. @throws InvalidApiKeyError */
  authenticateKey(key: string): Promise<Actor> {
    return this.keys.authenticate(key);
  }

  /** @throws InvalidTokenError when the cookie is of no session that goes on */
  async authenticateCookie(cookie: string): Promise<Actor> {
    const [found] = await this.db.lookup<{ organizationId: string; sessionId: string; userId: string }>(
      'authenticate',
      BY_COOKIE,
      [hashSecret(cookie)],
    );
    if (!found) throw new InvalidTokenError();
    return this.user({ kind: 'user', ...found });
  }

  private async user({ organizationId, userId, sessionId }: Extract<Claims, { kind: 'user' }>): Promise<Actor> {
    const [row] = await this.db.prepared<SessionRow>(organizationId, SESSION, [organizationId, sessionId, userId]);
    if (!row) throw new TokenRevokedError();
    return {
      organizationId,
      principal: { type: 'user', id: userId, name: row.name },
      scopes: new Set(ROLE_SCOPES[row.role]),
      role: row.role,
      authority: row.role,
      sessionId,
    };
  }

  private async contact(claims: Extract<Claims, { kind: 'contact' }>): Promise<Actor> {
    const { organizationId, contactId, epoch } = claims;
    const [row] = await this.db.prepared<{ name: string }>(organizationId, CONTACT, [organizationId, contactId, epoch]);
    if (!row) throw new TokenRevokedError('The token has been revoked: ask for a new one');
    return { organizationId, principal: { type: 'contact', id: contactId, name: row.name }, scopes: new Set() };
  }
}

const SESSION = {
  name: 'authenticate-session',
  text: `
    WITH s AS (
      SELECT s.organization_id, s.id, s.last_used_at, u.id AS user_id, u.name, u.role
      FROM session s JOIN users u ON u.organization_id = s.organization_id AND u.id = s.user_id
      WHERE s.organization_id = $1 AND s.id = $2 AND s.user_id = $3 AND s.revoked_at IS NULL AND s.expires_at > now()
        AND u.status = 'active' AND u.deleted_at IS NULL
    ), touched AS ( -- at most once a minute: reads stay reads
      UPDATE session t SET last_used_at = now() FROM s
      WHERE t.organization_id = s.organization_id AND t.id = s.id AND s.last_used_at < now() - interval '1 minute'
    )
    SELECT user_id AS "userId", name, role FROM s`,
};

const CONTACT = {
  name: 'authenticate-contact',
  text: `
    SELECT coalesce(name, phone, email, 'Unknown') AS name FROM contact
    WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL AND token_epoch = $3`,
};

const BY_COOKIE = {
  name: 'session-by-cookie',
  text: `
    SELECT organization_id AS "organizationId", id AS "sessionId", user_id AS "userId" FROM session
    WHERE cookie_hash = $1 AND revoked_at IS NULL AND expires_at > now()`,
};

import { Injectable } from '@nestjs/common';
import { ApiKey, type ApiKeyKind } from '@hub/model/api-key.entity.js';
import { appendAudit } from '@hub/events/audit.js';
import { Database } from '@hub/model/database.js';
import { insertRow } from '@hub/model/rows.js';
import type { UserRole } from '@hub/model/user.entity.js';
import { newId } from '@hub/platform/ids.js';
import { mayUse, ROLE_SCOPES, type Actor, type Scope } from './actor.js';
import { apiKeyPrefix, hashApiKey, newApiKey } from './api-key.js';
import { ApiKeyNotFoundError, InsufficientPermissionsError, InvalidApiKeyError } from './identity.errors.js';

export interface CreateApiKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly kind: ApiKeyKind;
  readonly expiresAt: Date | null;
}

interface KeyRow {
  readonly organizationId: string;
  readonly id: string;
  readonly name: string;
  readonly scopes: string[];
  readonly authority: UserRole;
  /** Of the user whose own key it is. */
  readonly role: UserRole | null;
}

@Injectable()
export class ApiKeysService {
  constructor(private readonly db: Database) {}

  /**
   * The actor behind a key. The key decides the organization; nothing in a request can change it. A user's own key can
   * do no more than that user can now.
   * @throws InvalidApiKeyError when it is unknown, expired or revoked, or its user's access has ended
   */
  async authenticate(key: string): Promise<Actor> {
    // One statement by a unique hash: the only read that happens before the tenant is known.
    const [row] = await this.db.lookup<KeyRow>('authenticate', AUTHENTICATE, [hashApiKey(key)]);
    if (!row) throw new InvalidApiKeyError();
    const { organizationId, id, name, role } = row;
    return {
      organizationId,
      principal: { type: 'api_key', id, name },
      scopes: new Set(role ? within(row.scopes, role) : row.scopes),
      authority: role ?? row.authority,
    };
  }

  /**
   * A new key and, this once, its secret. Who is no admin makes keys of kind `user` only; nobody makes a key that can
   * do what its maker cannot.
   * @throws InsufficientPermissionsError
   */
  async create(actor: Actor, command: CreateApiKey): Promise<{ key: ApiKey; secret: string }> {
    const { organizationId, principal } = actor;
    const missing = command.scopes.find((scope) => !mayUse(actor, scope));
    if (missing) throw new InsufficientPermissionsError(missing);
    if (command.kind !== 'user' && !mayUse(actor, 'admin')) throw new InsufficientPermissionsError('admin');
    const userId = principal.type === 'user' ? principal.id : null;
    if (command.kind === 'user' && !userId) {
      throw new InsufficientPermissionsError('Only who has signed in makes a key of kind user');
    }
    const secret = newApiKey();
    const id = newId();
    const { name, kind, expiresAt, scopes } = command;
    return this.db.transaction(organizationId, async (tx) => {
      await insertRow(tx, ApiKey, {
        organizationId,
        id,
        name,
        kind,
        prefix: apiKeyPrefix(secret),
        hash: hashApiKey(secret),
        scopes: [...new Set(scopes)],
        userId,
        authority: actor.authority ?? 'admin',
        expiresAt,
      });
      const changes = { name: { before: null, after: name }, scopes: { before: null, after: scopes } };
      await appendAudit(tx, { author: actor, action: 'api_key.created', subjectId: id, changes });
      return { key: await tx.findOneOrFail(ApiKey, { where: { organizationId, id } }), secret };
    });
  }

  /**
   * From the commit on the key is worth nothing, at every process. Who is no admin revokes their own keys only.
   * @throws ApiKeyNotFoundError
   */
  async revoke(actor: Actor, id: string): Promise<void> {
    const { organizationId } = actor;
    await this.db.transaction(organizationId, async (tx) => {
      const [, count] = await tx.query<[unknown[], number]>(
        `UPDATE api_key SET revoked_at = now() WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL
           AND ($3::uuid IS NULL OR (kind = 'user' AND user_id = $3))`,
        [organizationId, id, mayUse(actor, 'admin') ? null : actor.principal.id],
      );
      if (count === 0) throw new ApiKeyNotFoundError();
      await appendAudit(tx, { author: actor, action: 'api_key.revoked', subjectId: id });
    });
  }
}

/** What of a key's scopes the role still has. */
function within(scopes: readonly string[], role: UserRole): readonly string[] {
  const own: readonly string[] = ROLE_SCOPES[role];
  if (own.includes('admin')) return scopes;
  return (scopes.includes('admin') ? own : scopes).filter((scope) => own.includes(scope));
}

const AUTHENTICATE = {
  name: 'authenticate',
  text: `
    WITH k AS (
      SELECT a.organization_id, a.id, a.name, a.scopes, a.last_used_at, a.authority, u.role
      FROM api_key a LEFT JOIN users u
        ON a.kind = 'user' AND u.organization_id = a.organization_id AND u.id = a.user_id
      WHERE a.hash = $1 AND a.revoked_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > now())
        AND (a.kind <> 'user' OR a.user_id IS NULL OR (u.status = 'active' AND u.deleted_at IS NULL))
    ), touched AS ( -- at most once a minute: reads stay reads
      UPDATE api_key a SET last_used_at = now() FROM k
      WHERE a.organization_id = k.organization_id AND a.id = k.id
        AND (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute')
    )
    SELECT organization_id AS "organizationId", id, name, scopes, authority, role FROM k`,
};

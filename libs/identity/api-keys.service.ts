import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import type { Actor } from './actor.js';
import { hashApiKey } from './api-key.js';
import { InvalidApiKeyError } from './identity.errors.js';

interface KeyRow {
  readonly organizationId: string;
  readonly id: string;
  readonly name: string;
  readonly scopes: string[];
}

@Injectable()
export class ApiKeysService {
  constructor(private readonly db: Database) {}

  /**
   * The actor behind a key. The key decides the organization; nothing in a request can change it.
   * @throws InvalidApiKeyError when it is unknown, expired or revoked
   */
  async authenticate(key: string): Promise<Actor> {
    // One statement by a unique hash: the only read that happens before the tenant is known.
    const [row] = await this.db.lookup<KeyRow>('authenticate', AUTHENTICATE, [hashApiKey(key)]);
    if (!row) throw new InvalidApiKeyError();
    return {
      organizationId: row.organizationId,
      principal: { type: 'api_key', id: row.id, name: row.name },
      scopes: new Set(row.scopes),
    };
  }
}

const AUTHENTICATE = {
  name: 'authenticate',
  text: `
    WITH k AS (
      SELECT organization_id, id, name, scopes, last_used_at FROM api_key
      WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    ), touched AS ( -- at most once a minute: reads stay reads
      UPDATE api_key a SET last_used_at = now() FROM k
      WHERE a.organization_id = k.organization_id AND a.id = k.id
        AND (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute')
    )
    SELECT organization_id AS "organizationId", id, name, scopes FROM k`,
};

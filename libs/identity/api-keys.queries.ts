import { Injectable } from '@nestjs/common';
import { IsNull, Like } from 'typeorm';
import { ApiKey, type ApiKeyKind } from '@hub/model/api-key.entity.js';
import { Database } from '@hub/model/database.js';
import { offsetOf, type Page, type PageRequest } from '@hub/platform/paging.js';
import { mayUse, type Actor } from './actor.js';
import { PREFIX_LENGTH } from './api-key.js';
import { ApiKeyNotFoundError } from './identity.errors.js';

export interface ListApiKeys extends PageRequest {
  /** How a key begins, as much of it as is known. */
  readonly prefix?: string;
  readonly kind?: ApiKeyKind;
  readonly sortOrder: 'asc' | 'desc';
}

@Injectable()
export class ApiKeysQueries {
  constructor(private readonly db: Database) {}

  /** @throws ApiKeyNotFoundError */
  async getApiKey(organizationId: string, id: string): Promise<ApiKey> {
    const where = { organizationId, id, revokedAt: IsNull() };
    const key = await this.db.transaction(organizationId, (tx) => tx.findOne(ApiKey, { where }));
    if (!key) throw new ApiKeyNotFoundError();
    return key;
  }

  /** Keys that have not been revoked, expired ones included; who is no admin sees their own. */
  async listApiKeys(actor: Actor, request: ListApiKeys): Promise<Page<ApiKey>> {
    const { page, perPage, sortOrder, prefix, kind } = request;
    const { organizationId, principal } = actor;
    const [items, totalCount] = await this.db.transaction(organizationId, (tx) =>
      tx.findAndCount(ApiKey, {
        where: {
          organizationId,
          revokedAt: IsNull(),
          ...(kind && { kind }),
          ...(prefix && { prefix: Like(`${prefix.slice(0, PREFIX_LENGTH).replace(/[\\%_]/g, '\\$&')}%`) }),
          ...(!mayUse(actor, 'admin') && { kind: 'user' as const, userId: principal.id ?? '' }),
        },
        order: { createdAt: sortOrder, id: sortOrder },
        skip: offsetOf(request),
        take: perPage,
      }),
    );
    return { items, totalCount, page, perPage };
  }
}

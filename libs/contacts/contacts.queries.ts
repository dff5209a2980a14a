import { Injectable } from '@nestjs/common';
import { Database, type Reader } from '@hub/model/database.js';
import type { ContactView } from '@hub/model/views.js';
import { NotFoundError } from '@hub/platform/errors.js';
import { CountCache, EXACT_COUNT_LIMIT, offsetOf, type Page, type PageRequest } from '@hub/platform/paging.js';
import { containing } from '@hub/platform/sql.js';

export class ContactNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('CONTACT_NOT_FOUND', 'Contact does not exist', field);
  }
}

export interface ListContacts extends PageRequest {
  readonly search?: string;
  readonly email?: string;
  readonly phone?: string;
  readonly tags?: readonly string[];
  readonly channelType?: string;
  readonly sortBy: 'createdAt' | 'updatedAt' | 'name';
  readonly sortOrder: 'asc' | 'desc';
}

const SELECT = `
  SELECT k.organization_id AS "organizationId", k.id, k.number, k.name, k.email, k.phone, k.avatar,
    k.external_id AS "externalId", k.metadata, k.tags, k.last_seen_at AS "lastSeenAt", k.created_at AS "createdAt",
    k.updated_at AS "updatedAt",
    (SELECT count(*)::int FROM (SELECT 1 FROM conversation c
      WHERE c.organization_id = k.organization_id AND c.contact_id = k.id LIMIT ${EXACT_COUNT_LIMIT}) theirs)
      AS "conversationCount",
    coalesce((SELECT jsonb_agg(jsonb_build_object('channelType', i.channel_type, 'channelId', i.channel_id,
        'identifier', i.identifier, 'displayName', i.display_name) ORDER BY i.id)
      FROM contact_identity i WHERE i.organization_id = k.organization_id AND i.contact_id = k.id), '[]') AS identifiers
  FROM contact k`;

const SORT = { createdAt: 'created_at', updatedAt: 'updated_at', name: 'name' } as const;

@Injectable()
export class ContactsQueries {
  private readonly counts = new CountCache();

  constructor(private readonly db: Database) {}

  /** @throws ContactNotFoundError */
  async getContact(
    organizationId: string,
    id: string,
    tx: Reader = this.db.reader(organizationId),
  ): Promise<ContactView> {
    const [row] = await tx.query<ContactView[]>(
      `${SELECT} WHERE k.organization_id = $1 AND k.id = $2 AND k.deleted_at IS NULL`,
      [organizationId, id],
    );
    if (!row) throw new ContactNotFoundError();
    return row;
  }

  /** What a token of the contact must carry to hold. @throws ContactNotFoundError */
  async getTokenEpoch(organizationId: string, id: string): Promise<number> {
    const [row] = await this.db
      .reader(organizationId)
      .query<{ epoch: number }[]>(
        `SELECT token_epoch AS epoch FROM contact WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`,
        [organizationId, id],
      );
    if (!row) throw new ContactNotFoundError();
    return row.epoch;
  }

  async listContacts(organizationId: string, request: ListContacts): Promise<Page<ContactView>> {
    const { where, values } = filter(organizationId, request);
    const db = this.db.reader(organizationId);
    const order = `${SORT[request.sortBy]} ${request.sortOrder}, id ${request.sortOrder}`;
    const page = `SELECT id FROM contact k WHERE ${where} ORDER BY ${order}
      LIMIT ${request.perPage} OFFSET ${offsetOf(request)}`;
    const [items, totalCount] = await Promise.all([
      db.query<ContactView[]>(
        `${SELECT} WHERE k.organization_id = $1 AND k.id IN (${page})
         ORDER BY k.${SORT[request.sortBy]} ${request.sortOrder}, k.id ${request.sortOrder}`,
        values,
      ),
      this.counts.total(JSON.stringify([where, values]), async () => {
        const [row] = await db.query<{ n: number }[]>(`SELECT count(*) AS n FROM contact k WHERE ${where}`, values);
        return row?.n ?? 0;
      }),
    ]);
    return { items, totalCount, page: request.page, perPage: request.perPage };
  }
}

function filter(organizationId: string, request: ListContacts): { where: string; values: unknown[] } {
  const values: unknown[] = [organizationId];
  const where = ['k.organization_id = $1', 'k.deleted_at IS NULL'];
  const add = (sql: (n: string) => string, value: unknown): void => {
    values.push(value);
    where.push(sql(`$${values.length}`));
  };
  if (request.search) add((n) => `k.id IN (SELECT contacts_matching(${n}))`, containing(request.search));
  if (request.email) add((n) => `k.email_key = lower(${n})`, request.email);
  if (request.phone) add((n) => `k.phone = ${n}`, request.phone);
  if (request.tags && request.tags.length > 0) {
    add((n) => `k.id IN (SELECT contacts_tagged(${n}::text[]))`, request.tags);
  }
  if (request.channelType) {
    add(
      (n) => `k.id IN (SELECT i.contact_id FROM contact_identity i
        WHERE i.organization_id = $1 AND i.channel_type = ${n})`,
      request.channelType,
    );
  }
  return { where: where.join(' AND '), values };
}

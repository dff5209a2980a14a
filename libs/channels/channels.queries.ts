import { Injectable } from '@nestjs/common';
import type { ChannelStatus, ChannelType } from '@hub/model/channel.entity.js';
import { Database, type Reader } from '@hub/model/database.js';
import type { ChannelView } from '@hub/model/views.js';
import { NotFoundError } from '@hub/platform/errors.js';
import type { Page, PageRequest } from '@hub/platform/paging.js';
import { containing } from '@hub/platform/sql.js';
import { maskConfig } from './channel-config.js';

export class ChannelNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('CHANNEL_NOT_FOUND', 'Channel does not exist', field);
  }
}

export interface ListChannels extends PageRequest {
  readonly type?: ChannelType;
  readonly status?: ChannelStatus;
  readonly search?: string;
  readonly sortOrder: 'asc' | 'desc';
}

const SELECT = `
  SELECT ch.organization_id AS "organizationId", ch.id, ch.number, ch.name, ch.type, ch.status, ch.config,
    CASE WHEN b.id IS NOT NULL THEN jsonb_build_object('id', b.id, 'name', b.name) END AS "defaultBot",
    ch.reopen_window_seconds AS "reopenWindowSeconds", ch.metadata, ch.created_at AS "createdAt",
    ch.updated_at AS "updatedAt", count(*) OVER () AS total
  FROM channel ch
  LEFT JOIN bot b ON b.organization_id = ch.organization_id AND b.id = ch.default_bot_id AND b.deleted_at IS NULL`;

type Row = ChannelView & { total: number };

@Injectable()
export class ChannelsQueries {
  constructor(private readonly db: Database) {}

  /** @throws ChannelNotFoundError */
  async getChannel(
    organizationId: string,
    id: string,
    tx: Reader = this.db.reader(organizationId),
  ): Promise<ChannelView> {
    const [row] = await tx.query<Row[]>(
      `${SELECT} WHERE ch.organization_id = $1 AND ch.id = $2 AND ch.deleted_at IS NULL`,
      [organizationId, id],
    );
    if (!row) throw new ChannelNotFoundError();
    return toView(row);
  }

  async listChannels(organizationId: string, request: ListChannels): Promise<Page<ChannelView>> {
    const { page, perPage, sortOrder } = request;
    const values: unknown[] = [organizationId, request.type ?? null, request.status ?? null];
    values.push(request.search ? containing(request.search) : null);
    const where = `ch.organization_id = $1 AND ch.deleted_at IS NULL
      AND ($2::text IS NULL OR ch.type = $2) AND ($3::text IS NULL OR ch.status = $3)
      AND ($4::text IS NULL OR ch.name ILIKE $4)`;
    const db = this.db.reader(organizationId);
    const rows = await db.query<Row[]>(
      `${SELECT} WHERE ${where} ORDER BY ch.created_at ${sortOrder}, ch.id ${sortOrder}
       LIMIT ${perPage} OFFSET ${(page - 1) * perPage}`,
      values,
    );
    const [beyond] =
      rows.length === 0 && page > 1
        ? await db.query<{ total: number }[]>(`SELECT count(*) AS total FROM channel ch WHERE ${where}`, values)
        : [];
    return { items: rows.map(toView), totalCount: rows[0]?.total ?? beyond?.total ?? 0, page, perPage };
  }
}

const toView = ({ total: _, ...row }: Row): ChannelView => ({ ...row, config: maskConfig(row.type, row.config) });

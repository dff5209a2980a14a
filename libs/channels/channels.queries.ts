import { Injectable } from '@nestjs/common';
import type { ChannelStatus, ChannelType } from '@hub/model/channel.entity.js';
import { Database, type Reader } from '@hub/model/database.js';
import type { ChannelView } from '@hub/model/views.js';
import { NotFoundError } from '@hub/platform/errors.js';
import { EXACT_COUNT_LIMIT, offsetOf, type Page, type PageRequest } from '@hub/platform/paging.js';
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

/** The least id that a row made a day ago can have: UUIDv7 begins with the time in milliseconds. */
const YESTERDAY = `(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 86400000), 12, '0') || repeat('0', 20))::uuid`;

/** By order, not by equality: else a channel without messages may cost a walk through those of all the others. */
const GREATEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** `ch` is the channel, however the caller finds it; what is told of its messages are three bounded index scans. */
const COLUMNS = `
  ch.organization_id AS "organizationId", ch.id, ch.number, ch.name, ch.type, ch.status, ch.config,
  CASE WHEN b.id IS NOT NULL THEN jsonb_build_object('id', b.id, 'name', b.name) END AS "defaultBot",
  ch.reopen_window_seconds AS "reopenWindowSeconds", ch.metadata, ch.created_at AS "createdAt",
  ch.updated_at AS "updatedAt", newest.at AS "lastMessageAt", day.messages AS "messagesLast24h",
  failed.at AS "failedAt", failed.reason AS "failedReason"`;

const JOINS = `
  LEFT JOIN bot b ON b.organization_id = ch.organization_id AND b.id = ch.default_bot_id AND b.deleted_at IS NULL
  LEFT JOIN LATERAL (SELECT m.channel_id, m.created_at AS at FROM message m
    WHERE m.organization_id = ch.organization_id AND (m.channel_id, m.id) <= (ch.id, '${GREATEST_ID}')
    ORDER BY m.channel_id DESC, m.id DESC LIMIT 1) newest ON newest.channel_id = ch.id
  CROSS JOIN LATERAL (SELECT count(*)::int AS messages FROM (SELECT 1 FROM message m
    WHERE m.organization_id = ch.organization_id AND m.channel_id = ch.id AND m.id >= ${YESTERDAY}
    LIMIT ${EXACT_COUNT_LIMIT}) latest) day
  LEFT JOIN LATERAL (SELECT coalesce(m.failed_at, m.created_at) AS at, m.failed_reason AS reason FROM message m
    WHERE m.organization_id = ch.organization_id AND m.channel_id = ch.id AND m.status = 'failed'
      AND m.id >= ${YESTERDAY} ORDER BY m.id DESC LIMIT 1) failed ON true`;

type Row = Omit<ChannelView, 'stats' | 'health'> &
  ChannelView['stats'] & { readonly failedAt: Date | null; readonly failedReason: string | null };

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
      `SELECT ${COLUMNS} FROM channel ch ${JOINS} WHERE ch.organization_id = $1 AND ch.id = $2 AND ch.deleted_at IS NULL`,
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
    const order = `ORDER BY ch.created_at ${sortOrder}, ch.id ${sortOrder}`;
    const [rows, [counted]] = await Promise.all([
      db.query<Row[]>(
        `SELECT ${COLUMNS} FROM (SELECT * FROM channel ch WHERE ${where} ${order}
           LIMIT ${perPage} OFFSET ${offsetOf(request)}) ch ${JOINS} ${order}`,
        values,
      ),
      db.query<{ total: number }[]>(`SELECT count(*) AS total FROM channel ch WHERE ${where}`, values),
    ]);
    return { items: rows.map(toView), totalCount: counted?.total ?? 0, page, perPage };
  }
}

function toView({ lastMessageAt, messagesLast24h, failedAt, failedReason, ...row }: Row): ChannelView {
  const healthy = failedAt ? 'degraded' : 'healthy';
  const status = row.status === 'error' ? 'unhealthy' : row.status === 'active' ? healthy : 'inactive';
  return {
    ...row,
    config: maskConfig(row.type, row.config),
    stats: { lastMessageAt, messagesLast24h },
    health: { status, lastFailure: failedAt && { at: failedAt, reason: failedReason } },
  };
}

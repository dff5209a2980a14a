import { Injectable } from '@nestjs/common';
import type { BotProvider, BotStatus } from '@hub/model/bot.entity.js';
import { Database, type Reader } from '@hub/model/database.js';
import type { BotView } from '@hub/model/views.js';
import { offsetOf, type Page, type PageRequest } from '@hub/platform/paging.js';
import { BotNotFoundError } from '@hub/conversations/conversations.errors.js';
import { maskBotConfig } from './bot-config.js';

export interface ListBots extends PageRequest {
  readonly status?: BotStatus;
  readonly provider?: BotProvider;
  readonly sortOrder: 'asc' | 'desc';
}

const SELECT = `
  SELECT b.organization_id AS "organizationId", b.id, b.number, b.name, b.description, b.status, b.provider, b.model,
    b.config, b.created_at AS "createdAt", b.updated_at AS "updatedAt", count(*) OVER () AS total,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', ch.id, 'name', ch.name, 'type', ch.type) ORDER BY ch.id)
      FROM bot_channel bc JOIN channel ch ON ch.organization_id = bc.organization_id AND ch.id = bc.channel_id
      WHERE bc.organization_id = b.organization_id AND bc.bot_id = b.id AND ch.deleted_at IS NULL), '[]') AS channels
  FROM bot b`;

type Row = BotView & { total: number };

@Injectable()
export class BotsQueries {
  constructor(private readonly db: Database) {}

  /** @throws BotNotFoundError */
  async getBot(organizationId: string, id: string, tx: Reader = this.db.reader(organizationId)): Promise<BotView> {
    const [row] = await tx.query<Row[]>(
      `${SELECT} WHERE b.organization_id = $1 AND b.id = $2 AND b.deleted_at IS NULL`,
      [organizationId, id],
    );
    if (!row) throw new BotNotFoundError();
    return toView(row);
  }

  async listBots(organizationId: string, request: ListBots): Promise<Page<BotView>> {
    const { page, perPage, sortOrder } = request;
    const values = [organizationId, request.status ?? null, request.provider ?? null];
    const where = `b.organization_id = $1 AND b.deleted_at IS NULL
      AND ($2::text IS NULL OR b.status = $2) AND ($3::text IS NULL OR b.provider = $3)`;
    const db = this.db.reader(organizationId);
    const rows = await db.query<Row[]>(
      `${SELECT} WHERE ${where} ORDER BY b.created_at ${sortOrder}, b.id ${sortOrder}
       LIMIT ${perPage} OFFSET ${offsetOf(request)}`,
      values,
    );
    const [beyond] =
      rows.length === 0 && page > 1
        ? await db.query<{ total: number }[]>(`SELECT count(*) AS total FROM bot b WHERE ${where}`, values)
        : [];
    return { items: rows.map(toView), totalCount: rows[0]?.total ?? beyond?.total ?? 0, page, perPage };
  }
}

const toView = ({ total: _, ...row }: Row): BotView => ({ ...row, config: maskBotConfig(row.config) });

import { Injectable } from '@nestjs/common';
import { Database, type Reader } from '@hub/model/database.js';
import { CountCache, offsetOf, type Page } from '@hub/platform/paging.js';
import type { ListRecoveries, RecoveryView } from './recovery.types.js';
import { RecoveryNotFoundError } from './webhooks.errors.js';
import { assertWebhook } from './webhooks.queries.js';

interface RecoveryRow extends Omit<RecoveryView, 'progress'> {
  readonly cursor: string | null;
}

const COLUMNS = `r.organization_id AS "organizationId", r.id, r.endpoint_id AS "webhookId", r.since, r.until,
  r.status_filter AS status, r.events, r.state, r.cursor, r.matched, r.replayed, r.total, r.created_at AS "createdAt",
  r.finished_at AS "finishedAt"`;
const LIVE = `EXISTS (SELECT FROM webhook_endpoint w
  WHERE w.organization_id = r.organization_id AND w.id = r.endpoint_id AND w.deleted_at IS NULL)`;

@Injectable()
export class RecoveryQueries {
  private readonly counts = new CountCache();

  constructor(private readonly db: Database) {}

  /** @throws WebhookNotFoundError, RecoveryNotFoundError */
  async getRecovery(
    organizationId: string,
    webhookId: string,
    id: string,
    tx: Reader = this.db.reader(organizationId),
  ): Promise<RecoveryView> {
    const [row] = await tx.query<RecoveryRow[]>(
      `SELECT ${COLUMNS} FROM webhook_recovery r
       WHERE r.organization_id = $1 AND r.endpoint_id = $2 AND r.id = $3 AND ${LIVE}`,
      [organizationId, webhookId, id],
    );
    if (row) return toRecovery(row);
    await assertWebhook(tx, organizationId, webhookId);
    throw new RecoveryNotFoundError();
  }

  /** @throws WebhookNotFoundError */
  async listRecoveries(
    organizationId: string,
    webhookId: string,
    request: ListRecoveries,
  ): Promise<Page<RecoveryView>> {
    const { page, perPage, sortOrder } = request;
    const db = this.db.reader(organizationId);
    const from = `webhook_recovery r WHERE r.organization_id = $1 AND r.endpoint_id = $2 AND ${LIVE}`;
    const values = [organizationId, webhookId];
    const rows = await db.query<RecoveryRow[]>(
      `SELECT ${COLUMNS} FROM ${from} ORDER BY r.id ${sortOrder} LIMIT ${perPage} OFFSET ${offsetOf(request)}`,
      values,
    );
    if (rows.length === 0) await assertWebhook(db, organizationId, webhookId);
    const totalCount = await this.counts.total(values.join(), async () => {
      const [row] = await db.query<{ total: number }[]>(`SELECT count(*) AS total FROM ${from}`, values);
      return row?.total ?? 0;
    });
    return { items: rows.map(toRecovery), totalCount, page, perPage };
  }
}

const toRecovery = ({ cursor, ...row }: RecoveryRow): RecoveryView => ({
  ...row,
  progress: row.state === 'succeeded' ? 1 : progressOf(row, cursor),
});

/** By number where that is known, else by how much of the time has been gone through. */
function progressOf({ since, until, matched, total }: Omit<RecoveryRow, 'cursor'>, cursor: string | null): number {
  if (cursor === null) return 0;
  const reached = Number.parseInt(cursor.slice(0, 8) + cursor.slice(9, 13), 16);
  const share =
    total === null || total === 0 ? (reached - since.getTime()) / (until.getTime() - since.getTime()) : matched / total;
  return Math.round(Math.min(Math.max(share, 0), 1) * 1_000) / 1_000;
}

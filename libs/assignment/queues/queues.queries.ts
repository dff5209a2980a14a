import { Injectable } from '@nestjs/common';
import { PRIORITIES, type Priority } from '@hub/model/conversation.entity.js';
import { Database, type Reader } from '@hub/model/database.js';
import { CountCache, EXACT_COUNT_LIMIT, offsetOf, type Page, type PageRequest } from '@hub/platform/paging.js';
import { QueueNotFoundError } from './queues.errors.js';
import type { ListQueues, QueuedView, QueueView } from './queues.types.js';

const QUEUE = `
  q.id, q.name, q.team_id AS "teamId", q.strategy, q.priority_ageing AS "priorityAgeing",
  q.offer_timeout AS "offerTimeout", q.max_misses AS "maxMisses", q.return_timeout AS "returnTimeout",
  q.sticky_window AS "stickyWindow", q.skills, q.business_hours AS "businessHours",
  q.closed_behavior AS "closedBehavior", q.metadata, q.created_at AS "createdAt", q.updated_at AS "updatedAt",
  w.n AS waiting, round((w.n + 1) * q.pace_seconds) AS "estimatedWait"`;
const WAITING = `
  CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
      SELECT FROM queue_item i WHERE i.organization_id = q.organization_id AND i.queue_id = q.id
      LIMIT ${EXACT_COUNT_LIMIT}) AS counted) AS w`;

type QueuedRow = Omit<QueuedView, 'position' | 'priority' | 'estimatedWait'> & { readonly priority: number };

@Injectable()
export class QueuesQueries {
  private readonly counts = new CountCache();

  constructor(private readonly db: Database) {}

  /** @throws QueueNotFoundError */
  async getQueue(organizationId: string, id: string, tx: Reader = this.db.reader(organizationId)): Promise<QueueView> {
    const [queue] = await tx.query<QueueView[]>(
      `SELECT ${QUEUE} FROM queue q ${WAITING} WHERE q.organization_id = $1 AND q.id = $2 AND q.deleted_at IS NULL`,
      [organizationId, id],
    );
    if (!queue) throw new QueueNotFoundError();
    return queue;
  }

  async listQueues(organizationId: string, request: ListQueues): Promise<Page<QueueView>> {
    const { page, perPage, sortOrder } = request;
    const values = [organizationId, request.teamId ?? null];
    const where = 'q.organization_id = $1 AND q.deleted_at IS NULL AND ($2::uuid IS NULL OR q.team_id = $2)';
    const order = `ORDER BY q.created_at ${sortOrder}, q.id ${sortOrder}`;
    const db = this.db.reader(organizationId);
    const [items, [counted]] = await Promise.all([
      db.query<QueueView[]>(
        `SELECT ${QUEUE} FROM (
           SELECT * FROM queue q WHERE ${where} ${order} LIMIT ${perPage} OFFSET ${offsetOf(request)}) q ${WAITING} ${order}`,
        values,
      ),
      db.query<{ n: number }[]>(`SELECT count(*) AS n FROM queue q WHERE ${where}`, values),
    ]);
    return { items, totalCount: counted?.n ?? 0, page, perPage };
  }

  /** Who waits, the next one first: one index scan. @throws QueueNotFoundError */
  async listQueued(organizationId: string, id: string, request: PageRequest): Promise<Page<QueuedView>> {
    const { page, perPage } = request;
    const before = offsetOf(request);
    const db = this.db.reader(organizationId);
    const [queue] = await db.query<{ pace: number | null }[]>(
      'SELECT pace_seconds AS pace FROM queue WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL',
      [organizationId, id],
    );
    if (!queue) throw new QueueNotFoundError();
    const [rows, totalCount] = await Promise.all([
      db.query<QueuedRow[]>(
        `SELECT conversation_id AS "conversationId", state, priority, waiting_since AS "waitingSince",
           CASE WHEN held_until > now() THEN held_until END AS "heldUntil"
         FROM queue_item WHERE organization_id = $1 AND queue_id = $2
         ORDER BY rank, conversation_id LIMIT ${perPage} OFFSET ${before}`,
        [organizationId, id],
      ),
      this.counts.total(`${organizationId} ${id}`, async () => {
        const [row] = await db.query<{ n: number }[]>(
          'SELECT count(*) AS n FROM queue_item WHERE organization_id = $1 AND queue_id = $2',
          [organizationId, id],
        );
        return row?.n ?? 0;
      }),
    ]);
    const items = rows.map((row, i): QueuedView => {
      const position = before + i + 1;
      const known = queue.pace !== null && row.heldUntil === null;
      const estimatedWait = known ? Math.round((queue.pace ?? 0) * position) : null;
      return { ...row, position, priority: priorityOf(row.priority), estimatedWait };
    });
    return { items, totalCount, page, perPage };
  }
}

const priorityOf = (weight: number): Priority => PRIORITIES[weight] ?? 'urgent';

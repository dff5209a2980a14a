import { Injectable } from '@nestjs/common';
import { Database, type Reader } from '@hub/model/database.js';
import type { TicketView } from '@hub/model/views.js';
import { CountCache, offsetOf, type Page } from '@hub/platform/paging.js';
import { containing } from '@hub/platform/sql.js';
import { TicketNotFoundError } from './conversations.errors.js';
import type { ListTickets, TicketSort } from './tickets.types.js';

const COLUMNS = `
  t.organization_id AS "organizationId", t.id, t.number, t.subject, t.status, t.priority,
  jsonb_build_object('id', k.id, 'number', k.number, 'name', k.name) AS contact,
  CASE WHEN u.id IS NOT NULL THEN jsonb_build_object('id', u.id, 'number', u.number, 'name', u.name) END AS staff,
  t.metadata, t.closed_at AS "closedAt", t.created_at AS "createdAt", t.updated_at AS "updatedAt"`;

const JOINS = `
  JOIN contact k ON k.organization_id = t.organization_id AND k.id = t.contact_id
  LEFT JOIN users u ON u.organization_id = t.organization_id AND u.id = t.staff_id`;

const SORT_COLUMN: Record<TicketSort, string> = { createdAt: 'created_at', updatedAt: 'updated_at' };

@Injectable()
export class TicketsQueries {
  private readonly counts = new CountCache();

  constructor(private readonly db: Database) {}

  /** @throws TicketNotFoundError */
  async getTicket(organizationId: string, id: string, tx?: Reader): Promise<TicketView> {
    const ticket = await this.findTicket(organizationId, id, tx);
    if (!ticket) throw new TicketNotFoundError();
    return ticket;
  }

  async findTicket(
    organizationId: string,
    id: string,
    tx: Reader = this.db.reader(organizationId),
  ): Promise<TicketView | null> {
    const [row] = await tx.query<TicketView[]>(
      `SELECT ${COLUMNS} FROM ticket t ${JOINS} WHERE t.organization_id = $1 AND t.id = $2`,
      [organizationId, id],
    );
    return row ?? null;
  }

  /** One index scan gives the page, its names come by primary key, and the total is counted beside it. */
  async listTickets(organizationId: string, request: ListTickets): Promise<Page<TicketView>> {
    const { where, values } = toWhere(organizationId, request);
    const { page, perPage, sortBy, sortOrder } = request;
    const order = `ORDER BY t.${SORT_COLUMN[sortBy]} ${sortOrder}, t.id ${sortOrder}`;
    const db = this.db.reader(organizationId);
    const [items, totalCount] = await Promise.all([
      db.query<TicketView[]>(
        `SELECT ${COLUMNS} FROM (
           SELECT * FROM ticket t WHERE ${where} ${order} LIMIT ${perPage} OFFSET ${offsetOf(request)}
         ) t ${JOINS} ${order}`,
        values,
      ),
      this.counts.total(JSON.stringify([where, values]), async () => {
        const [row] = await db.query<{ n: number }[]>(`SELECT count(*) AS n FROM ticket t WHERE ${where}`, values);
        return row?.n ?? 0;
      }),
    ]);
    return { items, totalCount, page, perPage };
  }

  /**
   * The ticket's own conversation: the oldest one in the built-in channel, else the oldest one that hangs on it.
   * @returns its id, or null when there is none
   */
  async findDeskConversation(
    organizationId: string,
    ticketId: string,
    tx: Reader = this.db.reader(organizationId),
  ): Promise<string | null> {
    const [row] = await tx.query<{ id: string }[]>(
      `SELECT c.id FROM conversation c
       JOIN channel ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
       WHERE c.organization_id = $1 AND c.ticket_id = $2 ORDER BY NOT ch.builtin, c.id LIMIT 1`,
      [organizationId, ticketId],
    );
    return row?.id ?? null;
  }
}

function toWhere(organizationId: string, filter: ListTickets): { where: string; values: unknown[] } {
  const values: unknown[] = [organizationId];
  const where = ['t.organization_id = $1'];
  const add = (value: unknown, sql: (n: string) => string): void => {
    if (value === undefined) return;
    values.push(value);
    where.push(sql(`$${values.length}`));
  };
  add(filter.status, (n) => `t.status = ${n}`);
  add(filter.priority, (n) => `t.priority = ${n}`);
  add(filter.contactId, (n) => `t.contact_id = ${n}`);
  add(filter.staffId, (n) => `t.staff_id = ${n}`);
  add(
    filter.search === undefined ? undefined : containing(filter.search),
    (n) => `t.id IN (SELECT tickets_matching(${n}))`,
  );
  return { where: where.join(' AND '), values };
}

import { Injectable } from '@nestjs/common';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Database, queryPrepared, type Prepared } from '@hub/model/database.js';

/** A conversation that hangs on a ticket, with both ends of its way. */
export interface TicketThread {
  readonly id: string;
  readonly number: number;
  readonly channelType: ChannelType;
  /** Our address on the channel; null where it has none. */
  readonly ours: string | null;
  /** The contact's address there; null where there is none, or no contact. */
  readonly theirs: string | null;
  /** What the channel itself calls the contact; null where it knows nobody. */
  readonly identity: string | null;
}

/** How somebody who has written is known to clients that know integers only. */
export interface Writer {
  readonly number: number;
  readonly email: string | null;
}

/** A ticket's conversations, as a client reads them that knows the ticket only. */
@Injectable()
export class TicketThreadsQueries {
  constructor(private readonly db: Database) {}

  /** Every conversation of the ticket, the oldest first; of another organization's ticket none. */
  async threadsOf(organizationId: string, ticketId: string): Promise<TicketThread[]> {
    return queryPrepared<TicketThread>(this.db.reader(organizationId), THREADS, [organizationId, ticketId]);
  }

  /** Users, bots and contacts by their UUIDs, in one query; the deleted ones, too. */
  async writersOf(organizationId: string, ids: readonly string[]): Promise<ReadonlyMap<string, Writer>> {
    if (ids.length === 0) return new Map();
    const rows = await queryPrepared<Writer & { id: string }>(this.db.reader(organizationId), WRITERS, [
      organizationId,
      [...new Set(ids)],
    ]);
    return new Map(rows.map(({ id, ...writer }) => [id, writer]));
  }
}

const THREADS: Prepared = {
  name: 'ticket-threads',
  text: `
    SELECT c.id, c.number, ch.type AS "channelType", i.identifier AS identity,
      CASE WHEN ch.type = 'email' THEN ch.config->>'fromEmail' ELSE ch.config->>'phoneNumber' END AS ours,
      coalesce(CASE WHEN ch.type = 'email' THEN k.email END, i.identifier, k.phone, k.email) AS theirs
    FROM conversation c
    JOIN channel ch ON ch.organization_id = $1 AND ch.id = c.channel_id
    LEFT JOIN contact k ON k.organization_id = $1 AND k.id = c.contact_id
    LEFT JOIN LATERAL (
      SELECT i.identifier FROM contact_identity i
      WHERE i.organization_id = $1 AND i.contact_id = c.contact_id AND i.channel_id = c.channel_id
      ORDER BY i.id LIMIT 1) i ON true
    WHERE c.organization_id = $1 AND c.ticket_id = $2 ORDER BY c.id`,
};

const WRITERS: Prepared = {
  name: 'writers',
  text: `
    SELECT id, number, email FROM users WHERE organization_id = $1 AND id = ANY ($2::uuid[])
    UNION ALL SELECT id, number, email FROM contact WHERE organization_id = $1 AND id = ANY ($2::uuid[])
    UNION ALL SELECT id, number, NULL FROM bot WHERE organization_id = $1 AND id = ANY ($2::uuid[])`,
};

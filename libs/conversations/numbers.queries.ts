import { Injectable } from '@nestjs/common';
import { Database, queryPrepared, type Prepared } from '@hub/model/database.js';

export type NumberedParty = 'user' | 'bot' | 'contact';
export type NumberedThing = 'conversation' | 'ticket' | 'channel';

/**
 * The positive integers (below 2^53) under which clients that know no other ids know things. Users, bots and contacts
 * share one space. What is deleted keeps its number, which is never given again.
 */
@Injectable()
export class NumbersQueries {
  constructor(private readonly db: Database) {}

  /** The UUID behind a number, or null. A number that is none (zero, negative, a fraction, too large) is nobody's. */
  async findThing(organizationId: string, kind: NumberedThing, number: number): Promise<string | null> {
    if (!isNumber(number)) return null;
    const db = this.db.reader(organizationId);
    const [row] = await queryPrepared<{ id: string }>(db, THINGS[kind], [organizationId, number]);
    return row?.id ?? null;
  }

  /** Who has this number, a merged contact being the one it is part of; null for nobody, and whoever has been deleted. */
  async findParty(
    organizationId: string,
    number: number,
  ): Promise<{ readonly type: NumberedParty; readonly id: string } | null> {
    if (!isNumber(number)) return null;
    const db = this.db.reader(organizationId);
    const [row] = await queryPrepared<{ type: NumberedParty; id: string }>(db, PARTY, [organizationId, number]);
    return row ?? null;
  }

  /** The organization's own number: what integer clients call their company. */
  async organizationNumber(organizationId: string): Promise<number> {
    const [row] = await queryPrepared<{ number: number }>(this.db.reader(organizationId), OWN, [organizationId]);
    if (!row) throw new Error(`There is no organization ${organizationId}`);
    return row.number;
  }

  /** The numbers of users, bots and contacts by their UUIDs, in one query; the deleted ones, too. */
  async numbersOf(organizationId: string, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (ids.length === 0) return new Map();
    const db = this.db.reader(organizationId);
    const rows = await queryPrepared<{ id: string; number: number }>(db, NUMBERS, [organizationId, [...new Set(ids)]]);
    return new Map(rows.map(({ id, number }) => [id, number]));
  }
}

const isNumber = (number: number): boolean => Number.isSafeInteger(number) && number > 0;

const THINGS: Record<NumberedThing, Prepared> = {
  conversation: {
    name: 'conversation-by-number',
    text: 'SELECT id FROM conversation WHERE organization_id = $1 AND number = $2',
  },
  ticket: { name: 'ticket-by-number', text: 'SELECT id FROM ticket WHERE organization_id = $1 AND number = $2' },
  channel: { name: 'channel-by-number', text: 'SELECT id FROM channel WHERE organization_id = $1 AND number = $2' },
};

const OWN: Prepared = { name: 'organization-number', text: 'SELECT number FROM organization WHERE id = $1' };

const PARTY: Prepared = {
  name: 'party-by-number',
  text: `
    SELECT 'user' AS type, id FROM users WHERE organization_id = $1 AND number = $2 AND deleted_at IS NULL
    UNION ALL SELECT 'bot', id FROM bot WHERE organization_id = $1 AND number = $2 AND deleted_at IS NULL
    UNION ALL SELECT 'contact', coalesce(merged_into, id) FROM contact
      WHERE organization_id = $1 AND number = $2 AND (deleted_at IS NULL OR merged_into IS NOT NULL)`,
};

const NUMBERS: Prepared = {
  name: 'party-numbers',
  text: `
    SELECT id, number FROM users WHERE organization_id = $1 AND id = ANY ($2::uuid[])
    UNION ALL SELECT id, number FROM bot WHERE organization_id = $1 AND id = ANY ($2::uuid[])
    UNION ALL SELECT id, number FROM contact WHERE organization_id = $1 AND id = ANY ($2::uuid[])`,
};

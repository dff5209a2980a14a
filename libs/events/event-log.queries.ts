import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import { decodeCursor, encodeCursor, type CursorPage } from '@hub/platform/paging.js';
import type { Changes } from './outbox.js';

/** An event as subscribers were told it, without the snapshot of its subject; ids in it are public ones. */
export interface LoggedEvent {
  readonly id: string;
  readonly type: string;
  readonly at: Date;
  readonly sequence: number;
  readonly subject: { readonly type: string; readonly id: string };
  readonly actor: { readonly type: string; readonly id: string | null; readonly name: string };
  readonly changes: Changes | null;
}

export interface ListTimeline {
  readonly cursor?: string;
  readonly limit: number;
}

@Injectable()
export class EventLogQueries {
  constructor(private readonly db: Database) {}

  /** What has happened in a conversation, newest first: one index scan. @throws ValidationError naming `cursor` */
  async listTimeline(
    organizationId: string,
    conversationId: string,
    { cursor, limit }: ListTimeline,
  ): Promise<CursorPage<LoggedEvent>> {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : decodeCursor(cursor, ['number'])[0];
    const rows = await this.db.reader(organizationId).query<LoggedEvent[]>(
      `SELECT id, type, created_at AS at, sequence, body::json #> '{meta,actor}' AS actor,
         body::json #> '{meta,changes}' AS changes,
         json_build_object('type', body::json #> '{data,type}', 'id', body::json #> '{data,id}') AS subject
       FROM event WHERE organization_id = $1 AND order_key = $2 AND sequence > 0 AND sequence < $3
       ORDER BY sequence DESC LIMIT ${limit + 1}`,
      [organizationId, conversationId, before],
    );
    const hasMore = rows.length > limit;
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, next: hasMore && last ? encodeCursor([last.sequence]) : null, hasMore };
  }
}

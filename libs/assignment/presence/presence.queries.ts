import { Injectable } from '@nestjs/common';
import { UserNotFoundError } from '@hub/identity/identity.errors.js';
import { Database, type Reader } from '@hub/model/database.js';
import { offsetOf, type Page } from '@hub/platform/paging.js';
import type { ListPresence, PresenceView } from './presence.types.js';

/** Of a user `u` and their state `a`, where there is any. */
const PRESENCE = `
  u.id AS "userId", u.name, coalesce(a.status, 'offline') AS status, a.reason, coalesce(a.reassigns, false) AS reassign,
  CASE WHEN a.seen_at IS NOT NULL THEN a.changed_at END AS since, a.seen_at AS "lastSeenAt",
  jsonb_build_object('total', coalesce(a.load, 0), 'perChannel', coalesce(
    (SELECT jsonb_object_agg(key, value) FROM jsonb_each(a.load_by) WHERE value <> '0'), '{}')) AS load, u.capacity`;
const STATE = `LEFT JOIN agent_state a ON a.organization_id = u.organization_id AND a.user_id = u.id`;
const STAFF = `u.deleted_at IS NULL AND u.role <> 'customer'`;

@Injectable()
export class PresenceQueries {
  constructor(private readonly db: Database) {}

  /** @throws UserNotFoundError */
  async getPresence(organizationId: string, userId: string, tx?: Reader): Promise<PresenceView> {
    const [found] = await (tx ?? this.db.reader(organizationId)).query<PresenceView[]>(
      `SELECT ${PRESENCE} FROM users u ${STATE} WHERE u.organization_id = $1 AND u.id = $2 AND ${STAFF}`,
      [organizationId, userId],
    );
    if (!found) throw new UserNotFoundError();
    return found;
  }

  /** All staff but who is suspended, whoever came first at the end unless told otherwise. */
  async listPresence(organizationId: string, request: ListPresence): Promise<Page<PresenceView>> {
    const { page, perPage, sortOrder } = request;
    const values = [organizationId, request.status ?? null, ...(request.teamId ? [request.teamId] : [])];
    const team = request.teamId
      ? 'JOIN team_member m ON m.organization_id = u.organization_id AND m.user_id = u.id AND m.team_id = $3'
      : '';
    const from = `FROM users u ${team} ${STATE} WHERE u.organization_id = $1 AND ${STAFF} AND u.status <> 'suspended'
      AND ($2::text IS NULL OR coalesce(a.status, 'offline') = $2)`;
    const db = this.db.reader(organizationId);
    const [items, [counted]] = await Promise.all([
      db.query<PresenceView[]>(
        `SELECT ${PRESENCE} ${from} ORDER BY u.created_at ${sortOrder}, u.id ${sortOrder}
         LIMIT ${perPage} OFFSET ${offsetOf(request)}`,
        values,
      ),
      db.query<{ n: number }[]>(`SELECT count(*) AS n ${from}`, values),
    ]);
    return { items, totalCount: counted?.n ?? 0, page, perPage };
  }
}

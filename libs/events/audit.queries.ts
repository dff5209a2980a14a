import { Injectable } from '@nestjs/common';
import type { AuditChanges } from '@hub/model/audit.entity.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import { Database } from '@hub/model/database.js';
import { ValidationError } from '@hub/platform/errors.js';
import { decodeCursor, encodeCursor, type CursorPage } from '@hub/platform/paging.js';

export interface AuditView {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  readonly actor: PartyRef;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly changes: AuditChanges | null;
  readonly requestId: string | null;
  readonly address: string | null;
  readonly userAgent: string | null;
}

export interface ListAudit {
  readonly actorId?: string;
  /** Exact, or a group such as `conversation.*`. */
  readonly action?: string;
  readonly subjectId?: string;
  readonly startDate?: Date;
  readonly endDate?: Date;
  readonly cursor?: string;
  readonly limit: number;
}

@Injectable()
export class AuditQueries {
  constructor(private readonly db: Database) {}

  /** Newest first. @throws ValidationError naming `cursor` */
  async listAudit(organizationId: string, request: ListAudit): Promise<CursorPage<AuditView>> {
    const { text, values } = auditSelect(organizationId, request);
    const rows = await this.db.reader(organizationId).query<AuditView[]>(text, values);
    const hasMore = rows.length > request.limit;
    const items = rows.slice(0, request.limit);
    const last = items.at(-1);
    return { items, next: hasMore && last ? encodeCursor([last.at.getTime(), last.id]) : null, hasMore };
  }
}

/** One scan of the index that fits the narrowest filter, however long the log is. */
export function auditSelect(organizationId: string, request: ListAudit): { text: string; values: unknown[] } {
  const values: unknown[] = [organizationId];
  const where = ['organization_id = $1'];
  const add = (condition: (...places: string[]) => string, ...given: unknown[]): number =>
    where.push(condition(...given.map((value) => `$${values.push(value)}`)));
  const { actorId, action, subjectId, startDate, endDate, cursor, limit } = request;
  if (actorId) add((id) => `actor_id = ${id}`, actorId);
  if (subjectId) add((id) => `subject_id = ${id}`, subjectId);
  if (action && action !== '*') {
    add((category) => `category = ${category}`, action.split('.')[0]);
    if (!action.endsWith('.*')) add((exact) => `action = ${exact}`, action);
    else if (action.split('.').length > 2) add((prefix) => `starts_with(action, ${prefix})`, action.slice(0, -1));
  }
  if (startDate) add((at) => `at >= ${at}`, startDate);
  if (endDate) add((at) => `at <= ${at}`, endDate);
  if (cursor !== undefined) {
    add((at, id) => `(at, id) < (${at}::timestamptz, ${id}::uuid)`, ...placeOf(cursor));
  }
  const text = `
    SELECT id, at, action, actor, subject_type AS "subjectType", subject_id AS "subjectId", changes,
      request_id AS "requestId", address, user_agent AS "userAgent"
    FROM audit_log WHERE ${where.join(' AND ')} ORDER BY at DESC, id DESC LIMIT ${limit + 1}`;
  return { text, values };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const END_OF_TIME = Date.UTC(9999, 11, 31);

/** @throws ValidationError naming `cursor` */
function placeOf(cursor: string): [Date, string] {
  const [at, id] = decodeCursor(cursor, ['number', 'string']);
  if (at >= 0 && at <= END_OF_TIME && UUID.test(id)) return [new Date(at), id];
  throw ValidationError.of('cursor', 'cursor is not one that this list has given out');
}

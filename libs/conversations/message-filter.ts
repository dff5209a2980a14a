import type { DraftState, MessageDirection, MessageStatus } from '@hub/model/message.entity.js';
import { decodeCursor } from '@hub/platform/paging.js';
import { ValidationError } from '@hub/platform/errors.js';
import { containing } from '@hub/platform/sql.js';

export interface MessageFilter {
  readonly conversationId?: string;
  readonly channelId?: string;
  readonly direction?: MessageDirection;
  readonly status?: MessageStatus;
  readonly contentType?: string;
  readonly draft?: DraftState;
  /** Written at or after, and at or before. */
  readonly startDate?: Date;
  readonly endDate?: Date;
  /** Part of its words, whatever the case. */
  readonly search?: string;
}

export interface SearchMessages extends MessageFilter {
  readonly cursor?: string;
  readonly limit: number;
}

/** An id is made a moment before its message's time is taken. */
const LEEWAY_MS = 1_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The WHERE of a list of messages and the column that it is in the order of. @throws ValidationError naming `cursor` */
export function toMessageWhere(
  organizationId: string,
  request: SearchMessages,
): { where: string; values: unknown[]; key: 'id' | 'seq' } {
  const { conversationId, cursor, startDate, endDate, search } = request;
  const key = conversationId === undefined ? 'id' : 'seq';
  const values: unknown[] = [organizationId];
  const where = ['m.organization_id = $1'];
  const add = (value: unknown, sql: (n: string) => string): void => {
    if (value === undefined) return;
    values.push(value);
    where.push(sql(`$${values.length}`));
  };
  add(conversationId, (n) => `m.conversation_id = ${n}`);
  add(request.channelId, (n) => `m.channel_id = ${n}`);
  add(request.direction, (n) => `m.direction = ${n}`);
  add(request.status, (n) => `m.status = ${n}`);
  add(request.contentType, (n) => `m.content_type = ${n}`);
  add(request.draft, (n) => `m.draft_state = ${n}`);
  add(startDate, (n) => `m.created_at >= ${n}`);
  add(endDate, (n) => `m.created_at <= ${n}`);
  if (key === 'id') {
    // ids are in the order of time: they bound the scan, the times say it exactly
    add(startDate && idAt(startDate.getTime() - LEEWAY_MS), (n) => `m.id >= ${n}`);
    add(endDate && idAt(endDate.getTime() + LEEWAY_MS), (n) => `m.id < ${n}`);
  }
  add(search === undefined ? undefined : containing(search), (n) =>
    // within a conversation its own messages are read; among all of them the search index helps
    key === 'seq' ? `m.text ILIKE ${n}` : `m.id IN (SELECT messages_matching(${n}))`,
  );
  add(cursor === undefined ? undefined : decode(cursor, key), (n) => `m.${key} < ${n}`);
  return { where: where.join(' AND '), values, key };
}

/** The smallest UUIDv7 of an instant. */
function idAt(ms: number): string {
  const hex = Math.max(0, Math.min(ms, 0xffff_ffff_ffff)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

function decode(cursor: string, key: 'id' | 'seq'): string | number {
  if (key === 'seq') return decodeCursor(cursor, ['number'])[0];
  const [id] = decodeCursor(cursor, ['string']);
  if (!UUID.test(id)) throw ValidationError.of('cursor', 'cursor is not one that this list has given out');
  return id;
}

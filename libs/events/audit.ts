import { isDeepStrictEqual } from 'node:util';
import type { AuditChanges } from '@hub/model/audit.entity.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import { newId } from '@hub/platform/ids.js';
import { currentOrigin } from '@hub/platform/request-origin.js';

/** What somebody has done. Secrets in it are masked already. */
export interface AuditEntry {
  readonly author: { readonly organizationId: string; readonly principal: PartyRef };
  /** `<what>.<done>`: `user.created`, `webhook.secret_rotated`. */
  readonly action: string;
  /** UUID of what it was done to; its kind is the first word of the action. */
  readonly subjectId: string;
  readonly changes?: AuditChanges;
}

/** A transaction, TypeORM's or the driver's own. */
interface Writer {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** Columns of `audit_log` in the order of {@link auditValues}. */
export const AUDIT_COLUMNS =
  'organization_id, at, id, action, actor, actor_id, subject_type, subject_id, changes, request_id, address, user_agent';
const CASTS = ['uuid', 'timestamptz', 'uuid', 'text', 'jsonb', 'uuid', 'text', 'uuid', 'jsonb', 'text', 'text', 'text'];

/** Placeholders for {@link auditValues}, from `$<first>` on. */
export const auditPlaceholders = (first: number): string => CASTS.map((type, i) => `$${first + i}::${type}`).join(', ');

/** A row of the audit log; where the request came from is known by itself. */
export function auditValues(
  { author, action, subjectId, changes }: AuditEntry,
  at = new Date(),
): (string | Date | null)[] {
  const { principal } = author;
  const origin = currentOrigin();
  return [
    author.organizationId,
    at,
    newId(),
    action,
    JSON.stringify({ type: principal.type, id: principal.id, name: principal.name }),
    principal.id,
    action.split('.')[0] ?? action,
    subjectId,
    changes && Object.keys(changes).length > 0 ? JSON.stringify(changes) : null,
    origin?.requestId ?? null,
    origin?.address ?? null,
    origin?.userAgent ?? null,
  ];
}

/**
 * Puts down what is done in the caller's transaction, for changes that no event tells of: the outbox does it for the
 * others. No change without its line, no line without its change.
 */
export async function appendAudit(tx: Writer, entry: AuditEntry): Promise<void> {
  await tx.query(APPEND_AUDIT, auditValues(entry));
}

/** The same for several at once, in one statement. */
export async function appendAudits(
  tx: Writer,
  entry: Omit<AuditEntry, 'subjectId'>,
  subjectIds: readonly string[],
): Promise<void> {
  if (subjectIds.length === 0) return;
  const one = auditValues({ ...entry, subjectId: '' });
  const values = one.map((value, i) => (i === ID ? subjectIds.map(() => newId()) : i === SUBJECT ? subjectIds : value));
  await tx.query(APPEND_AUDITS, values);
}

const APPEND_AUDIT = `INSERT INTO audit_log (${AUDIT_COLUMNS}) VALUES (${auditPlaceholders(1)})`;

/** Places of the two columns that differ from line to line. */
const [ID, SUBJECT] = [2, 7];
const APPEND_AUDITS = `
  INSERT INTO audit_log (${AUDIT_COLUMNS})
  SELECT ${CASTS.map((type, i) => (i === ID ? 's.id' : i === SUBJECT ? 's.subject_id' : `$${i + 1}::${type}`)).join(', ')}
  FROM unnest($${ID + 1}::uuid[], $${SUBJECT + 1}::uuid[]) AS s(id, subject_id)`;

/** The named fields that differ, each before and after. `before` null: all of them are new. */
export function changesOf<T extends object>(before: T | null, after: T, fields: readonly (keyof T)[]): AuditChanges {
  const told = fields
    .map((field) => ({ field, before: before ? before[field] : null, after: after[field] }))
    .filter((change) => !isDeepStrictEqual(change.before ?? null, change.after ?? null));
  return Object.fromEntries(told.map(({ field, before: was, after: is }) => [field, { before: was, after: is }]));
}

/**
 * The settings of a configuration that differ, as they may be shown; a secret that was replaced shows as masked on both
 * sides. Empty when nothing differs.
 */
export function configChanges(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  mask: (config: Record<string, unknown>) => Record<string, unknown>,
  field = 'config',
): AuditChanges {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = keys.filter((key) => !isDeepStrictEqual(before[key], after[key]));
  if (changed.length === 0) return {};
  const part = (config: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    mask(Object.fromEntries(changed.filter((key) => key in config).map((key) => [key, config[key]])));
  return { [field]: { before: part(before), after: part(after) } };
}

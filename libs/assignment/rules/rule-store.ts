import type { Reader, Tx } from '@hub/model/database.js';
import { ValidationError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import {
  decodeCursor,
  encodeCursor,
  offsetOf,
  type CursorPage,
  type Page,
  type PageRequest,
} from '@hub/platform/paging.js';
import { RuleNotFoundError, TooManyRulesError } from './rules.errors.js';
import type { ListRuleLog, RuleLogView, RuleView } from './rules.types.js';

/* What the tables of rules have in common: an order of their own, and a log. */

/** A table of rules, and its columns beside those that all of them have. */
export interface RuleTable {
  readonly name: 'routing_rule' | 'automation_rule' | 'service_level';
  readonly columns: readonly string[];
}

export const MAX_RULES = 200;

const selectFrom = ({ name, columns }: RuleTable): string => `
  SELECT id, name, position, enabled, conditions, ${columns.join(', ')}, created_at AS "createdAt",
    updated_at AS "updatedAt" FROM ${name} WHERE organization_id = $1 AND deleted_at IS NULL`;

/** @throws RuleNotFoundError */
export async function getRule<R extends RuleView>(
  on: Reader,
  table: RuleTable,
  organizationId: string,
  id: string,
): Promise<R> {
  const [rule] = await on.query<R[]>(`${selectFrom(table)} AND id = $2`, [organizationId, id]);
  if (!rule) throw new RuleNotFoundError();
  return rule;
}

/** In the order in which they are tried. */
export async function listRules<R extends RuleView>(
  on: Reader,
  table: RuleTable,
  organizationId: string,
  request: PageRequest,
): Promise<Page<R>> {
  const { page, perPage } = request;
  const [items, [counted]] = await Promise.all([
    on.query<R[]>(`${selectFrom(table)} ORDER BY position, id LIMIT ${perPage} OFFSET ${offsetOf(request)}`, [
      organizationId,
    ]),
    on.query<{ n: number }[]>(
      `SELECT count(*) AS n FROM ${table.name} WHERE organization_id = $1 AND deleted_at IS NULL`,
      [organizationId],
    ),
  ]);
  return { items, totalCount: counted?.n ?? 0, page, perPage };
}

/** Those that are on, in the order in which they are tried. @param only SQL that narrows them, its values from $2 on */
export const enabledRules = <R extends RuleView>(
  tx: Reader,
  table: RuleTable,
  organizationId: string,
  only = 'true',
  ...values: unknown[]
): Promise<R[]> =>
  tx.query<R[]>(`${selectFrom(table)} AND enabled AND ${only} ORDER BY position, id`, [organizationId, ...values]);

/** Keeps the order of an organization's rules for this transaction. */
export async function lockOrder(tx: Tx, { name }: RuleTable, organizationId: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`${name} ${organizationId}`]);
}

/** Writes a new rule behind all others. @throws TooManyRulesError */
export async function insertRule(
  tx: Tx,
  table: RuleTable,
  organizationId: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<string> {
  const [last] = await tx.query<{ n: number; position: number }[]>(
    `SELECT count(*) AS n, coalesce(max(position), 0) AS position FROM ${table.name}
     WHERE organization_id = $1 AND deleted_at IS NULL`,
    [organizationId],
  );
  if ((last?.n ?? 0) >= MAX_RULES) throw new TooManyRulesError(MAX_RULES);
  const id = newId();
  const row = { ...fields, organization_id: organizationId, id, position: (last?.position ?? 0) + 1 };
  const names = Object.keys(row);
  await tx.query(
    `INSERT INTO ${table.name} (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')})`,
    Object.values(row),
  );
  return id;
}

export async function updateRule(
  tx: Tx,
  table: RuleTable,
  { organizationId, id }: { readonly organizationId: string; readonly id: string },
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const names = Object.keys(fields);
  if (names.length === 0) return;
  const set = [...names.map((name, i) => `${name} = $${i + 3}`), 'updated_at = clock_timestamp()'];
  await tx.query(`UPDATE ${table.name} SET ${set.join(', ')} WHERE organization_id = $1 AND id = $2`, [
    organizationId,
    id,
    ...Object.values(fields),
  ]);
}

/** Gives a rule its place and counts all of them anew, so that the places have no gaps. */
export async function moveRule(
  tx: Tx,
  { name }: RuleTable,
  organizationId: string,
  id: string,
  position: number | undefined,
): Promise<void> {
  const rows = await tx.query<{ id: string }[]>(
    `SELECT id FROM ${name} WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY position, id`,
    [organizationId],
  );
  const order = rows.map((row) => row.id);
  if (position !== undefined && order.includes(id)) {
    order.splice(order.indexOf(id), 1);
    order.splice(position - 1, 0, id);
  }
  await tx.query(
    `UPDATE ${name} r SET position = n.place FROM unnest($2::uuid[]) WITH ORDINALITY AS n(id, place)
     WHERE r.organization_id = $1 AND r.id = n.id AND r.position <> n.place`,
    [organizationId, order],
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** When a rule was applied and what came of it, newest first: one index scan. @throws ValidationError naming `cursor` */
export async function listRuleLog(
  on: Reader,
  organizationId: string,
  ruleId: string,
  { cursor, limit }: ListRuleLog,
): Promise<CursorPage<RuleLogView>> {
  const before = cursor === undefined ? null : decodeCursor(cursor, ['string'])[0];
  if (before !== null && !UUID.test(before)) {
    throw ValidationError.of('cursor', 'cursor is not one that this list has given out');
  }
  const rows = await on.query<RuleLogView[]>(
    `SELECT id, conversation_id AS "conversationId", event_id AS "eventId", outcome, detail, created_at AS "createdAt"
     FROM rule_log WHERE organization_id = $1 AND rule_id = $2 AND ($3::uuid IS NULL OR id < $3)
     ORDER BY id DESC LIMIT ${limit + 1}`,
    [organizationId, ruleId, before],
  );
  const hasMore = rows.length > limit;
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: hasMore && last ? encodeCursor([last.id]) : null, hasMore };
}

export interface RuleLogEntry {
  readonly organizationId: string;
  readonly kind: 'routing' | 'automation' | 'service_level';
  readonly ruleId: string;
  readonly conversationId: string | null;
  /** Null where it was not an event that led to it. */
  readonly eventId: string | null;
  readonly outcome: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** @returns its id; null when the rule was applied to this event before, which writes nothing */
export async function writeRuleLog(tx: Tx, entry: RuleLogEntry): Promise<string | null> {
  const { organizationId, kind, ruleId, conversationId, eventId, outcome, detail } = entry;
  const [written] = await tx.query<{ id: string }[]>(
    `INSERT INTO rule_log (organization_id, id, kind, rule_id, conversation_id, event_id, outcome, detail)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (organization_id, rule_id, event_id) WHERE event_id IS NOT NULL DO NOTHING RETURNING id`,
    [organizationId, newId(), kind, ruleId, conversationId, eventId, outcome, JSON.stringify(detail)],
  );
  return written?.id ?? null;
}

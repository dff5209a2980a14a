import { UnknownSecretKeyError, type SecretBox } from '@hub/platform/secret-box.js';
import type { Database, SystemJob, Tx } from './database.js';

/** A table with sealed values: a text column is one, a JSON column may hold them anywhere. */
interface SealedTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** What orders its rows, and how that is cast. */
  readonly key: Readonly<Record<string, string>>;
  readonly job: SystemJob;
}

const TENANT_KEY = { organization_id: 'uuid', id: 'uuid' };

/** Every place where secrets are stored. A new one belongs here, and its table into the policies of the job. */
const SEALED: readonly SealedTable[] = [
  { name: 'channel', columns: ['config'], key: TENANT_KEY, job: 'reseal' },
  { name: 'bot', columns: ['config'], key: TENANT_KEY, job: 'reseal' },
  { name: 'webhook_endpoint', columns: ['headers', 'secrets', 'key_pair'], key: TENANT_KEY, job: 'reseal' },
  { name: 'automation_rule', columns: ['secret'], key: TENANT_KEY, job: 'reseal' },
  { name: 'signing_key', columns: ['private_key'], key: { id: 'text' }, job: 'signing' },
];

const BATCH = 100;
const SEALED_VALUE = /^v(1|2\.[0-9a-f]{8})\.[\w-]{38,}$/;

export interface ResealProgress {
  readonly table: string;
  /** Values sealed anew so far, in this table. */
  readonly resealed: number;
}

export interface ResealReport {
  readonly resealed: number;
  /** Rows with a value that no key opens, by their table and key. */
  readonly unknown: readonly string[];
}

type Row = Record<string, unknown>;

/**
 * Seals everything that is not sealed with the current key anew, a hundred rows a transaction, while the product runs:
 * a row is locked for as long as its batch takes, and what is written meanwhile is sealed with the writer's key. Done
 * again, or after an interruption, it goes on with what is left. A value that no key opens stays as it is.
 */
export async function resealAll(
  db: Database,
  box: SecretBox,
  onProgress: (progress: ResealProgress) => void,
): Promise<ResealReport> {
  let total = 0;
  const unknown: string[] = [];
  for (const table of SEALED) {
    let resealed = 0;
    let after: string[] | null = null;
    for (;;) {
      const from = after;
      const batch: Batch = await db.system(table.job, (tx) => resealBatch(tx, box, table, from));
      resealed += batch.resealed;
      unknown.push(...batch.unknown);
      if (batch.rows > 0) onProgress({ table: table.name, resealed });
      if (batch.last === null) break;
      after = batch.last;
    }
    total += resealed;
  }
  return { resealed: total, unknown };
}

interface Batch {
  readonly rows: number;
  readonly resealed: number;
  readonly unknown: string[];
  /** Key of the last row seen; null at the end of the table. */
  readonly last: string[] | null;
}

async function resealBatch(tx: Tx, box: SecretBox, table: SealedTable, after: string[] | null): Promise<Batch> {
  const keys = Object.keys(table.key);
  const places = Object.values(table.key).map((type, i) => `$${i + 2}::${type}`);
  const stale = table.columns.map((column) => `${column}::text ~ $1`).join(' OR ');
  const beyond = after ? `AND (${keys.join(', ')}) > (${places.join(', ')})` : '';
  const rows = await tx.query<Row[]>(
    `SELECT ${[...keys, ...table.columns].join(', ')} FROM ${table.name} WHERE (${stale}) ${beyond}
     ORDER BY ${keys.join(', ')} LIMIT ${BATCH} FOR NO KEY UPDATE`,
    [`(^|")v(1|2\\.(?!${box.keyId})[0-9a-f]{8})\\.[A-Za-z0-9_-]{38}`, ...(after ?? [])],
  );
  let resealed = 0;
  const unknown: string[] = [];
  for (const row of rows) {
    const key = keys.map((name) => String(row[name]));
    const outcome = { resealed: 0, unknown: 0 };
    const renewed = table.columns.map((column) => asColumn(renew(row[column], box, outcome)));
    if (outcome.unknown > 0) unknown.push(`${table.name} ${key.join(' ')}`);
    if (outcome.resealed === 0) continue;
    const set = table.columns.map((column, i) => `${column} = $${keys.length + i + 1}`);
    const where = keys.map((name, i) => `${name} = $${i + 1}::${table.key[name]}`);
    await tx.query(`UPDATE ${table.name} SET ${set.join(', ')} WHERE ${where.join(' AND ')}`, [...key, ...renewed]);
    resealed += outcome.resealed;
  }
  const end = rows.length === BATCH ? rows.at(-1) : undefined;
  return { rows: rows.length, resealed, unknown, last: end ? keys.map((name) => String(end[name])) : null };
}

const asColumn = (value: unknown): string | null =>
  value === null || typeof value === 'string' ? value : JSON.stringify(value);

/** The value with every sealed text in it sealed with the current key; counts what it did. */
function renew(value: unknown, box: SecretBox, outcome: { resealed: number; unknown: number }): unknown {
  if (typeof value === 'string') {
    if (!SEALED_VALUE.test(value) || value.startsWith(`v2.${box.keyId}.`)) return value;
    try {
      const renewed = box.seal(box.open(value));
      outcome.resealed += 1;
      return renewed;
    } catch (error) {
      if (error instanceof UnknownSecretKeyError) outcome.unknown += 1;
      return value; // a text that only looks like one is left alone, too
    }
  }
  if (Array.isArray(value)) return value.map((item) => renew(item, box, outcome));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, renew(inner, box, outcome)]));
}

import type { Tx } from '@hub/model/database.js';
import { HubError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type { ContactHint } from './contacts.types.js';

/** A contact that a hint means, as it stands now: locked against a merge until the transaction ends. */
export interface KnownContact {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  /** Whether the hint's identity is known already. */
  readonly identified: boolean;
}

/** What belongs to one contact only, and its unique index. */
export const UNIQUE_FIELDS: Readonly<Record<string, string>> = {
  contact_email: 'email',
  contact_phone: 'phone',
  contact_external_id: 'externalId',
};

interface Addresses extends Partial<ContactHint> {
  readonly externalId?: string | null;
}

/**
 * Lets concurrent callers that name the same person go one after the other, until commit. The unique indexes would
 * refuse the second one anyway; this makes it find the first one's row instead.
 */
export async function lockAddresses(
  tx: Tx,
  organizationId: string,
  { identity, phone, email, externalId }: Addresses,
): Promise<void> {
  const addresses = [
    identity && `identity:${identity.channelId}:${identity.identifier}`,
    phone && `phone:${phone}`,
    email && `email:${email.toLowerCase()}`,
    externalId && `external:${externalId}`,
  ].filter((address) => typeof address === 'string' && address !== '');
  await tx.query(
    `SELECT pg_advisory_xact_lock(key) FROM (
       SELECT DISTINCT hashtextextended($1 || ':' || address, 0) AS key FROM unnest($2::text[]) AS address ORDER BY 1) x`,
    [organizationId, addresses],
  );
}

/**
 * @param except the contact that may have them
 * @throws HubError RESOURCE_ALREADY_EXISTS naming the field and the contact that has it
 */
export async function requireFree(
  tx: Tx,
  organizationId: string,
  { email, phone, externalId }: Addresses,
  except: string | null = null,
): Promise<void> {
  const [taken] = await tx.query<{ id: string; field: string }[]>(
    `SELECT id, field FROM (
       SELECT id, 'email' AS field FROM contact
       WHERE organization_id = $1 AND email_key = lower($2) AND deleted_at IS NULL
       UNION ALL SELECT id, 'phone' FROM contact WHERE organization_id = $1 AND phone = $3 AND deleted_at IS NULL
       UNION ALL SELECT id, 'externalId' FROM contact
       WHERE organization_id = $1 AND external_id = $4 AND deleted_at IS NULL) known
     WHERE id IS DISTINCT FROM $5 LIMIT 1`,
    [organizationId, email ?? null, phone ?? null, externalId ?? null, except],
  );
  if (taken) throw addressTaken(taken.field, taken.id);
}

/** @param id the contact that has it, where it is known */
export function addressTaken(field: string, id?: string): HubError {
  const message = `Another contact has this ${field}`;
  const problem = { field, message: id ? `${message}: ${encodeId('contact', id)}` : message };
  return new HubError('conflict', 'RESOURCE_ALREADY_EXISTS', message, [problem], id ? { contactId: id } : {});
}

interface Row extends KnownContact {
  readonly deleted: boolean;
  readonly mergedInto: string | null;
}

const COLUMNS = `k.id, k.name, k.email, k.phone, k.deleted_at IS NOT NULL AS deleted, k.merged_into AS "mergedInto"`;

/** Identities first, then addresses, then those of contacts that have become part of another. */
const FIND = `
  SELECT ${COLUMNS}, found.identified FROM (
    SELECT contact_id AS id, true AS identified, 0 AS rank FROM contact_identity
    WHERE organization_id = $1 AND channel_id = $2 AND identifier = $3
    UNION ALL
    SELECT id, false, 1 FROM contact WHERE organization_id = $1 AND phone = $4 AND deleted_at IS NULL
    UNION ALL
    SELECT id, false, 2 FROM contact WHERE organization_id = $1 AND email_key = lower($5) AND deleted_at IS NULL
    UNION ALL
    SELECT merged_into, false, 3 FROM contact
    WHERE organization_id = $1 AND phone = $4 AND merged_into IS NOT NULL
    UNION ALL
    SELECT merged_into, false, 4 FROM contact
    WHERE organization_id = $1 AND email_key = lower($5) AND merged_into IS NOT NULL
    ORDER BY rank, id DESC LIMIT 1) found
  JOIN contact k ON k.organization_id = $1 AND k.id = found.id
  FOR NO KEY UPDATE OF k`;

/**
 * Who is known by the hint's identity, phone or email; a contact that is being merged is waited for and then is the one
 * it has become part of.
 */
export async function findKnown(tx: Tx, organizationId: string, hint: ContactHint): Promise<KnownContact | null> {
  const { identity, phone, email } = hint;
  const values = [organizationId, identity?.channelId ?? null, identity?.identifier ?? null, phone, email];
  let [row] = await tx.query<Row[]>(FIND, values);
  while (row?.deleted) {
    const { mergedInto, identified } = row;
    if (!mergedInto) return null; // forgotten in this moment
    [row] = await tx.query<Row[]>(
      `SELECT ${COLUMNS}, $3::boolean AS identified FROM contact k
       WHERE k.organization_id = $1 AND k.id = $2 FOR NO KEY UPDATE`,
      [organizationId, mergedInto, identified],
    );
  }
  return row ?? null;
}

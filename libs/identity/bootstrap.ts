import pg from 'pg';
import { appendAudit } from '@hub/events/audit.js';
import { systemAuthor } from '@hub/events/outbox.js';
import { newId } from '@hub/platform/ids.js';
import { apiKeyPrefix, hashApiKey, newApiKey } from './api-key.js';

/** Advisory lock: several starters at once make one organization. */
const BOOTSTRAP_LOCK = 0x5_0b0a_0003;

const NAME = 'My organization';

/**
 * Makes the first organization and its admin key unless they exist. A given key is added to the first organization
 * when it is not there yet, so that setting `BOOTSTRAP_API_KEY` later lets an operator back in.
 * @returns the key, only when this call has made one: it cannot be read again
 */
export async function ensureFirstOrganization(
  databaseUrl: string,
  bootstrapApiKey: string | undefined,
): Promise<{ organizationId: string; createdKey: string | null }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`BEGIN; SET LOCAL switchboard.job = 'bootstrap'`);
    await client.query('SELECT pg_advisory_xact_lock($1)', [BOOTSTRAP_LOCK]);
    const first = await client.query<{ id: string }>('SELECT id FROM organization ORDER BY number LIMIT 1');
    const organizationId = first.rows[0]?.id ?? newId();
    const author = systemAuthor(organizationId);
    if (!first.rows[0]) {
      await client.query('INSERT INTO organization (id, name) VALUES ($1, $2)', [organizationId, NAME]);
      const changes = { name: { before: null, after: NAME } };
      await appendAudit(client, { author, action: 'organization.created', subjectId: organizationId, changes });
    }
    const made = first.rows[0] || bootstrapApiKey ? null : newApiKey();
    const key = bootstrapApiKey ?? made;
    if (key) {
      const id = newId();
      const { rowCount } = await client.query(
        `INSERT INTO api_key (organization_id, id, name, kind, prefix, hash, scopes)
         VALUES ($1, $2, 'Admin key', 'service', $3, $4, '{admin}') ON CONFLICT (hash) DO NOTHING`,
        [organizationId, id, apiKeyPrefix(key), hashApiKey(key)],
      );
      const changes = { name: { before: null, after: 'Admin key' }, scopes: { before: null, after: ['admin'] } };
      if (rowCount) await appendAudit(client, { author, action: 'api_key.created', subjectId: id, changes });
    }
    await client.query('COMMIT');
    return { organizationId, createdKey: made };
  } finally {
    await client.end();
  }
}

import type { Tx } from '@hub/model/database.js';
import type { EndpointConfig } from '@hub/model/webhook.entity.js';
import { NotFoundError } from '@hub/platform/errors.js';

/**
 * What an endpoint is narrowed to exists in its organization.
 * @throws NotFoundError CHANNEL_NOT_FOUND naming `config.channelIds`, TEAM_NOT_FOUND naming `config.teamIds`
 */
export async function assertFilters(tx: Tx, organizationId: string, config: EndpointConfig): Promise<void> {
  await assertKnown(tx, organizationId, 'channel', config.channelIds ?? []);
  await assertKnown(tx, organizationId, 'team', config.teamIds ?? []);
}

const NOUNS = { channel: 'Channel', team: 'Team' } as const;

async function assertKnown(
  tx: Tx,
  organizationId: string,
  kind: keyof typeof NOUNS,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const [found] = await tx.query<{ known: number }[]>(
    `SELECT count(*)::int AS known FROM ${kind} WHERE organization_id = $1 AND id = ANY($2) AND deleted_at IS NULL`,
    [organizationId, ids],
  );
  if (found?.known === new Set(ids).size) return;
  throw new NotFoundError(`${kind.toUpperCase()}_NOT_FOUND`, `${NOUNS[kind]} does not exist`, `config.${kind}Ids`);
}

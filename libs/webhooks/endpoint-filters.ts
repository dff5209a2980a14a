import type { Tx } from '@hub/model/database.js';
import type { EndpointConfig } from '@hub/model/webhook.entity.js';
import { NotFoundError } from '@hub/platform/errors.js';

/**
 * What an endpoint is narrowed to exists in its organization.
 * @throws NotFoundError CHANNEL_NOT_FOUND naming `config.channelIds`, TEAM_NOT_FOUND naming `config.teamIds`
 */
export async function assertFilters(tx: Tx, organizationId: string, config: EndpointConfig): Promise<void> {
  await assertChannels(tx, organizationId, config.channelIds ?? []);
  await assertTeams(tx, organizationId, config.teamIds ?? []);
}

async function assertChannels(tx: Tx, organizationId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const [found] = await tx.query<{ known: number }[]>(
    'SELECT count(*)::int AS known FROM channel WHERE organization_id = $1 AND id = ANY($2) AND deleted_at IS NULL',
    [organizationId, ids],
  );
  if (found?.known === new Set(ids).size) return;
  throw new NotFoundError('CHANNEL_NOT_FOUND', 'Channel does not exist', 'config.channelIds');
}

/** This version has no teams, so there is none that could be named. */
function assertTeams(_tx: Tx, _organizationId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return Promise.resolve();
  throw new NotFoundError('TEAM_NOT_FOUND', 'Team does not exist', 'config.teamIds');
}

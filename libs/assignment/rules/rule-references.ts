import { ChannelNotFoundError } from '@hub/channels/channels.queries.js';
import { requireBot, requireUsers } from '@hub/conversations/conversation-parties.js';
import { requireQueue, TeamNotFoundError } from '@hub/assignment/routing/queue-rows.js';
import type { TargetRef } from '@hub/assignment/routing/targets.js';
import type { Tx } from '@hub/model/database.js';
import { ValidationError } from '@hub/platform/errors.js';
import type { Condition } from './conditions.js';

/** Whom a rule gives conversations to must be one of the organization. @throws the NOT_FOUND of each, naming `field` */
export async function requireTarget(
  tx: Tx,
  organizationId: string,
  { type, id }: TargetRef,
  field: string,
): Promise<void> {
  switch (type) {
    case 'user':
      await requireUsers(tx, organizationId, [id], field, 'staff');
      return;
    case 'bot':
      await requireBot(tx, organizationId, id, field);
      return;
    case 'queue':
      await requireQueue(tx, organizationId, id, field);
      return;
    case 'team': {
      const found = await tx.query<unknown[]>(
        'SELECT 1 FROM team WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE',
        [organizationId, id],
      );
      if (found.length === 0) throw new TeamNotFoundError(field);
    }
  }
}

/** Whatever conditions name must be there, too. @throws the NOT_FOUND of each, naming `conditions.<n>.value` */
export async function requireConditionIds(
  tx: Tx,
  organizationId: string,
  conditions: readonly Condition[],
): Promise<void> {
  for (const [i, { field, operator, value }] of conditions.entries()) {
    if (operator === 'exists') continue;
    const at = `conditions.${i}.value`;
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (field === 'channelId') await requireKnownChannel(tx, organizationId, String(one), at);
      if (field === 'assignee') await requireTarget(tx, organizationId, assigneeOf(String(one), at), at);
    }
  }
}

async function requireKnownChannel(tx: Tx, organizationId: string, id: string, field: string): Promise<void> {
  const found = await tx.query<unknown[]>(
    'SELECT 1 FROM channel WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL',
    [organizationId, id],
  );
  if (found.length === 0) throw new ChannelNotFoundError(field);
}

function assigneeOf(text: string, field: string): TargetRef {
  const [type = '', id = ''] = text.split(':');
  if (type === 'user' || type === 'bot') return { type, id };
  throw ValidationError.of(field, 'value must be the id of a user or bot');
}

import type { ListPresence, PresenceView, SetPresence } from '@hub/assignment/presence/presence.types.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type { ListPresenceQuery, PresenceBody } from './presence.dto.js';
import type { Resource } from './v1.envelope.js';
import { filterId } from './v1.ids.js';

export const presenceResource = ({ userId, ...presence }: PresenceView): Resource => ({
  id: encodeId('user', userId),
  type: 'presence',
  attributes: presence,
});

export function toSetPresence({ status, reassign }: PresenceBody): SetPresence {
  if (!status) throw ValidationError.of('status', 'status is required');
  return { status, ...(reassign !== undefined && { reassign }) };
}

export const toListPresence = ({ teamId, ...query }: ListPresenceQuery): ListPresence => ({
  ...query,
  ...(teamId && { teamId: filterId(['team'], teamId, 'teamId') }),
});

import { PRESENCE_STATUSES, type PresenceStatus } from '@hub/assignment/presence/presence.types.js';
import { Flag, OneOf, Text } from '@hub/platform/dto.js';
import { PageQuery } from './v1.dto.js';

export class PresenceBody {
  @OneOf(PRESENCE_STATUSES, { optional: true, description: 'Needed unless it is a `heartbeat` only' })
  status?: PresenceStatus;
  @Flag({
    optional: true,
    description:
      'Whether open conversations go back to their queues while the user is away or offline, also when the heartbeat ' +
      'is lost. Absent: as it is while the status stays, false with another one',
  })
  reassign?: boolean;
  @Flag({ optional: true, description: 'Only says that the user is still here: the status stays as it is' })
  heartbeat?: boolean;
}

export class ListPresenceQuery extends PageQuery {
  @Text({ optional: true, min: 1 }) teamId?: string;
  @OneOf(PRESENCE_STATUSES, { optional: true }) status?: PresenceStatus;
}

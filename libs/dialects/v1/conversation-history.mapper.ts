import type { AssignmentView } from '@hub/assignment/assignment.queries.js';
import type { LoggedEvent } from '@hub/events/event-log.queries.js';
import { encodeId } from '@hub/platform/ids.js';
import { decisionOf } from './offer.mapper.js';
import type { Resource } from './v1.envelope.js';
import { partyId } from './v1.ids.js';

/** An event as the timeline shows it: the log holds public ids already. */
export const eventResource = ({ id, type, at, ...event }: LoggedEvent): Resource => ({
  id: encodeId('evt', id),
  type: 'event',
  attributes: { type, timestamp: at, ...event },
});

const named = (prefix: string, of: { readonly id: string; readonly name: string | null } | null): object | null =>
  of && { ...of, id: encodeId(prefix, of.id) };
const hand = (side: AssignmentView['to']): object | null => side && { ...side, id: encodeId(side.type, side.id) };

export const assignmentResource = ({
  id,
  from,
  to,
  queue,
  team,
  decision,
  actor,
  ...view
}: AssignmentView): Resource => ({
  id: encodeId('assignment', id),
  type: 'assignment',
  attributes: {
    ...view,
    from: hand(from),
    to: hand(to),
    queue: named('queue', queue),
    team: named('team', team),
    decision: decision && decisionOf(decision),
    actor: { type: actor.type, id: partyId(actor), name: actor.name },
  },
});

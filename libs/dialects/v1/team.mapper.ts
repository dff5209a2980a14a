import type { TeamMember, TeamView } from '@hub/assignment/teams/teams.types.js';
import { encodeId } from '@hub/platform/ids.js';
import type { Resource } from './v1.envelope.js';

export const teamResource = ({ id, ...team }: TeamView): Resource => ({
  id: encodeId('team', id),
  type: 'team',
  attributes: team,
});

export const memberResource = ({ id, ...member }: TeamMember): Resource => ({
  id: encodeId('user', id),
  type: 'team_member',
  attributes: member,
});

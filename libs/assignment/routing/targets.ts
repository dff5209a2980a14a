import { BotNotFoundError } from '@hub/conversations/conversations.errors.js';
import { requireStaff } from '@hub/conversations/conversation-parties.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { UnprocessableError } from '@hub/platform/errors.js';
import { findCandidates } from './candidates.js';
import type { Assignee } from './hands.js';
import { requireQueue, TeamNotFoundError } from './queue-rows.js';
import type { QueueRow } from './routing.types.js';

/** Whom or what a conversation may be given to. */
export interface TargetRef {
  readonly type: 'user' | 'bot' | 'team' | 'queue';
  readonly id: string;
}

/** Somebody's hands, or a queue. */
export type Target = { readonly assignee: Assignee; readonly queue: null } | { readonly queue: QueueRow };

export class AssigneeUnavailableError extends UnprocessableError {
  constructor(message: string) {
    super('ASSIGNEE_UNAVAILABLE', message);
  }
}

/**
 * A user, a bot, a queue; of a team its oldest queue, or, if it has none, the least loaded of its members who are there
 * and have room.
 * @throws the NOT_FOUND of each, naming `field`; AssigneeUnavailableError
 */
export async function findTarget(
  tx: Tx,
  organizationId: string,
  { type, id }: TargetRef,
  field: string,
  conversation: Pick<Conversation, 'channelId'>,
): Promise<Target> {
  switch (type) {
    case 'user':
      return {
        assignee: { type, id, name: (await requireStaff(tx, organizationId, [id], field)).get(id) ?? '' },
        queue: null,
      };
    case 'bot':
      return { assignee: { type, id, name: await requireActiveBot(tx, organizationId, id, field) }, queue: null };
    case 'queue':
      return { queue: await requireQueue(tx, organizationId, id, field) };
    case 'team':
      return ofTeam(tx, organizationId, id, field, conversation.channelId);
  }
}

async function requireActiveBot(tx: Tx, organizationId: string, id: string, field: string): Promise<string> {
  const [bot] = await tx.query<{ name: string; status: string }[]>(
    'SELECT name, status FROM bot WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE',
    [organizationId, id],
  );
  if (!bot) throw new BotNotFoundError(field);
  if (bot.status !== 'active') throw new AssigneeUnavailableError(`${bot.name} is not active`);
  return bot.name;
}

async function ofTeam(
  tx: Tx,
  organizationId: string,
  teamId: string,
  field: string,
  channelId: string,
): Promise<Target> {
  const [team] = await tx.query<{ name: string; queueId: string | null; channelType: ChannelType }[]>(
    `SELECT t.name, (SELECT q.id FROM queue q WHERE q.organization_id = $1 AND q.team_id = t.id AND q.deleted_at IS NULL
         ORDER BY q.created_at, q.id LIMIT 1) AS "queueId",
       (SELECT type FROM channel WHERE organization_id = $1 AND id = $3) AS "channelType"
     FROM team t WHERE t.organization_id = $1 AND t.id = $2 AND t.deleted_at IS NULL`,
    [organizationId, teamId, channelId],
  );
  if (!team) throw new TeamNotFoundError(field);
  if (team.queueId) return { queue: await requireQueue(tx, organizationId, team.queueId, field) };
  const { eligible } = await findCandidates(tx, {
    organizationId,
    teamId,
    strategy: 'least_loaded',
    skills: [],
    channelType: team.channelType,
    passed: [],
    preferredUserId: null,
  });
  const [first] = eligible;
  if (!first) throw new AssigneeUnavailableError(`Nobody of ${team.name} is there and has room`);
  return { assignee: { type: 'user', id: first.id, name: first.name }, queue: null };
}

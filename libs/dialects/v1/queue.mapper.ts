import { checkHours } from '@hub/assignment/hours/check-hours.js';
import type {
  CreateQueue,
  ListQueues,
  QueuedView,
  QueueSettings,
  QueueView,
  UpdateQueue,
} from '@hub/assignment/queues/queues.types.js';
import type { ClosedBehavior } from '@hub/model/queue.entity.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type { ClosedPart, CreateQueueBody, ListQueuesQuery, UpdateQueueBody } from './queue.dto.js';
import { skillsOf } from './skills.dto.js';
import type { Resource } from './v1.envelope.js';
import { filterId, idOf } from './v1.ids.js';

export const queueResource = ({ id, teamId, closedBehavior, ...queue }: QueueView): Resource => ({
  id: encodeId('queue', id),
  type: 'queue',
  attributes: {
    ...queue,
    teamId: encodeId('team', teamId),
    closedBehavior: closedBehavior && publicClosedBehavior(closedBehavior),
  },
});

export const queuedResource = ({ conversationId, ...queued }: QueuedView): Resource => ({
  id: encodeId('conv', conversationId),
  type: 'queued_conversation',
  attributes: queued,
});

export const publicClosedBehavior = ({ botId, ...rest }: ClosedBehavior): ClosedBehavior => ({
  ...rest,
  ...(botId && { botId: encodeId('bot', botId) }),
});

export const toCreateQueue = ({ name, teamId, ...fields }: CreateQueueBody): CreateQueue => ({
  ...settingsOf(fields),
  name,
  teamId: idOf('team', teamId, 'teamId'),
});

export const toUpdateQueue = (id: string, { teamId, ...fields }: UpdateQueueBody): UpdateQueue => ({
  ...settingsOf(fields),
  ...(teamId && { teamId: idOf('team', teamId, 'teamId') }),
  id,
});

export const toListQueues = ({ teamId, ...query }: ListQueuesQuery): ListQueues => ({
  ...query,
  ...(teamId && { teamId: filterId(['team'], teamId, 'teamId') }),
});

function settingsOf(fields: Omit<UpdateQueueBody, 'teamId'>): Partial<QueueSettings> {
  const { skills, businessHours, closedBehavior, ...rest } = fields;
  return {
    ...rest,
    ...(skills && { skills: skillsOf(skills) }),
    ...(businessHours !== undefined && { businessHours: businessHours && checkHours(businessHours, 'businessHours') }),
    ...(closedBehavior !== undefined && { closedBehavior: closedBehavior && toClosedBehavior(closedBehavior) }),
  };
}

function toClosedBehavior({ action, botId, text }: ClosedPart): ClosedBehavior {
  if (action === 'bot' && !botId) throw ValidationError.of('closedBehavior.botId', 'botId is required with bot');
  if (action === 'reply' && !text) throw ValidationError.of('closedBehavior.text', 'text is required with reply');
  return {
    action,
    ...(action === 'bot' && botId && { botId: idOf('bot', botId, 'closedBehavior.botId') }),
    ...(text && { text }),
  };
}

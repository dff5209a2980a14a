import { PRESENCE_STATUSES } from '@hub/assignment/presence/presence.types.js';
import { PRIORITIES } from '@hub/model/conversation.entity.js';
import { CLOSED_ACTIONS, STRATEGIES } from '@hub/model/queue.entity.js';
import { USER_ROLES, USER_STATUSES } from '@hub/model/user.entity.js';
import type { Schema } from '@hub/platform/dto.js';
import { flag, id, integer, json, object, oneOf, orNull, text, texts, time, times } from './v1.schemas.common.js';

/* Teams, queues and who is here, as the native API shows them. */
export const skills: Schema = { type: 'array', items: object({ name: text, level: integer }) };
export const capacity = object({ total: integer, perChannel: { type: 'object', additionalProperties: integer } });
export const namedTeams: Schema = { type: 'array', items: object({ id: id('team'), name: text }) };

export const team = object({ name: text, description: orNull(text), metadata: json, memberCount: integer, ...times });

export const teamMember = object({
  name: text,
  email: text,
  role: oneOf(USER_ROLES),
  status: oneOf(USER_STATUSES),
  skills,
  capacity,
  joinedAt: time,
});

export const presence = object({
  name: text,
  status: oneOf(PRESENCE_STATUSES),
  reason: orNull({ ...text, description: 'Why it was set: heartbeat, signed_out, misses; null: by the user' }),
  reassign: flag,
  since: orNull(time),
  lastSeenAt: orNull(time),
  load: capacity,
  capacity,
});

export const hours = object({
  timezone: text,
  weekly: {
    type: 'array',
    items: object({ days: { type: 'array', items: integer }, from: text, to: text }),
  },
  holidays: texts,
});

export const queue = object({
  name: text,
  teamId: id('team'),
  strategy: oneOf(STRATEGIES),
  priorityAgeing: integer,
  offerTimeout: integer,
  maxMisses: integer,
  returnTimeout: integer,
  stickyWindow: integer,
  skills,
  businessHours: orNull(hours),
  closedBehavior: orNull(object({ action: oneOf(CLOSED_ACTIONS), botId: id('bot'), text }, ['botId', 'text'])),
  metadata: json,
  waiting: { ...integer, description: 'Exact below 10,000, which stands for that many or more' },
  estimatedWait: orNull({ ...integer, description: 'Seconds for one that comes now; null while nothing is known' }),
  ...times,
});

export const queuedConversation = object({
  position: integer,
  state: oneOf(['waiting', 'offered']),
  priority: oneOf(PRIORITIES),
  waitingSince: time,
  heldUntil: orNull({ ...time, description: 'Not before then: the queue is closed' }),
  estimatedWait: orNull({ ...integer, description: 'Seconds from now; null while nothing is known' }),
});

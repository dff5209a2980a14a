import { STRATEGIES } from '@hub/assignment/routing/routing.types.js';
import { CHANNEL_TYPES } from '@hub/model/channel.entity.js';
import { PRIORITIES } from '@hub/model/conversation.entity.js';
import type { Schema } from '@hub/platform/dto.js';
import { flag, id, integer, object, oneOf, orNull, party, text, time } from './v1.schemas.common.js';

/* Who gets what and why, as the native API shows it. */
const named = (prefix: string): Schema => object({ id: id(prefix), name: orNull(text) });

const candidate = object({
  id: id('user'),
  name: text,
  outcome: {
    ...text,
    description: '`chosen`, `eligible`, or why not: `offline`, `away`, `busy`, `full`, `lacks …`, `passed`',
  },
  load: { ...integer, description: 'Conversations in their hands and on offer to them' },
  capacity: integer,
});
const candidates: Schema = { type: 'array', items: candidate };

const hand = orNull(object({ id: text, type: oneOf(['user', 'bot']), name: orNull(text) }));

export const decision = object({ strategy: oneOf(STRATEGIES), considered: integer, eligible: integer, candidates });

export const assignment = object({
  kind: oneOf(['manual', 'claim', 'auto', 'offer', 'transfer', 'handoff', 'return', 'reopen', 'unassign', 'queue']),
  from: hand,
  to: hand,
  queue: orNull(named('queue')),
  team: orNull(named('team')),
  actor: party,
  reason: orNull(text),
  summary: orNull(text),
  note: orNull(text),
  notifyContact: flag,
  overCapacity: { ...flag, description: 'A person gave it to somebody who had no room for it' },
  decision: orNull(decision),
  waitingSince: orNull(time),
  returnAt: orNull({ ...time, description: 'When it goes back to its queue unless the agent has written' }),
  createdAt: time,
  endedAt: orNull(time),
});

export const offer = object({
  kind: oneOf(['queue', 'broadcast', 'transfer']),
  state: oneOf(['open', 'accepted', 'declined', 'expired', 'withdrawn']),
  user: named('user'),
  conversation: object({
    id: id('conv'),
    subject: orNull(text),
    priority: oneOf(PRIORITIES),
    channel: object({ id: id('ch'), name: text, type: oneOf(CHANNEL_TYPES) }),
    contact: orNull(named('contact')),
  }),
  queue: orNull(named('queue')),
  reason: orNull(text),
  transfer: orNull(object({ by: party, reason: orNull(text), summary: orNull(text), notifyContact: flag })),
  expiresAt: time,
  createdAt: time,
  decidedAt: orNull(time),
});

export const explanation = object({
  queue: object({ id: id('queue'), name: text, strategy: oneOf(STRATEGIES) }),
  outcome: oneOf(['assign', 'offer', 'wait', 'manual']),
  skills: { type: 'array', items: object({ name: text, level: { type: 'number' } }) },
  channelType: oneOf(CHANNEL_TYPES),
  considered: integer,
  eligible: integer,
  candidates,
});

import { CHANNEL_TYPES } from '@hub/model/channel.entity.js';
import { EXTRACTION_STATUSES, MEDIA_KINDS } from '@hub/model/attachment.entity.js';
import { CONVERSATION_STATUSES, PRIORITIES, RESOLUTIONS } from '@hub/model/conversation.entity.js';
import { TICKET_STATUSES } from '@hub/model/ticket.entity.js';
import {
  text,
  integer,
  flag,
  time,
  json,
  texts,
  id,
  oneOf,
  ref,
  orNull,
  object,
  party,
  changes,
  number,
  times,
} from './v1.schemas.common.js';

/* Conversations, messages and what hangs on them, as the native API shows them. */
export const conversation = object({
  number,
  status: oneOf(CONVERSATION_STATUSES),
  subject: orNull(text),
  priority: oneOf(PRIORITIES),
  channel: object({ id: id('ch'), type: oneOf(CHANNEL_TYPES), name: text }),
  contact: orNull(
    object(
      {
        id: id('contact'),
        name: orNull(text),
        phone: orNull(text),
        email: orNull(text),
        avatar: orNull(text),
        metadata: json,
      },
      ['metadata'],
    ),
  ),
  assignee: orNull(object({ id: text, type: oneOf(['user', 'bot']), name: text })),
  assignedAt: orNull(time),
  assignedBy: orNull(party),
  bot: orNull(object({ id: id('bot'), name: text, active: flag })),
  lastMessage: orNull(
    object({
      id: id('msg'),
      content: ref('MessageContent'),
      direction: oneOf(['inbound', 'outbound']),
      timestamp: time,
    }),
  ),
  unreadCount: integer,
  messageCount: integer,
  firstMessageAt: orNull(time),
  lastMessageAt: orNull(time),
  snoozedUntil: orNull(time),
  closedAt: orNull(time),
  closedBy: orNull(party),
  resolution: orNull(oneOf(RESOLUTIONS)),
  closureReason: orNull(text),
  archivedAt: orNull(time),
  ticketId: orNull(id('ticket')),
  entity: orNull(object({ type: text, id: text })),
  reopenedAt: orNull(time),
  reopenedBy: orNull(party),
  metadata: json,
  tags: texts,
  version: integer,
  ...times,
});

export const messageBrief = object({
  id: id('msg'),
  direction: oneOf(['inbound', 'outbound']),
  content: ref('MessageContent'),
  timestamp: time,
});

export const participant = object(
  { name: orNull(text), phone: text, email: text, role: text, joinedAt: time, leftAt: time },
  ['phone', 'email', 'leftAt'],
);

export const conversationCounts = object({
  byStatus: object(Object.fromEntries(CONVERSATION_STATUSES.map((status) => [status, integer]))),
  mine: integer,
  unassigned: integer,
});

export const timelineEvent = object({
  type: text,
  timestamp: time,
  sequence: integer,
  subject: object({ type: text, id: text }),
  actor: party,
  changes: orNull(changes),
});

export const mediaFields = {
  number,
  kind: oneOf(MEDIA_KINDS),
  name: text,
  contentType: text,
  size: orNull(integer),
  width: orNull(integer),
  height: orNull(integer),
  inline: flag,
  originalUrl: orNull(text),
  extractionStatus: oneOf(EXTRACTION_STATUSES),
  extractedData: orNull(json),
  extractionData: orNull(json),
};

export const attachment = object({ id: id('media'), ...mediaFields });

/** What a file has by itself. */
export const mediaLink = {
  messageId: orNull(id('msg')),
  url: { type: 'string', description: 'Opens the file without a key, until `urlExpiresAt`' },
  urlExpiresAt: orNull(time),
  createdBy: party,
  createdAt: time,
};

export const ticket = object({
  number,
  subject: text,
  status: oneOf(TICKET_STATUSES),
  priority: oneOf(PRIORITIES),
  contact: object({ id: id('contact'), number, name: orNull(text) }),
  staff: orNull(object({ id: id('user'), number, name: text })),
  metadata: json,
  closedAt: orNull(time),
  ...times,
});

const MESSAGE_STATUSES = ['pending', 'sent', 'delivered', 'read', 'failed'];
const messageFields = {
  number,
  conversationId: id('conv'),
  channelId: id('ch'),
  direction: oneOf(['inbound', 'outbound', 'internal']),
  private: flag,
  content: ref('MessageContent'),
  status: oneOf(MESSAGE_STATUSES),
  sender: party,
  externalId: orNull(text),
  clientMessageId: orNull(text),
  metadata: json,
  recipients: orNull(object({ to: texts, cc: texts, bcc: texts })),
  draft: orNull(
    object({
      state: oneOf(['pending', 'approved', 'rejected']),
      reason: orNull(text),
      reviewedBy: orNull(party),
      reviewedAt: orNull(time),
    }),
  ),
  attachments: { type: 'array', items: attachment },
  scheduledAt: orNull(time),
  sentAt: orNull(time),
  deliveredAt: orNull(time),
  readAt: orNull(time),
  failedReason: orNull(text),
  outcome: orNull(oneOf(['unknown'])),
  deletedAt: orNull(time),
  timestamp: time,
  createdAt: time,
};
export const message = object(messageFields);

export const messageDetails = object({
  ...messageFields,
  channelType: oneOf(CHANNEL_TYPES),
  from: orNull(text),
  to: orNull(text),
  statusHistory: { type: 'array', items: object({ status: oneOf(MESSAGE_STATUSES), timestamp: time }) },
});

export const messageDeleted = object({ id: id('msg'), deleted: { type: 'boolean', const: true }, deletedAt: time });
export const messagesRead = object({ markedCount: integer, conversationId: id('conv') });

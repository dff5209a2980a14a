import { METRICS } from '@hub/assignment/service-levels/service-levels.types.js';
import { API_KEY_KINDS } from '@hub/model/api-key.entity.js';
import { MEDIA_KINDS } from '@hub/model/attachment.entity.js';
import { CHANNEL_TYPES } from '@hub/model/channel.entity.js';
import { USER_ROLES, USER_STATUSES } from '@hub/model/user.entity.js';
import type { Schema } from '@hub/platform/dto.js';
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
  resource,
  party,
  changes,
  number,
  times,
} from './v1.schemas.common.js';
import {
  conversation,
  conversationCounts,
  mediaFields,
  mediaLink,
  message,
  messageBrief,
  messageDeleted,
  messageDetails,
  messagesRead,
  participant,
  ticket,
  timelineEvent,
} from './v1.schemas.messaging.js';
import { assignment, explanation, offer } from './v1.schemas.routing.js';
import {
  capacity,
  namedTeams,
  presence,
  queue,
  queuedConversation,
  skills,
  team,
  teamMember,
} from './v1.schemas.assignment.js';
import { automationRule, routingRule, ruleLog } from './v1.schemas.rules.js';
import { serviceLevel, serviceLevelTimer } from './v1.schemas.service-levels.js';
import { channel, channelStats, channelTest } from './v1.schemas.channels.js';
import { webhookSchemas } from './v1.schemas.webhooks.js';
import { V1_CODES } from './v1.codes.js';
import { contentSchema } from './v1.content.js';

const contact = object({
  number,
  name: orNull(text),
  email: orNull(text),
  phone: orNull(text),
  avatar: orNull(text),
  externalId: orNull(text),
  metadata: json,
  tags: texts,
  identifiers: {
    type: 'array',
    items: object({ channelType: text, channelId: id('ch'), identifier: text, displayName: orNull(text) }),
  },
  lastSeenAt: orNull(time),
  conversationCount: { ...integer, description: 'Exact below 10,000, which stands for that many or more' },
  ...times,
});

const userFields: Record<string, Schema> = {
  number,
  email: text,
  name: text,
  role: oneOf(USER_ROLES),
  status: oneOf(USER_STATUSES),
  avatar: orNull(text),
  metadata: json,
  skills,
  capacity,
  ...times,
};

const organization = object({ id: id('org'), name: text, role: oneOf(USER_ROLES), number }, ['role']);
const apiKey = object(
  {
    name: text,
    kind: oneOf(API_KEY_KINDS),
    prefix: text,
    permissions: texts,
    key: { type: 'string', pattern: '^sk_', description: 'Shown this once' },
    expiresAt: orNull(time),
    lastUsedAt: orNull(time),
    createdAt: time,
  },
  ['key'],
);
const tokens = {
  accessToken: text,
  refreshToken: text,
  expiresIn: integer,
  tokenType: { type: 'string', const: 'Bearer' },
};

const bot = object({
  number,
  name: text,
  description: orNull(text),
  status: oneOf(['inactive', 'active', 'error']),
  provider: text,
  model: orNull(text),
  config: json,
  channels: { type: 'array', items: object({ id: id('ch'), name: text, type: oneOf(CHANNEL_TYPES) }) },
  ...times,
});

const auditEntry = object({
  at: time,
  action: text,
  actor: party,
  subject: object({ type: text, id: text }),
  changes: orNull(changes),
  requestId: orNull(text),
  address: orNull(text),
  userAgent: orNull(text),
});

const meta: Record<string, Schema> = { requestId: text, setupInstructions: text };
const pagination = object({
  page: integer,
  perPage: integer,
  totalPages: integer,
  totalCount: integer,
  hasNextPage: flag,
  hasPrevPage: flag,
});

/** What the native API answers with, by the names that its operations use. */
export const V1_SCHEMAS: Readonly<Record<string, Schema>> = {
  Meta: object(meta, ['setupInstructions']),
  PageMeta: object({ requestId: text, pagination }),
  CursorMeta: object({ requestId: text, cursor: object({ next: orNull(text), hasMore: flag }) }),
  Error: object({
    error: object(
      {
        code: oneOf(Object.keys(V1_CODES)),
        message: text,
        details: { type: 'array', items: object({ field: text, message: text }) },
        assignee: object({ id: text, type: oneOf(['user', 'bot']), name: text }),
        retryAfter: integer,
      },
      ['details', 'assignee', 'retryAfter'],
    ),
    meta: object({ requestId: text }),
  }),
  MessageContent: contentSchema,
  Conversation: resource(
    'conversation',
    id('conv'),
    conversation,
    object({ messages: { type: 'array', items: messageBrief } }),
  ),
  Message: resource('message', id('msg'), message),
  MessageDetails: resource('message', id('msg'), messageDetails),
  MessageDeleted: messageDeleted,
  MessagesRead: messagesRead,
  Media: resource('media', id('media'), object({ ...mediaFields, ...mediaLink })),
  MediaUpload: object({
    id: id('media'),
    type: oneOf(MEDIA_KINDS),
    url: text,
    mimeType: text,
    size: integer,
    expiresAt: time,
    name: text,
    width: orNull(integer),
    height: orNull(integer),
  }),
  Ticket: resource('ticket', id('ticket'), ticket),
  Participant: object({ id: text, type: oneOf(['contact', 'user', 'bot']), attributes: participant }),
  ConversationCounts: conversationCounts,
  Assignment: resource('assignment', id('assignment'), assignment),
  Offer: resource('offer', id('offer'), offer),
  Explanation: explanation,
  TimelineEvent: resource('event', id('evt'), timelineEvent),
  Contact: resource('contact', id('contact'), contact),
  Channel: resource('channel', id('ch'), channel),
  ChannelTest: channelTest,
  ChannelStats: channelStats,
  User: resource('user', id('user'), object({ ...userFields, teams: namedTeams })),
  Team: resource('team', id('team'), team),
  TeamMember: resource('team_member', id('user'), teamMember),
  Presence: resource('presence', id('user'), presence),
  Queue: resource('queue', id('queue'), queue),
  RoutingRule: resource('routing_rule', id('rule'), routingRule),
  AutomationRule: resource('automation_rule', id('rule'), automationRule),
  ServiceLevel: resource('service_level', id('sla'), serviceLevel),
  ServiceLevelTimer: resource('service_level_timer', oneOf(METRICS), serviceLevelTimer),
  RuleLog: resource('rule_log', id('log'), ruleLog),
  QueuedConversation: resource('queued_conversation', id('conv'), queuedConversation),
  Account: resource('user', id('user'), object(userFields), object({ organization })),
  AccountMeta: object({ requestId: text, ...tokens }),
  Me: {
    anyOf: [ref('Account'), resource('api_key', id('key'), apiKey, object({ organization }))],
  },
  Tokens: object(tokens),
  Told: object({ message: text }),
  ApiKey: resource('api_key', id('key'), apiKey),
  ContactToken: object({ token: text, expiresAt: time }),
  Bot: resource('bot', id('bot'), bot),
  AuditEntry: resource('audit_entry', id('audit'), auditEntry),
  ...webhookSchemas,
};

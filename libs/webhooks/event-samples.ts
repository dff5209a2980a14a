import { EVENT_TYPES, type EventSnapshots, type EventType } from '@hub/events/catalog.js';
import type { Author, Changes, DomainEvent } from '@hub/events/outbox.js';
import {
  PLAIN_MESSAGE,
  type BotView,
  type ChannelView,
  type ContactView,
  type ConversationView,
  type EndpointView,
  type MessageView,
  type OfferView,
  type ServiceLevelAlarmView,
  type TicketView,
} from '@hub/model/views.js';

/* An invented conversation, the same in every example: nobody's data, and no record that exists. */
const AT = new Date('2026-01-31T12:00:00.000Z');
const id = (n: number): string => `01900000-0000-7000-8000-00000000000${n}`;
const organizationId = id(0);
const channel = { id: id(1), type: 'api', name: 'Example channel' } as const;
const person = {
  id: id(2),
  name: 'Ada Example',
  phone: '+4915112345678',
  email: 'ada@example.com',
  avatar: null,
};
const agent = { id: id(3), type: 'user', name: 'Sam Example' } as const;
const content = { type: 'text', text: 'Hello, this is an example.' } as const;

const conversation: ConversationView = {
  organizationId,
  id: id(4),
  number: 1,
  subject: 'An example',
  status: 'open',
  priority: 'normal',
  channel: { ...channel, number: 1 },
  contact: { ...person, number: 1, metadata: {} },
  assignee: { ...agent, number: 3 },
  assignedAt: AT,
  assignedBy: agent,
  bot: null,
  ticketId: null,
  entity: null,
  lastMessage: { id: id(5), content, direction: 'inbound', timestamp: AT },
  unreadCount: 1,
  messageCount: 1,
  firstMessageAt: AT,
  lastMessageAt: AT,
  snoozedUntil: null,
  closedAt: null,
  closedBy: null,
  resolution: null,
  closureReason: null,
  archivedAt: null,
  reopenedAt: null,
  reopenedBy: null,
  tags: ['example'],
  metadata: {},
  version: 1,
  createdAt: AT,
  updatedAt: AT,
};

const message: MessageView = {
  ...PLAIN_MESSAGE,
  organizationId,
  id: id(5),
  number: 1,
  conversationId: conversation.id,
  channelId: channel.id,
  seq: 1,
  direction: 'inbound',
  content,
  status: 'delivered',
  sender: { type: 'contact', id: person.id, name: person.name },
  externalId: 'example-1',
  clientMessageId: null,
  metadata: {},
  readByStaff: false,
  occurredAt: AT,
  createdAt: AT,
};

const contact: ContactView = {
  organizationId,
  ...person,
  number: 1,
  externalId: 'ada-1',
  metadata: {},
  tags: [],
  identifiers: [{ channelType: 'api', channelId: channel.id, identifier: 'ada-1', displayName: person.name }],
  lastSeenAt: AT,
  conversationCount: 1,
  createdAt: AT,
  updatedAt: AT,
};

const channelView: ChannelView = {
  organizationId,
  ...channel,
  number: 1,
  status: 'active',
  config: {},
  defaultBot: null,
  reopenWindowSeconds: 86_400,
  stats: { messagesLast24h: 1, lastMessageAt: AT },
  health: { status: 'healthy', lastFailure: null },
  metadata: {},
  createdAt: AT,
  updatedAt: AT,
};

const bot: BotView = {
  organizationId,
  id: id(6),
  number: 2,
  name: 'Example bot',
  description: null,
  status: 'active',
  provider: 'custom',
  model: null,
  config: {},
  channels: [channel],
  createdAt: AT,
  updatedAt: AT,
};

const ticket: TicketView = {
  organizationId,
  id: id(8),
  number: 1,
  subject: 'An example',
  status: 'open',
  priority: 'normal',
  contact: { id: person.id, number: contact.number, name: person.name },
  staff: { id: agent.id, number: 3, name: agent.name },
  metadata: {},
  closedAt: null,
  createdAt: AT,
  updatedAt: AT,
};

const outbound: MessageView = {
  ...message,
  direction: 'outbound',
  status: 'sent',
  sender: agent,
  externalId: null,
  sentAt: AT,
  readByStaff: true,
};
const draft: MessageView = {
  ...outbound,
  status: 'pending',
  sentAt: null,
  draft: { state: 'pending', reason: null, reviewedBy: null, reviewedAt: null },
};
const reviewed = { reason: null, reviewedBy: agent, reviewedAt: AT.toISOString() };

const closed: ConversationView = {
  ...conversation,
  status: 'closed',
  closedAt: AT,
  closedBy: agent,
  resolution: 'resolved',
  closureReason: 'Answered',
};
const unassigned: ConversationView = { ...conversation, assignee: null, assignedAt: null, assignedBy: null };

const endpoint: EndpointView = {
  organizationId,
  id: id(8),
  url: 'https://example.com/hooks',
  status: 'active',
  disabledReason: null,
  disableAt: new Date('2026-02-05T12:00:00.000Z'),
  failingSince: AT,
  consecutiveFailures: 12,
  lastSuccessAt: AT,
};

const offer: OfferView = {
  organizationId,
  id: id(9),
  kind: 'queue',
  state: 'open',
  user: { id: agent.id, name: agent.name },
  conversation: {
    id: conversation.id,
    subject: conversation.subject,
    priority: conversation.priority,
    channel,
    contact: { id: person.id, name: person.name },
  },
  queue: { id: id(8), name: 'Example queue' },
  reason: null,
  transfer: null,
  expiresAt: new Date('2026-01-31T12:00:30.000Z'),
  createdAt: AT,
  decidedAt: null,
};

const alarm: ServiceLevelAlarmView = {
  ...conversation,
  serviceLevel: {
    id: id(7),
    name: 'Example level',
    metric: 'first_response',
    dueAt: new Date('2026-01-31T12:05:00.000Z'),
    warnedAt: AT,
    breachedAt: null,
  },
};
const breach = { ...alarm.serviceLevel, breachedAt: alarm.serviceLevel.dueAt };

const SPECIAL: { readonly [T in EventType]?: EventSnapshots[T] } = {
  'conversation.created': unassigned,
  'conversation.unassigned': unassigned,
  'conversation.closed': closed,
  'conversation.snoozed': {
    ...conversation,
    status: 'snoozed',
    snoozedUntil: new Date('2026-02-01T08:00:00.000Z'),
  },
  'message.sent': outbound,
  'message.delivered': { ...outbound, status: 'delivered', deliveredAt: AT },
  'message.read': { ...outbound, status: 'read', deliveredAt: AT, readAt: AT },
  'message.failed': { ...outbound, status: 'failed', sentAt: null, failedAt: AT, failedReason: 'Unknown number' },
  'message.deleted': { ...outbound, content: { type: 'deleted' }, deletedAt: AT },
  'message.draft.submitted': draft,
  'message.draft.approved': { ...draft, draft: { ...reviewed, state: 'approved' } },
  'message.draft.rejected': { ...draft, draft: { ...reviewed, state: 'rejected', reason: 'Too harsh' } },
  'channel.deactivated': {
    ...channelView,
    status: 'inactive',
    health: { status: 'inactive', lastFailure: null },
  },
  'bot.deactivated': { ...bot, status: 'inactive' },
  'webhook.endpoint.disabled': { ...endpoint, status: 'disabled', disabledReason: 'failing', disableAt: null },
  'assignment.accepted': { ...offer, state: 'accepted', decidedAt: AT },
  'assignment.declined': { ...offer, state: 'declined', reason: 'In a call', decidedAt: AT },
  'assignment.expired': { ...offer, state: 'expired', decidedAt: AT },
  'sla.breached': { ...alarm, serviceLevel: breach },
  'test.ping': { id: id(7), message: 'This is a test.' },
};
const USUAL: Readonly<Record<string, EventSnapshots[EventType]>> = {
  conversation,
  message,
  contact,
  channel: channelView,
  bot,
  ticket,
  assignment: offer,
  sla: alarm,
  webhook: endpoint,
};

const CHANGES: { readonly [T in EventType]?: Changes } = {
  'conversation.updated': { priority: { before: 'low', after: 'normal' } },
  'conversation.closed': { status: { before: 'open', after: 'closed' } },
  'conversation.reopened': { status: { before: 'closed', after: 'open' } },
  'conversation.snoozed': { status: { before: 'open', after: 'snoozed' } },
  'contact.merged': { mergedContacts: { before: [], after: [id(9)] }, email: { before: null, after: contact.email } },
  'ticket.updated': { status: { before: 'pending', after: 'open' } },
};

export const isEmitted = (type: string): type is EventType => (EVENT_TYPES as readonly string[]).includes(type);

/** An event of each type as it could happen, for tests and for the catalogue's examples. */
export function sampleEvent(type: EventType, author: Author): DomainEvent {
  const group = type.split('.')[0] ?? '';
  const subject = SPECIAL[type] ?? USUAL[group];
  if (!subject) throw new Error(`There is no example of ${type}`);
  const changes = CHANGES[type];
  return {
    type,
    author,
    conversationId: ['conversation', 'message', 'assignment'].includes(group) ? conversation.id : null,
    channelId: null,
    subject,
    ...(changes && { changes }),
  };
}

import type {
  BotView,
  ChannelView,
  ContactView,
  ConversationView,
  EndpointView,
  MessageView,
  OfferView,
  ServiceLevelAlarmView,
  TicketView,
} from '@hub/model/views.js';

/** Every event this version emits, and the view of its subject that it carries. */
export interface EventSnapshots {
  'conversation.created': ConversationView;
  'conversation.updated': ConversationView;
  'conversation.assigned': ConversationView;
  'conversation.unassigned': ConversationView;
  'conversation.transferred': ConversationView;
  'conversation.closed': ConversationView;
  'conversation.reopened': ConversationView;
  'conversation.snoozed': ConversationView;
  'message.received': MessageView;
  'message.sent': MessageView;
  'message.delivered': MessageView;
  'message.read': MessageView;
  'message.failed': MessageView;
  'message.deleted': MessageView;
  'message.draft.submitted': MessageView;
  'message.draft.approved': MessageView;
  'message.draft.rejected': MessageView;
  'contact.created': ContactView;
  'contact.updated': ContactView;
  'contact.merged': ContactView;
  'ticket.created': TicketView;
  'ticket.updated': TicketView;
  'channel.created': ChannelView;
  'channel.updated': ChannelView;
  'channel.activated': ChannelView;
  'channel.deactivated': ChannelView;
  'channel.deleted': ChannelView;
  'bot.created': BotView;
  'bot.updated': BotView;
  'bot.activated': BotView;
  'bot.deactivated': BotView;
  'assignment.offered': OfferView;
  'assignment.accepted': OfferView;
  'assignment.declined': OfferView;
  'assignment.expired': OfferView;
  'sla.warning': ServiceLevelAlarmView;
  'sla.breached': ServiceLevelAlarmView;
  'webhook.endpoint.failing': EndpointView;
  'webhook.endpoint.disabled': EndpointView;
  'test.ping': { readonly id: string; readonly message: string };
}

export type EventType = keyof EventSnapshots;

const CATALOG: Record<EventType, string> = {
  'conversation.created': 'A conversation was opened.',
  'conversation.updated':
    'Subject, status, priority, tags, metadata, contact, participants, ticket, entity, queue, read state or a private note changed.',
  'conversation.assigned': 'A user or bot was made the assignee.',
  'conversation.unassigned': 'The conversation has no assignee any more.',
  'conversation.transferred': 'It went to another assignee or queue, with reason and summary.',
  'conversation.closed': 'It was closed.',
  'conversation.reopened': 'A closed or snoozed conversation is open again.',
  'conversation.snoozed': 'It is hidden until a given time.',
  'message.received': 'A contact wrote.',
  'message.sent': 'A message went out to the contact.',
  'message.delivered': "It has reached the contact's device.",
  'message.read': 'The contact has read it.',
  'message.failed': 'It could not be delivered.',
  'message.deleted': 'Its content was removed.',
  'message.draft.submitted': 'A draft waits for the approval of a supervisor.',
  'message.draft.approved': 'A draft was approved; it is sent now, or at its time.',
  'message.draft.rejected': 'A draft was rejected, with the reason.',
  'contact.created': 'A contact became known.',
  'contact.updated': "A contact's data changed.",
  'contact.merged': 'Other contacts have become part of this one.',
  'ticket.created': 'A ticket was opened.',
  'ticket.updated': 'Subject, status, priority, staff or metadata of a ticket changed.',
  'channel.created': 'A channel was added.',
  'channel.updated': "A channel's settings changed.",
  'channel.activated': 'A channel can send.',
  'channel.deactivated': 'A channel stopped sending.',
  'channel.deleted': 'A channel was removed.',
  'bot.created': 'A bot was added.',
  'bot.updated': "A bot's settings changed.",
  'bot.activated': 'A bot answers.',
  'bot.deactivated': 'A bot stopped answering.',
  'assignment.offered': 'A conversation was offered to a user, who may accept it until `expiresAt`.',
  'assignment.accepted': 'The user has accepted the offer and has the conversation.',
  'assignment.declined': 'The user has declined the offer: the next one is asked, or it stays where it is.',
  'assignment.expired': 'The offer was left unanswered: the next one is asked, or it stays where it is.',
  'sla.warning': 'A response or resolution that a service level promises is soon overdue.',
  'sla.breached': 'A response or resolution that a service level promises is overdue.',
  'webhook.endpoint.failing':
    'A webhook has been answering with nothing but failures for 1, 24 or 72 hours; `disableAt` is when it will be disabled.',
  'webhook.endpoint.disabled': 'A webhook was disabled: it answered 410, asked for it, or failed for five days.',
  'test.ping': 'Sent on request, to try an endpoint.',
};

export const EVENT_TYPES = Object.keys(CATALOG) as EventType[];

export const describeEvent = (type: EventType): string => CATALOG[type];

/** Named by the contract and open to subscription, though this version has nothing yet that raises them. */
export const RESERVED_EVENTS: Readonly<Record<string, string>> = {
  'channel.error': 'A channel has lost its provider.',
  'bot.handoff': 'A bot has handed a conversation over.',
  'bot.training.started': 'The training of a bot has begun.',
  'bot.training.completed': 'The training of a bot is done.',
  'bot.training.failed': 'The training of a bot has failed.',
};

const SUBSCRIBABLE = new Set<string>([...EVENT_TYPES, ...Object.keys(RESERVED_EVENTS)]);
const GROUPS = new Set([...SUBSCRIBABLE].flatMap((name) => prefixes(name)));

/** Whether `pattern` is an event's exact name, a group such as `conversation.*`, or `*`. */
export const isEventPattern = (pattern: string): boolean =>
  pattern === '*' || SUBSCRIBABLE.has(pattern) || (pattern.endsWith('.*') && GROUPS.has(pattern.slice(0, -2)));

function prefixes(name: string): string[] {
  const parts = name.split('.');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('.'));
}

import type { ContactHint } from '@hub/contacts/contacts.types.js';
import { toE164 } from '@hub/contacts/phone.js';
import type { ListConversations } from '@hub/conversations/conversations.queries.js';
import type { ConversationCommand, UpdateConversation } from '@hub/conversations/conversations.types.js';
import type { ParticipantView } from '@hub/conversations/participants.js';
import type { OpenAssigned } from '@hub/assignment/assignment.types.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import type { ConversationView, MessageView } from '@hub/model/views.js';
import { toDate } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type {
  ContactDetails,
  CreateConversationBody,
  ListConversationsQuery,
  UpdateConversationBody,
} from './conversation.dto.js';
import type { Resource } from './v1.envelope.js';
import { filterId, idOf, partyId, targetOf } from './v1.ids.js';

const party = (ref: PartyRef | null): object | null => ref && { id: partyId(ref), type: ref.type, name: ref.name };

/** A conversation as lists, events and answers show it; `detail` adds the contact's own metadata. */
export function conversationResource(view: ConversationView, detail = true): Resource {
  const { channel, contact, assignee, bot, lastMessage } = view;
  return {
    id: encodeId('conv', view.id),
    type: 'conversation',
    attributes: {
      number: view.number,
      status: view.status,
      subject: view.subject,
      priority: view.priority,
      channel: { id: encodeId('ch', channel.id), type: channel.type, name: channel.name },
      contact: contact && {
        id: encodeId('contact', contact.id),
        name: contact.name,
        phone: contact.phone,
        email: contact.email,
        avatar: contact.avatar,
        ...(detail && { metadata: contact.metadata }),
      },
      assignee: assignee && { id: encodeId(assignee.type, assignee.id), type: assignee.type, name: assignee.name },
      assignedAt: view.assignedAt,
      assignedBy: party(view.assignedBy),
      bot: bot && { id: encodeId('bot', bot.id), name: bot.name, active: bot.active },
      lastMessage: lastMessage && {
        id: encodeId('msg', lastMessage.id),
        content: lastMessage.content,
        direction: lastMessage.direction,
        timestamp: lastMessage.timestamp,
      },
      unreadCount: view.unreadCount,
      messageCount: view.messageCount,
      firstMessageAt: view.firstMessageAt,
      lastMessageAt: view.lastMessageAt,
      snoozedUntil: view.snoozedUntil,
      closedAt: view.closedAt,
      closedBy: party(view.closedBy),
      resolution: view.resolution,
      closureReason: view.closureReason,
      archivedAt: view.archivedAt,
      ticketId: view.ticketId && encodeId('ticket', view.ticketId),
      entity: view.entity,
      reopenedAt: view.reopenedAt,
      reopenedBy: party(view.reopenedBy),
      metadata: view.metadata,
      tags: view.tags,
      version: view.version,
      createdAt: view.createdAt,
      updatedAt: view.updatedAt,
    },
  };
}

/** As the contact itself may see it: without what the staff keeps to itself. */
export function forContact({ attributes, ...resource }: Resource): Resource {
  const hidden = { metadata: {}, tags: [], closureReason: null, unreadCount: 0, entity: null, ...NOBODY };
  const { metadata: _, ...contact } = (attributes['contact'] ?? {}) as Record<string, unknown>;
  return { ...resource, attributes: { ...attributes, ...hidden, contact } };
}

const NOBODY = { assignedBy: null, closedBy: null, reopenedBy: null, archivedAt: null };

/** With the latest messages, oldest first. */
export const withMessages = (resource: Resource, messages: readonly MessageView[]): Resource => ({
  ...resource,
  relationships: {
    messages: messages.map(({ id, direction, content, occurredAt }) => ({
      id: encodeId('msg', id),
      direction,
      content,
      timestamp: occurredAt,
    })),
  },
});

export const participantResource = (view: ParticipantView): Resource => ({
  id: encodeId(view.kind, view.id),
  type: view.kind,
  attributes: {
    name: view.name,
    ...(view.phone && { phone: view.phone }),
    ...(view.email && { email: view.email }),
    role: view.role,
    joinedAt: view.joinedAt,
    ...(view.leftAt && { leftAt: view.leftAt }),
  },
});

export function toListCommand(query: ListConversationsQuery): ListConversations {
  const { page, perPage, sortBy, sortOrder, status, channelType, search, startDate, endDate } = query;
  const { entityType, entityId, archived, tags } = query;
  if (entityId && !entityType) throw ValidationError.of('entityType', 'entityType goes with entityId');
  return {
    page,
    perPage,
    sortBy,
    sortOrder,
    ...(status && { status }),
    ...(channelType && { channelType }),
    ...(search && { search }),
    ...(entityType && { entityType }),
    ...(entityId && { entityId }),
    ...(archived !== undefined && { archived }),
    ...(tags && { tags }),
    ...(query.ticketId && { ticketId: filterId(['ticket'], query.ticketId, 'ticketId') }),
    ...(query.channelId && { channelId: filterId(['ch'], query.channelId, 'channelId') }),
    ...(query.assigneeId && { assigneeId: filterId(['user', 'bot'], query.assigneeId, 'assigneeId') }),
    ...(query.contactId && { contactId: filterId(['contact'], query.contactId, 'contactId') }),
    ...(query.botId && { botId: filterId(['bot'], query.botId, 'botId') }),
    ...(startDate && { startDate: toDate(startDate) }),
    ...(endDate && { endDate: lastInstant(endDate) }),
  };
}

/** The end of a span: a date means its last instant. */
export const lastInstant = (text: string): Date =>
  toDate(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59.999Z` : text);

export function toOpenCommand(body: CreateConversationBody): OpenAssigned {
  return {
    channelId: idOf('ch', body.channelId, 'channelId'),
    contact: body.contactId ? { id: idOf('contact', body.contactId, 'contactId') } : toHint(body.contact),
    ticketId: body.ticketId ? idOf('ticket', body.ticketId, 'ticketId') : null,
    entity: body.entity ?? null,
    userIds: (body.userIds ?? []).map((id) => idOf('user', id, 'userIds')),
    onExisting: body.onExisting,
    assignee: body.assigneeId ? targetOf(body.assigneeId, 'assigneeId') : null,
    botId: body.botId ? idOf('bot', body.botId, 'botId') : null,
    subject: body.subject ?? null,
    priority: body.priority,
    metadata: body.metadata ?? {},
    tags: body.tags ?? [],
  };
}

export function toUpdateCommand(body: UpdateConversationBody): Omit<UpdateConversation, keyof ConversationCommand> {
  const { snoozedUntil, ticketId, expectedVersion: _, ...fields } = body;
  return {
    ...fields,
    ...(snoozedUntil && { snoozedUntil: toDate(snoozedUntil) }),
    ...(ticketId !== undefined && { ticketId: ticketId === null ? null : idOf('ticket', ticketId, 'ticketId') }),
  };
}

/** The conversation in the address and the version the caller has seen: in the body, or as `If-Match: "3"`. */
export function toCommand(
  id: string,
  body: { expectedVersion?: number },
  ifMatch: string | undefined,
): ConversationCommand {
  const conversationId = idOf('conv', id);
  if (body.expectedVersion !== undefined) return { conversationId, expectedVersion: body.expectedVersion };
  if (ifMatch === undefined || ifMatch.trim() === '*') return { conversationId };
  const version = /^(?:W\/)?"?(\d{1,9})"?$/.exec(ifMatch.trim())?.[1];
  if (!version) throw ValidationError.of('If-Match', 'If-Match must be a version, such as "3"');
  return { conversationId, expectedVersion: Number(version) };
}

function toHint(contact: ContactDetails | undefined): ContactHint | null {
  if (!contact) return null; // the internal channel needs none
  if (!contact.phone && !contact.email) {
    throw new ValidationError([
      { field: 'contact.phone', message: 'phone or email is required' },
      { field: 'contact.email', message: 'phone or email is required' },
    ]);
  }
  return {
    name: contact.name ?? null,
    email: contact.email ?? null,
    phone: phoneOf(contact.phone, 'contact.phone'),
    identity: null,
  };
}

/** @throws ValidationError naming `field` unless the text is an international phone number */
export function phoneOf(text: string | undefined, field: string): string | null {
  if (text === undefined) return null;
  const phone = toE164(text);
  if (!phone) throw ValidationError.of(field, `${field} must be a phone number in E.164, such as +5511999999999`);
  return phone;
}

/** Filters that would tell a contact what the staff keeps to itself. @throws ValidationError naming one of them */
export function refuseStaffFilters(query: ListConversationsQuery): void {
  const field = (['search', 'tags', 'entityType', 'entityId', 'archived'] as const).find(
    (name) => query[name] !== undefined,
  );
  if (field) throw ValidationError.of(field, `${field} is not for contacts: it tells what only the staff may see`);
}

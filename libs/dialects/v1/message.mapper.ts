import type { FileElsewhere, NewAttachment } from '@hub/conversations/attachments.js';
import type { SearchMessages } from '@hub/conversations/message-filter.js';
import { statusHistory } from '@hub/conversations/message-status.js';
import type { MessageDetail } from '@hub/conversations/messages.queries.js';
import type { NewPost, ReceiveMessage, SendMessage } from '@hub/conversations/messages.types.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import type { Recipients } from '@hub/model/message.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { AttachmentView, MessageView } from '@hub/model/views.js';
import { toDate } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import { lastInstant, phoneOf } from './conversation.mapper.js';
import type {
  InboundAttachment,
  InboundMessageBody,
  PostMessageBody,
  RecipientsBody,
  SearchMessagesQuery,
  SendMessageBody,
} from './message.dto.js';
import { parseContent } from './v1.content.js';
import type { Resource } from './v1.envelope.js';
import { filterId, idOf, partyId } from './v1.ids.js';

const party = (ref: PartyRef): object => ({ type: ref.type, id: partyId(ref), name: ref.name });

const attachment = ({ id, stored: _, ...view }: AttachmentView): object => ({ id: encodeId('media', id), ...view });

export const messageResource = (view: MessageView): Resource => ({
  id: encodeId('msg', view.id),
  type: 'message',
  attributes: {
    number: view.number,
    conversationId: encodeId('conv', view.conversationId),
    channelId: encodeId('ch', view.channelId),
    direction: view.direction,
    private: view.direction === 'internal',
    content: view.content,
    status: view.status,
    sender: party(view.sender),
    externalId: view.externalId,
    clientMessageId: view.clientMessageId,
    metadata: view.metadata,
    recipients: view.recipients,
    draft: view.draft && { ...view.draft, reviewedBy: view.draft.reviewedBy && party(view.draft.reviewedBy) },
    attachments: view.attachments.map(attachment),
    scheduledAt: view.scheduledAt,
    sentAt: view.sentAt,
    deliveredAt: view.deliveredAt,
    readAt: view.readAt,
    failedReason: view.failedReason,
    outcome: view.outcomeUnknown ? 'unknown' : null,
    deletedAt: view.deletedAt,
    timestamp: view.occurredAt,
    createdAt: view.createdAt,
  },
});

/** With both ends of its way and what has become of it. */
export function messageDetails(view: MessageDetail): Resource {
  const { attributes, ...resource } = messageResource(view);
  const { channelType, from, to } = view;
  const history =
    view.direction === 'outbound' ? statusHistory(view) : [{ status: view.status, timestamp: view.createdAt }];
  return { ...resource, attributes: { ...attributes, channelType, from, to, statusHistory: history } };
}

/** As the contact itself may see it: without what the staff keeps to itself. */
export const messageForContact = (view: MessageView): Resource =>
  messageResource({
    ...view,
    metadata: {},
    draft: null,
    scheduledAt: null,
    recipients: view.recipients && { ...view.recipients, bcc: [] },
    attachments: view.attachments.map((file) => ({ ...file, extractedData: null, extractionData: null })),
  });

/** What is to be sent, wherever. @throws ValidationError or NotFoundError naming the field */
export const toPost = (body: PostMessageBody | SendMessageBody): NewPost => ({
  content: parseContent(body.content),
  clientMessageId: body.clientMessageId ?? null,
  metadata: body.metadata ?? {},
  recipients: toRecipients(body.recipients),
  attachments: [...new Set(body.attachments ?? [])].map((id, n) => idOf('media', id, `attachments.${n}`)),
  draft: body.draft,
  scheduledAt: body.scheduledAt === undefined ? null : toDate(body.scheduledAt),
});

type Target = { conversationId: string; channelId?: string } | Pick<SendMessage, 'channelId' | 'to'>;

/** @throws ValidationError naming what is missing or too much */
export function toSendTarget({ conversationId, channelId, to }: SendMessageBody): Target {
  const channel = channelId === undefined ? undefined : idOf('ch', channelId, 'channelId');
  if (conversationId !== undefined) {
    if (to) throw ValidationError.of('to', 'to goes with channelId; a conversation has its contact');
    return { conversationId: idOf('conv', conversationId, 'conversationId'), ...(channel && { channelId: channel }) };
  }
  if (!channel) throw ValidationError.of('channelId', 'channelId and to, or conversationId, are required');
  if (!to) throw ValidationError.of('to', 'to is required');
  const { contactId, ...address } = to;
  return {
    channelId: channel,
    to: contactId === undefined ? address : { contactId: idOf('contact', contactId, 'to.contactId') },
  };
}

export function toSearchCommand(query: SearchMessagesQuery): SearchMessages {
  const { conversationId, channelId, startDate, endDate, limit, ...plain } = query;
  const { cursor, direction, status, contentType, draft, search } = plain;
  return {
    limit,
    ...(cursor && { cursor }),
    ...(direction && { direction }),
    ...(status && { status }),
    ...(contentType && { contentType }),
    ...(draft && { draft }),
    ...(search && { search }),
    ...(conversationId && { conversationId: filterId(['conv'], conversationId, 'conversationId') }),
    ...(channelId && { channelId: filterId(['ch'], channelId, 'channelId') }),
    ...(startDate && { startDate: toDate(startDate) }),
    ...(endDate && { endDate: lastInstant(endDate) }),
  };
}

const toRecipients = (body: RecipientsBody | undefined): Recipients | null =>
  body ? { to: body.to ?? [], cc: body.cc ?? [], bcc: body.bcc ?? [] } : null;

export const toReceiveCommand = (channelId: string, body: InboundMessageBody): ReceiveMessage => ({
  channelId,
  externalId: body.externalId,
  contact: {
    name: body.contact.name ?? null,
    email: body.contact.email ?? null,
    phone: phoneOf(body.contact.phone, 'contact.phone'),
    identity: { channelId, channelType: 'api', identifier: body.contact.externalId },
  },
  content: parseContent(body.content),
  occurredAt: occurredAtOf(body.occurredAt, 'occurredAt'),
  metadata: body.metadata ?? {},
  recipients: toRecipients(body.recipients),
  attachments: (body.attachments ?? []).map(toAttachment),
  raw: rawOf(body.raw),
});

function toAttachment({ id, url, name, contentType, size }: InboundAttachment, n: number): NewAttachment {
  const field = `attachments.${n}`;
  if (id !== undefined) return idOf('media', id, field);
  const missing = Object.entries({ url, name, contentType }).filter(([, value]) => value === undefined);
  if (missing.length > 0) {
    throw new ValidationError(
      missing.map(([what]) => ({ field: `${field}.${what}`, message: `${what} is required where there is no id` })),
    );
  }
  return { url, name, contentType, size: size ?? null } as FileElsewhere;
}

const MAX_RAW_BYTES = 262_144;

function rawOf(raw: JsonObject | undefined): JsonObject | null {
  if (raw === undefined) return null;
  if (Buffer.byteLength(JSON.stringify(raw)) > MAX_RAW_BYTES) {
    throw ValidationError.of('raw', 'raw must not be larger than 256 KiB');
  }
  return raw;
}

/** Clocks differ; a message from tomorrow is a mistake that would hold the conversation's last place for good. */
const CLOCK_LEEWAY_MS = 300_000;

/** When something has happened: now unless told. @throws ValidationError naming `field` when it lies ahead */
export function occurredAtOf(text: string | undefined, field: string): Date {
  if (text === undefined) return new Date();
  const time = toDate(text);
  if (time.getTime() > Date.now() + CLOCK_LEEWAY_MS) {
    throw ValidationError.of(field, `${field} must not lie in the future`);
  }
  return time;
}

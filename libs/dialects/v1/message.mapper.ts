import type { ReceiveMessage } from '@hub/conversations/messages.types.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import type { AttachmentView, MessageView } from '@hub/model/views.js';
import { toDate } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import { phoneOf } from './conversation.mapper.js';
import type { InboundMessageBody } from './message.dto.js';
import { parseContent } from './v1.content.js';
import type { Resource } from './v1.envelope.js';
import { partyId } from './v1.ids.js';

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

/** As the contact itself may see it. */
export const messageForContact = (view: MessageView): Resource => messageResource({ ...view, metadata: {} });

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
  occurredAt: occurredAtOf(body.occurredAt),
  metadata: body.metadata ?? {},
});

/** Clocks differ; a message from tomorrow is a mistake that would hold the conversation's last place for good. */
const CLOCK_LEEWAY_MS = 300_000;

function occurredAtOf(text: string | undefined): Date {
  if (text === undefined) return new Date();
  const time = toDate(text);
  if (time.getTime() > Date.now() + CLOCK_LEEWAY_MS) {
    throw ValidationError.of('occurredAt', 'occurredAt must not lie in the future');
  }
  return time;
}

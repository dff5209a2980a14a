import type { TicketThread, Writer } from '@hub/conversations/ticket-threads.queries.js';
import type { MessageContent } from '@hub/model/message.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { MessageView } from '@hub/model/views.js';
import { attachmentOf } from './attachment.mapper.js';

/** A message with what stands around it. */
export interface Surrounded {
  readonly ticketNumber: number;
  readonly thread: TicketThread;
  readonly message: MessageView;
  /** Undefined where whoever wrote it is no user, bot or contact. */
  readonly writer: Writer | undefined;
  /** Undefined where it is not asked for, or was not kept. */
  readonly raw: JsonObject | undefined;
  readonly link: (attachmentId: string) => string;
}

/** Whether this contract can tell it as what it is: a rejected draft, or what has its time yet, would look sent. */
export function isTold({ direction, sentAt, draft, deletedAt }: MessageView): boolean {
  return direction !== 'outbound' || sentAt !== null || (draft?.state === 'pending' && deletedAt === null);
}

/** One message, note or draft, which this contract calls a conversation. What is undefined is left out. */
export function conversationOf({ ticketNumber, thread, message, writer, raw, link }: Surrounded): object {
  const { number, direction, draft, sender, metadata, attachments, createdAt } = message;
  const email = writer?.email ?? undefined;
  const from = fromOf(thread, message) ?? email;
  const addressed = recipientsOf(thread, message);
  const isEmail = thread.channelType === 'email';
  return {
    id: number,
    ticketId: ticketNumber,
    type: message.content.type,
    direction: direction === 'inbound' ? 'in' : 'out',
    private: direction === 'internal',
    isDraft: draft?.state === 'pending',
    fromEmail: from,
    fromEmailName: from === undefined ? undefined : sender.name,
    agentId: sender.type === 'user' ? writer?.number : undefined,
    sender: { id: writer?.number, name: sender.name, email, subchannelId: null },
    toEmail: isEmail ? addressed.to : undefined,
    to: addressed.to,
    ccEmails: isEmail ? addressed.cc : undefined,
    bccEmails: isEmail ? addressed.bcc : undefined,
    channelId: isEmail ? message.externalId : (thread.identity ?? String(thread.number)),
    content: { message: messageOf(message.content) },
    intentIds: textsOf(metadata['intentIds']),
    cortexRequestId: Number.isSafeInteger(metadata['cortexRequestId']) ? metadata['cortexRequestId'] : null,
    externalConversationId: textOf(metadata['externalConversationId']) ?? message.externalId,
    isRead: message.readByStaff,
    attachments: attachments.map((file) => attachmentOf(file, link)),
    interface: {},
    createdAt: createdAt.toISOString(),
    modifiedAt: modifiedAt(message).toISOString(),
    rawData: raw,
  };
}

/** The address that an email came from; undefined of notes and of whatever is no email. */
function fromOf({ channelType, ours, theirs }: TicketThread, { direction }: MessageView): string | undefined {
  if (channelType !== 'email' || direction === 'internal') return undefined;
  return (direction === 'inbound' ? theirs : ours) ?? undefined;
}

/** To whom it was addressed, else the other end of its way; nobody gets a note. */
function recipientsOf({ ours, theirs }: TicketThread, { direction, recipients }: MessageView) {
  const { to = [], cc = [], bcc = [] } = recipients ?? {};
  const other = direction === 'inbound' ? ours : theirs;
  const isKnown = to.length > 0 || direction === 'internal' || other === null;
  return { to: isKnown ? to : [other], cc, bcc };
}

/** What a message says, in one text: HTML as it is, of anything else its words, one to a line. */
function messageOf(content: MessageContent): string {
  if (content.type === 'html') return textOf(content['html']) ?? '';
  const { text, caption, filename, name, address, url, latitude, longitude, phones, emails, template } = content;
  const place = typeof latitude === 'number' ? `${latitude}, ${String(longitude)}` : undefined;
  const called = (template as { name?: unknown } | undefined)?.name;
  const lines = [text, caption, filename, name, address, place, ...textsOf(phones), ...textsOf(emails), called, url];
  return textsOf(lines).join('\n');
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string' && one !== '') : [];

/** When anything last became of it. */
function modifiedAt({ createdAt, sentAt, deliveredAt, readAt, failedAt, deletedAt, draft }: MessageView): Date {
  const times = [sentAt, deliveredAt, readAt, failedAt, deletedAt].map((time) => time?.getTime() ?? 0);
  return new Date(Math.max(createdAt.getTime(), Date.parse(draft?.reviewedAt ?? '') || 0, ...times));
}

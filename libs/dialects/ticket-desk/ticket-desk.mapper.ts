import type { Opened } from '@hub/assignment/assignment.types.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import type { MessageContent } from '@hub/model/message.entity.js';
import type { ConversationView, MessageView, TicketView } from '@hub/model/views.js';
import { textOfHtml } from '@hub/platform/html-text.js';

/** What an id in an address means; 0, which is nobody's, where it is no positive integer. */
export const numberOf = (id: string): number => (/^[1-9]\d{0,15}$/.test(id) ? Number(id) : 0);

/** The sender's number where it has none: an API key, or the system itself. */
const NO_PERSON = 0;

/** @param numbers of the senders, by their UUIDs */
export const messageElement = (view: MessageView, caller: PartyRef, numbers: ReadonlyMap<string, number>): object => ({
  id: view.number,
  content: textOf(view),
  sentAt: (view.sentAt ?? view.occurredAt).toISOString(),
  sender_id: numbers.get(view.sender.id ?? '') ?? NO_PERSON,
  sender_username: view.sender.name,
  isSender: view.sender.type === caller.type && view.sender.id === caller.id,
});

export const markerElement = ({ status }: ConversationView): object => ({ closed: status === 'closed' });

export const historyObject = (conversation: ConversationView, ticket: TicketView): object => ({
  id: conversation.number,
  createdAt: conversation.createdAt.toISOString(),
  endedAt: conversation.closedAt?.toISOString() ?? null,
  closed: conversation.status === 'closed',
  Ticket: { user_id: ticket.contact.number, staff_id: conversation.assignee?.number ?? null },
});

/** The same words again for a conversation that is open already: those of the call that has made it so. */
export const startedMessage = ({ conversation, outcome }: Opened): string =>
  outcome === 'reopened' || (outcome === 'unchanged' && conversation.reopenedAt)
    ? 'Conversation re-opened'
    : 'Successfully created conversation';

/** A message as text, whatever it was sent as; nothing of what has been removed. */
export function textOf({ content, attachments, deletedAt }: MessageView): string {
  if (deletedAt) return '';
  const files = attachments.map(({ name, originalUrl }) => joined(' ', name, originalUrl));
  return joined('\n', ...wordsOf(content), ...files);
}

function wordsOf(content: MessageContent): unknown[] {
  const { type, text, name } = content;
  switch (type) {
    case 'text':
      return [text, ...titles(content['quickReplies'])];
    case 'html':
      return [text ?? textOfHtml(String(content['html']))];
    case 'location':
      return [name, content['address'], `${String(content['latitude'])}, ${String(content['longitude'])}`];
    case 'contact':
      return [name, ...items(content['phones']), ...items(content['emails'])];
    case 'buttons':
      return [text, ...titles(content['buttons'])];
    case 'list':
      return [text, ...items(content['sections']).flatMap((section) => titles(field(section, 'rows')))];
    case 'template':
      return [field(content['template'], 'name')];
    default:
      return [text ?? content['caption'], joined(' ', content['filename'], content['url'])];
  }
}

const items = (list: unknown): unknown[] => (Array.isArray(list) ? list : []);
const field = (of: unknown, name: string): unknown => (of as Record<string, unknown> | null | undefined)?.[name];
const titles = (list: unknown): string[] => items(list).map((item) => `- ${String(field(item, 'title'))}`);
const joined = (by: string, ...parts: readonly unknown[]): string =>
  parts.filter((part) => typeof part === 'string' && part !== '').join(by);

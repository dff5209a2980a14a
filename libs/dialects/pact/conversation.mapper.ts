import type { ListByNumber, NumberedConversation } from '@hub/conversations/numbered-conversations.queries.js';
import type { ReachContact } from '@hub/conversations/outreach.service.js';
import { toE164 } from '@hub/contacts/phone.js';
import { ValidationError } from '@hub/platform/errors.js';
import { decodeCursor, encodeCursor } from '@hub/platform/paging.js';
import type { CreateInput, ListInput } from './conversation.dto.js';

const NO_AVATAR = '/avatars/original/missing.png';
const MAX_TOKEN = 255;

/** Pact's envelope. */
export const ok = (data: object): object => ({ status: 'ok', data });

/** A conversation of colleagues has no contact: it is called by its subject, and nobody is its sender. */
export function conversationOf({ view, address }: NumberedConversation): object {
  const { number, contact, channel, subject, createdAt, metadata } = view;
  const sender = contact ? withoutPlus(address ?? String(contact.number)) : '';
  const called = contact ? contact.name || withoutPlus(contact.phone ?? sender) : subject || channel.name;
  return {
    external_id: number,
    name: called,
    channel_id: channel.number,
    channel_type: channel.type,
    created_at: createdAt.toISOString(),
    created_at_timestamp: Math.floor(createdAt.getTime() / 1000),
    avatar: contact?.avatar || NO_AVATAR,
    sender_external_id: sender,
    meta: metadata,
  };
}

const withoutPlus = (address: string): string => address.replace(/^\+/, '');

/** @throws ValidationError naming `phone` */
export function toReachCommand({ provider, phone }: CreateInput): ReachContact {
  const number = toE164(`+${withoutPlus(phone.trim())}`);
  if (!number) throw ValidationError.of('phone', 'phone must be a phone number with its country code');
  return { channelType: provider, contact: { name: null, email: null, phone: number, identity: null } };
}

/** @param from any token: one that this list has not given out, or of the other direction, means the first page */
export function toListCommand({ per, sort_direction }: ListInput, from: unknown): ListByNumber {
  const token = typeof from === 'string' ? read(from) : null;
  const direction = sort_direction ?? token?.direction ?? 'asc';
  return { direction, limit: per, after: token?.direction === direction ? token.after : null };
}

/** The token of the page after `items`, or null where there is none. */
export function nextPage(
  { direction }: ListByNumber,
  { items, hasMore }: { readonly items: readonly NumberedConversation[]; readonly hasMore: boolean },
): string | null {
  const last = items.at(-1);
  return last && hasMore ? encodeCursor([direction, last.view.number]) : null;
}

function read(token: string): Pick<ListByNumber, 'direction' | 'after'> | null {
  if (token.length > MAX_TOKEN) return null;
  try {
    const [direction, after] = decodeCursor(token, ['string', 'number']);
    return direction === 'asc' || direction === 'desc' ? { direction, after } : null;
  } catch {
    return null;
  }
}

import { NotFoundError, ValidationError } from '@hub/platform/errors.js';
import type { TargetRef } from '@hub/assignment/routing/targets.js';
import { decodeId, encodeId, prefixOf } from '@hub/platform/ids.js';
import type { PartyKind } from '@hub/model/conversation.entity.js';

/** The prefix of each public id and what its owner is called when it is missing. */
const KINDS = {
  conv: ['CONVERSATION_NOT_FOUND', 'Conversation'],
  msg: ['MESSAGE_NOT_FOUND', 'Message'],
  ch: ['CHANNEL_NOT_FOUND', 'Channel'],
  contact: ['CONTACT_NOT_FOUND', 'Contact'],
  user: ['USER_NOT_FOUND', 'User'],
  bot: ['BOT_NOT_FOUND', 'Bot'],
  team: ['TEAM_NOT_FOUND', 'Team'],
  queue: ['QUEUE_NOT_FOUND', 'Queue'],
  wh: ['WEBHOOK_NOT_FOUND', 'Webhook'],
  del: ['DELIVERY_NOT_FOUND', 'Delivery'],
  evt: ['RESOURCE_NOT_FOUND', 'Event'],
  rec: ['RESOURCE_NOT_FOUND', 'Recovery'],
  ticket: ['TICKET_NOT_FOUND', 'Ticket'],
  media: ['RESOURCE_NOT_FOUND', 'File'],
  key: ['RESOURCE_NOT_FOUND', 'API key'],
  offer: ['RESOURCE_NOT_FOUND', 'Offer'],
  rule: ['RESOURCE_NOT_FOUND', 'Rule'],
  sla: ['RESOURCE_NOT_FOUND', 'Service level'],
} as const;
export type IdKind = keyof typeof KINDS;

const missing = (kind: string | null, field?: string): NotFoundError => {
  const known = kind !== null && Object.hasOwn(KINDS, kind) ? KINDS[kind as IdKind] : null;
  const [code, name] = known ?? ['RESOURCE_NOT_FOUND', 'Resource'];
  return new NotFoundError(code, `${name} does not exist`, field);
};

/**
 * The UUID behind a public id. A malformed one cannot exist: the same 404 as an unknown one.
 * @param field the input field it came in; absent for the address itself
 */
export function idOf(kind: IdKind, id: string, field?: string): string {
  const uuid = decodeId(kind, id);
  if (!uuid) throw missing(kind, field);
  return uuid;
}

/** The UUID of an id in a filter. @throws ValidationError naming the field, when it is malformed */
export function filterId(kinds: readonly IdKind[], id: string, field: string): string {
  const uuid = kinds.map((kind) => decodeId(kind, id)).find((found) => found !== null);
  if (!uuid) throw ValidationError.of(field, `${field} must be an id such as ${kinds[0]}_01h455vb4pex5vsknk084sn02q`);
  return uuid;
}

/**
 * Whom or what a conversation may be given to, by its public id.
 * @throws the NOT_FOUND of the id's prefix; ValidationError on another `type`
 */
export function targetOf(id: string, field: string, type?: string): TargetRef {
  const prefix = prefixOf(id);
  if (prefix !== 'user' && prefix !== 'bot' && prefix !== 'team' && prefix !== 'queue') throw missing(prefix, field);
  if (type && type !== prefix)
    throw ValidationError.of('assigneeType', `assigneeType is ${type}, but ${field} is a ${prefix}`);
  return { type: prefix, id: idOf(prefix, id, field) };
}

/** Who a participant is, by the public id. @throws the NOT_FOUND of the id's prefix */
export function participantOf(id: string): { kind: 'contact' | 'user' | 'bot'; id: string } {
  const kind = prefixOf(id);
  if (kind !== 'contact' && kind !== 'user' && kind !== 'bot') throw missing(kind);
  return { kind, id: idOf(kind, id) };
}

const PARTY_PREFIX: Record<PartyKind, string | null> = {
  contact: 'contact',
  user: 'user',
  bot: 'bot',
  api_key: 'key',
  system: null,
};

/** The public id of whoever did something, null for the system itself. */
export function partyId({ type, id }: { readonly type: PartyKind; readonly id: string | null }): string | null {
  const prefix = PARTY_PREFIX[type];
  return prefix && id ? encodeId(prefix, id) : null;
}

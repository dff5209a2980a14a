// The calls that `lists` measures.
import { built } from '../support/servers.mjs';
import { COMMON_WORD, LONG, RARE_WORD, seededId } from './seed.mjs';

const { encodeId } = await built('libs/platform/ids.js');
const { encodeCursor } = await built('libs/platform/paging.js');
const PER_PAGE = 20;

const FILTERS = {
  status: 'closed',
  channelId: encodeId('ch', seededId('channel', 7)),
  assigneeId: encodeId('user', seededId('user', 7)),
  contactId: encodeId('contact', seededId('contact', 7)),
};

/** @param {number} size conversations @returns {[name: string, path: string][]} */
export function callsOn(size) {
  const of = (/** @type {string} */ list) => (/** @type {Record<string, string | number>} */ query) =>
    `/v1/${list}?${String(new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])))}`;
  const conversations = of('conversations');
  const contacts = of('contacts');
  const last = size / PER_PAGE;
  const some = encodeId('conv', seededId('conversation', Math.ceil(size / 2)));
  const long = encodeId('conv', seededId('conversation', LONG.conversation));
  /** @type {[string, string][]} */
  const calls = [
    ['conversations', conversations({})],
    ['page 100', conversations({ page: Math.min(100, last) })],
    ...(last > 1_000 ? [/** @type {[string, string]} */ (['page 1,000', conversations({ page: 1_000 })])] : []),
    ['last page', conversations({ page: last })],
    ['100 a page', conversations({ perPage: 100 })],
    ['sortBy=createdAt', conversations({ sortBy: 'createdAt' })],
    ['sortBy=lastMessageAt', conversations({ sortBy: 'lastMessageAt' })],
    ['sortOrder=asc', conversations({ sortOrder: 'asc' })],
    ['status=open', conversations({ status: 'open' })],
    ...Object.entries(FILTERS).map(
      ([field, value]) =>
        /** @type {[string, string]} */ ([
          field === 'status' ? 'status=closed' : field,
          conversations({ [field]: value }),
        ]),
    ),
    ['status=open, assigneeId', conversations({ status: 'open', assigneeId: FILTERS.assigneeId })],
    ['status=open, channelId', conversations({ status: 'open', channelId: FILTERS.channelId })],
    ['status=open, createdAt', conversations({ status: 'open', sortBy: 'createdAt' })],
    ['search, a full name', conversations({ search: 'Maria Oliveira' })],
    ['search, a first name', conversations({ search: 'maria' })],
    ['search, a rare word', conversations({ search: RARE_WORD })],
    ['search, a common word', conversations({ search: COMMON_WORD })],
    ['search, two letters of many', conversations({ search: 'ma' })],
    ['search, two letters of none', conversations({ search: 'qz' })],
    ['conversation, 20 messages', `/v1/conversations/${some}?includeMessages=true&messageLimit=20`],
    ['conversation, 20 of 5,000', `/v1/conversations/${long}?includeMessages=true&messageLimit=20`],
    ['messages', `/v1/conversations/${some}/messages`],
    ['messages of 5,000: latest', `/v1/conversations/${long}/messages`],
    ['messages of 5,000: middle', `/v1/conversations/${long}/messages?cursor=${encodeCursor([LONG.messages / 2])}`],
    ['contacts', contacts({})],
    ['contacts, last page', contacts({ page: Math.ceil((size * 0.8) / PER_PAGE) })],
    ['contacts, sortBy=name', contacts({ sortBy: 'name' })],
    ['contacts, search a name', contacts({ search: 'Maria Oliveira' })],
  ];
  return calls;
}

import type { Fixture, Walk } from '../../support/walk.js';

const TEXT = { content: { type: 'text', text: 'x' } };
const HOOK = { url: 'https://example.com/walk', events: ['*'] };

/** Every operation of the native API. One that is missing here fails the walk by its name. */
const FIXTURES: Readonly<Record<string, Fixture>> = {
  'GET /v1/conversations': {},
  'POST /v1/conversations': {
    body: (own) => ({
      channelId: own['ch'],
      contactId: own['contact'],
      assigneeId: own['user'],
      botId: own['bot'],
      ticketId: own['ticket'],
      userIds: [own['user']],
    }),
  },
  'GET /v1/conversations/counts': {},
  'GET /v1/conversations/{id}': {},
  'PATCH /v1/conversations/{id}': {
    body: (own) => ({ priority: 'high', subject: 'walked', metadata: { walked: 1 }, ticketId: own['ticket'] }),
  },
  'POST /v1/conversations/{id}/close': { body: () => ({ reason: 'walked', notes: 'walked' }) },
  'POST /v1/conversations/{id}/reopen': {},
  'POST /v1/conversations/{id}/snooze': { body: () => ({ until: '2999-01-01T00:00:00Z' }) },
  'POST /v1/conversations/{id}/read': {},
  'POST /v1/conversations/{id}/assign': { body: (own) => ({ assigneeId: own['bot'], note: 'walked' }) },
  'POST /v1/conversations/{id}/unassign': {},
  'POST /v1/conversations/{id}/transfer': { body: (own) => ({ toAssigneeId: own['bot'], summary: 'walked' }) },
  'POST /v1/conversations/{id}/tags': { body: () => ({ tags: ['walked'] }) },
  'DELETE /v1/conversations/{id}/tags': { body: () => ({ tags: ['walked'] }) },
  'GET /v1/conversations/{id}/events': {},
  'GET /v1/conversations/{id}/assignments': {},
  'GET /v1/conversations/{id}/participants': {},
  'POST /v1/conversations/{id}/participants': { body: (own) => ({ userId: own['user'], botId: own['bot'] }) },
  'DELETE /v1/conversations/{id}/participants/{participantId}': {},
  'GET /v1/conversations/{id}/messages': {},
  'POST /v1/conversations/{id}/messages': { body: () => TEXT },
  'GET /v1/tickets': {},
  'POST /v1/tickets': {
    body: (own) => ({ subject: 'walked', contactId: own['contact'], staffId: own['user'] }),
  },
  'GET /v1/tickets/{id}': {},
  'PATCH /v1/tickets/{id}': { body: (own) => ({ subject: 'walked', staffId: own['user'] }) },
  'GET /v1/tickets/{id}/conversations': {},
  'GET /v1/contacts': {},
  'POST /v1/contacts': { body: () => ({ name: 'walked', email: 'walked@example.com' }) },
  'GET /v1/contacts/{id}': {},
  'PATCH /v1/contacts/{id}': { body: () => ({ name: 'walked', metadata: { walked: 1 } }) },
  'DELETE /v1/contacts/{id}': {},
  'GET /v1/contacts/{id}/conversations': {},
  'POST /v1/contacts/{id}/token': { body: () => ({ expiresIn: 60 }) },
  'GET /v1/channels': {},
  'POST /v1/channels': { body: (own) => ({ name: 'walked', type: 'api', defaultBotId: own['bot'] }) },
  'GET /v1/channels/{id}': {},
  'PATCH /v1/channels/{id}': { body: (own) => ({ name: 'walked', defaultBotId: own['bot'] }) },
  'DELETE /v1/channels/{id}': {},
  'POST /v1/channels/{id}/activate': {},
  'POST /v1/channels/{id}/deactivate': { body: () => ({ closeConversations: true }) },
  'POST /v1/channels/{id}/messages': {
    body: () => ({ externalId: 'walked', contact: { externalId: 'walked' }, ...TEXT }),
  },
  'GET /v1/users': {},
  'POST /v1/users': { body: () => ({ name: 'walked', email: 'walked-user@example.com' }) },
  'GET /v1/users/{id}': {},
  'PATCH /v1/users/{id}': { body: () => ({ name: 'walked', status: 'suspended' }) },
  'DELETE /v1/users/{id}': {},
  'GET /v1/api-keys': {},
  'POST /v1/api-keys': { body: () => ({ name: 'walked', permissions: ['messages:read'] }) },
  'DELETE /v1/api-keys/{id}': {},
  'GET /v1/audit': {},
  'POST /v1/auth/register': {
    access: 'public',
    body: () => ({ email: 'walked-in@example.com', password: 'walked-walked', name: 'w', organizationName: 'w' }),
  },
  'POST /v1/auth/login': { access: 'public', body: () => ({ email: 'walked@example.com', password: 'walked' }) },
  'POST /v1/auth/refresh': { access: 'public', body: () => ({ refreshToken: 'walked' }) },
  'POST /v1/auth/logout': { access: 'public' },
  'GET /v1/auth/me': { access: 'anyone' },
  'POST /v1/auth/password/reset': { access: 'public', body: () => ({ email: 'walked@example.com' }) },
  'POST /v1/auth/password/confirm': { access: 'public', body: () => ({ token: 'walked', password: 'walked-walked' }) },
  'POST /v1/auth/password/change': {
    access: 'anyone',
    body: () => ({ currentPassword: 'walked-walked', newPassword: 'walked-again' }),
  },
  'GET /v1/bots': {},
  'POST /v1/bots': { body: (own) => ({ name: 'walked', channelIds: [own['ch']] }) },
  'GET /v1/bots/{id}': {},
  'PATCH /v1/bots/{id}': { body: (own) => ({ name: 'walked', channelIds: [own['ch']] }) },
  'DELETE /v1/bots/{id}': {},
  'POST /v1/bots/{id}/activate': {},
  'POST /v1/bots/{id}/deactivate': {},
  'GET /v1/webhooks': {},
  'POST /v1/webhooks': { body: () => HOOK },
  'GET /v1/webhooks/events': {},
  'GET /v1/webhooks/{id}': {},
  'PATCH /v1/webhooks/{id}': { body: () => ({ description: 'walked', status: 'inactive' }) },
  'DELETE /v1/webhooks/{id}': {},
  'POST /v1/webhooks/{id}/test': {},
  'POST /v1/webhooks/{id}/rotate-secret': {},
  'GET /v1/webhooks/{id}/deliveries': {},
  'GET /v1/webhooks/{id}/deliveries/{deliveryId}': {},
  'POST /v1/webhooks/{id}/deliveries/{deliveryId}/retry': {},
};

/** The kinds of the ids that stand in a path, by the word before them. */
const NOUNS: Readonly<Record<string, string>> = {
  conversations: 'conv',
  contacts: 'contact',
  channels: 'ch',
  users: 'user',
  bots: 'bot',
  webhooks: 'wh',
  deliveries: 'del',
  messages: 'msg',
  tickets: 'ticket',
  participants: 'user',
  'api-keys': 'key',
};

/** The kinds of the ids that a filter of this name takes. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  conversationId: ['conv'],
  channelId: ['ch'],
  contactId: ['contact'],
  assigneeId: ['user', 'bot'],
  botId: ['bot'],
  userId: ['user'],
  ticketId: ['ticket'],
  staffId: ['user'],
  actorId: ['user', 'bot', 'contact', 'key'],
  subjectId: ['conv', 'contact', 'ch', 'user', 'bot', 'wh', 'key'],
};

/** Fields that end in `Id` and name nothing of ours. */
const NO_ID = /^(external|clientMessage|request|entity)Ids?$/;
const isIdField = (name: string): boolean => /Ids?$/.test(name) && !NO_ID.test(name);

/** The native API for the route walk. */
export const V1_WALK: Walk = {
  fixtures: FIXTURES,
  nouns: NOUNS,
  filters: FILTERS,
  isIdField,
  aliases: (path) => [`/api${path}`],
  credentials: (key) => [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }],
  unauthenticated: { status: 401, code: 'AUTHENTICATION_REQUIRED' },
  invalidKey: { status: 401, code: 'INVALID_API_KEY' },
  forbidden: { status: 403, code: 'INSUFFICIENT_PERMISSIONS' },
  codeOf: ({ error }) => error?.code,
  worded: ({ status, error }) => `${status} ${JSON.stringify(error)}`,
  isEmptyList: ({ status, data }) => status === 200 && Array.isArray(data) && data.length === 0,
};

import type { Answer, ApiClient } from '../../support/api-client.js';
import type { Route } from '../../support/routes.js';
import * as v1 from './v1-fixtures.js';

/** The prefix of the ids that stand at `{…}` in a path, by the word before it. */
export const PREFIXES: Record<string, string> = {
  conversations: 'conv',
  contacts: 'contact',
  channels: 'ch',
  users: 'user',
  bots: 'bot',
  webhooks: 'wh',
  deliveries: 'del',
  recoveries: 'rec',
  messages: 'msg',
  tickets: 'ticket',
  participants: 'user',
  'service-levels': 'sla',
  members: 'user',
  teams: 'team',
  queues: 'queue',
  offers: 'offer',
  'routing-rules': 'rule',
  'automation-rules': 'rule',
  media: 'media',
  'api-keys': 'key',
};

/** The path with `id` at every place of an id; `id` may depend on the word before it. */
export const fill = (path: string, id: (noun: string) => string): string =>
  path.replace(/([^/]+)\/\{[^}]+\}/g, (_, noun: string) => `${noun}/${id(noun)}`);

/** Whether the rule asks for a scope of its own; public routes ask for nobody, some for anybody who is known. */
export const isScoped = ({ scope }: Route): boolean => !['public', 'authenticated', 'staff'].includes(scope);

export const hasId = ({ path }: Route): boolean => path.includes('{');

/** One record of each kind, by the word that its paths carry. */
export async function oneOfEach(api: ApiClient): Promise<Record<string, string>> {
  const channel = await v1.channel(api);
  const contact = await v1.contact(api);
  const user = await v1.user(api);
  const bot = await v1.bot(api);
  const team = await v1.team(api);
  v1.ok(await api.post(`/v1/teams/${team.id}/members`, { userId: user.id }));
  const conversation = await v1.conversation(api, {
    channelId: channel.id,
    contactId: contact.id,
    assigneeId: user.id,
  });
  const message = v1.ok(await v1.say(api, conversation.id, 'Hello'));
  const webhook = await api.post('/v1/webhooks', { url: 'https://example.com/hook', events: ['*'] });
  return {
    channels: channel.id,
    contacts: contact.id,
    users: user.id,
    bots: bot.id,
    conversations: conversation.id,
    messages: message.id,
    tickets: (await v1.ticket(api, { contactId: contact.id })).id,
    participants: user.id,
    teams: team.id,
    'service-levels': (await v1.serviceLevel(api)).id,
    members: user.id,
    queues: (await v1.queue(api, { teamId: team.id })).id,
    'routing-rules': (await v1.routingRule(api, { targets: [{ to: bot.id }], enabled: false })).id,
    'automation-rules': (await v1.automationRule(api, { enabled: false })).id,
    ...(webhook.status === 201 && { webhooks: webhook.data.id }),
  };
}

/** A body that the route would take, with ids of this organization. */
export function goodBody({ path, method }: Route, ids: Record<string, string>): v1.Json {
  const key = `${method} ${path.replace(/\{[^}]+\}/g, '{}')}`;
  const bodies: Record<string, v1.Json> = {
    'POST /v1/conversations': { channelId: ids['channels'], contact: { phone: '+5511999990000' } },
    'PATCH /v1/conversations/{}': { priority: 'high', tags: ['t'], metadata: { a: 1 } },
    'POST /v1/conversations/{}/snooze': { until: '2999-01-01T00:00:00Z' },
    'POST /v1/conversations/{}/assign': { assigneeId: ids['bots'] },
    'POST /v1/conversations/{}/transfer': { toAssigneeId: ids['bots'], summary: 's' },
    'POST /v1/conversations/{}/messages': { content: { type: 'text', text: 'x' } },
    'POST /v1/conversations/{}/tags': { tags: ['t'] },
    'DELETE /v1/conversations/{}/tags': { tags: ['t'] },
    'POST /v1/conversations/{}/participants': { userId: ids['users'], botId: ids['bots'] },
    'POST /v1/tickets': { subject: 'x', contactId: ids['contacts'] },
    'PATCH /v1/tickets/{}': { subject: 'Changed' },
    'POST /v1/messages': { conversationId: ids['conversations'], content: { type: 'text', text: 'x' } },
    'POST /v1/messages/bulk-read': { conversationId: ids['conversations'] },
    'POST /v1/channels/{}/messages/{}/status': { status: 'delivered' },
    'POST /v1/contacts': { name: 'Ann' },
    'POST /v1/contacts/merge': { primaryContactId: ids['contacts'], secondaryContactIds: [ids['contacts']] },
    'PATCH /v1/contacts/{}': { name: 'Changed' },
    'POST /v1/channels': { name: 'x', type: 'api' },
    'PATCH /v1/channels/{}': { name: 'Changed' },
    'POST /v1/channels/{}/messages': { externalId: 'e', contact: { externalId: 'p' }, content: { text: 'x' } },
    'POST /v1/users': { name: 'x', email: 'bad-input@example.com' },
    'PATCH /v1/users/{}': { name: 'Changed' },
    'POST /v1/teams': { name: 'x' },
    'PATCH /v1/teams/{}': { name: 'Changed' },
    'POST /v1/teams/{}/members': { userId: ids['users'] },
    'POST /v1/service-levels': { name: 'x', resolution: 60 },
    'PATCH /v1/service-levels/{}': { name: 'Changed' },
    'POST /v1/queues': { name: 'x', teamId: ids['teams'] },
    'PATCH /v1/queues/{}': { name: 'Changed' },
    'POST /v1/routing-rules': { name: 'x', targets: [{ to: ids['queues'] }], enabled: false },
    'PATCH /v1/routing-rules/{}': { name: 'Changed' },
    'POST /v1/automation-rules': {
      name: 'x',
      event: 'conversation.created',
      actions: [{ type: 'unassign' }],
      enabled: false,
    },
    'PATCH /v1/automation-rules/{}': { name: 'Changed' },
    'PUT /v1/me/presence': { status: 'online' },
    'POST /v1/auth/register': {
      email: 'bad-register@example.com',
      password: 'long enough',
      name: 'x',
      organizationName: 'x',
    },
    'POST /v1/auth/login': { email: 'bad-input@example.com', password: 'wrong' },
    'POST /v1/auth/refresh': { refreshToken: 'rt_unknown' },
    'POST /v1/auth/password/reset': { email: 'bad-input@example.com' },
    'POST /v1/auth/password/confirm': { token: 'pw_unknown', password: 'long enough' },
    'POST /v1/auth/password/change': { currentPassword: 'wrong', newPassword: 'long enough' },
    'POST /v1/api-keys': { name: 'x', permissions: ['messages:read'] },
    'POST /v1/contacts/{}/token': { expiresIn: 60 },
    'POST /v1/bots': { name: 'x' },
    'PATCH /v1/bots/{}': { name: 'Changed' },
    'POST /v1/webhooks': { url: 'https://example.com/other', events: ['*'] },
    'PATCH /v1/webhooks/{}': { description: 'Changed' },
    'POST /v1/webhooks/{}/recover': { since: new Date(Date.now() - 60_000).toISOString() },
  };
  return bodies[key] ?? {};
}

/** Holds an answer to be a refusal in the documented envelope. The client has already held it against the document. */
export function expectRefusal(answer: Answer<unknown>, what: string): void {
  const { status, error, meta } = answer;
  expect({ what, status, isRefused: status >= 400 && status < 500 }).toEqual({ what, status, isRefused: true });
  expect(error).toMatchObject({
    code: expect.stringMatching(/^[A-Z_]+$/) as unknown,
    message: expect.any(String) as unknown,
  });
  expect(meta['requestId']).toBe(answer.headers.get('x-request-id'));
}

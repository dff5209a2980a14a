import { apiKeyPrefix, hashApiKey, newApiKey } from '@hub/identity/api-key.js';
import { SCOPES } from '@hub/identity/actor.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import type { Route, Schema } from '../dialects/v1/bad-input-fixtures.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { ApiClient } from '../support/api-client.js';
import type { Hub } from '../support/harness.js';
import type { Subscriber } from '../support/subscriber.js';
import { upload } from './media-fixtures.js';

/** One record of each kind of one organization, by the prefix of its public id. */
export type World = Readonly<Record<string, string>>;

/** How the walk calls one operation. */
export interface Fixture {
  /** A body that the route takes, with every id it may carry, of `own` organization. */
  readonly body?: (own: World) => v1.Json;
  /** `public`: answers without a key. `anyone`: any key will do, whatever its scopes. Unset: as its scope says. */
  readonly access?: 'public' | 'anyone';
}

const TEXT = { content: { type: 'text', text: 'x' } };
const HOOK = { url: 'https://example.com/walk', events: ['*'] };

/** Every operation of the native API. One that is missing here fails the walk by its name. */
export const FIXTURES: Readonly<Record<string, Fixture>> = {
  'GET /v1/conversations': {},
  'POST /v1/conversations': {
    body: (own) => ({
      channelId: own['ch'],
      contactId: own['contact'],
      assigneeId: own['user'],
      botId: own['bot'],
    }),
  },
  'GET /v1/conversations/{id}': {},
  'PATCH /v1/conversations/{id}': { body: () => ({ priority: 'high', subject: 'walked', metadata: { walked: 1 } }) },
  'POST /v1/conversations/{id}/close': { body: () => ({ reason: 'walked', notes: 'walked' }) },
  'POST /v1/conversations/{id}/reopen': {},
  'POST /v1/conversations/{id}/snooze': { body: () => ({ until: '2999-01-01T00:00:00Z' }) },
  'POST /v1/conversations/{id}/read': {},
  'POST /v1/conversations/{id}/assign': { body: (own) => ({ assigneeId: own['bot'], note: 'walked' }) },
  'POST /v1/conversations/{id}/unassign': {},
  'POST /v1/conversations/{id}/transfer': { body: (own) => ({ toAssigneeId: own['bot'], summary: 'walked' }) },
  'GET /v1/conversations/{id}/participants': {},
  'GET /v1/conversations/{id}/messages': {},
  'POST /v1/conversations/{id}/messages': { body: () => TEXT },
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
  'POST /v1/media/upload': {},
  'GET /v1/media/{id}': {},
  'DELETE /v1/media/{id}': {},
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

/** Who may call it: decided above, whatever the document says. */
export const accessOf = (route: Route): 'public' | 'anyone' | 'scoped' => FIXTURES[nameOf(route)]?.access ?? 'scoped';

/** What the document says instead of a scope where none is needed. */
const SAID = { public: 'public', anyone: 'authenticated', scoped: '' } as const;

export const nameOf = ({ method, path }: Route): string => `${method} ${path}`;

/** The prefixes of the ids that stand in a path, by the word before them. */
const NOUNS: Readonly<Record<string, string>> = {
  conversations: 'conv',
  contacts: 'contact',
  channels: 'ch',
  users: 'user',
  bots: 'bot',
  webhooks: 'wh',
  deliveries: 'del',
  messages: 'msg',
  media: 'media',
  'api-keys': 'key',
};

/** The prefixes of the ids that a filter of this name takes. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  conversationId: ['conv'],
  channelId: ['ch'],
  contactId: ['contact'],
  assigneeId: ['user', 'bot'],
  botId: ['bot'],
  userId: ['user'],
  actorId: ['user', 'bot', 'contact', 'key'],
  subjectId: ['conv', 'contact', 'ch', 'user', 'bot', 'wh', 'key', 'media'],
};

/** Fields that end in `Id` and name nothing of ours. */
const NO_ID = /^(external|clientMessage|request)Ids?$/;
const isIdField = (name: string): boolean => /Ids?$/.test(name) && !NO_ID.test(name);

export const pathPrefixes = ({ path }: Route): (string | undefined)[] =>
  [...path.matchAll(/([^/]+)\/\{[^}]+\}/g)].map(([, noun]) => NOUNS[noun ?? '']);

/** What the table above lacks for a route, in words. */
export function gapsOf(route: Route): string[] {
  const fixture = FIXTURES[nameOf(route)];
  if (!fixture) return [`${nameOf(route)} has no fixture`];
  const gaps: string[] = [];
  const access = accessOf(route);
  const isScope = (SCOPES as readonly string[]).includes(route.scope);
  if (access === 'scoped' ? !isScope : route.scope !== SAID[access]) {
    gaps.push(`is said to be for \`${route.scope}\`, and is decided to be ${access}`);
  }
  if (pathPrefixes(route).includes(undefined)) gaps.push('an id in its path is of no known kind');
  for (const { name } of route.query)
    if (isIdField(name) && !FILTERS[name]) gaps.push(`the filter ${name} is not known`);
  const body = fixture.body?.(SAMPLE);
  if (route.body && !body && Object.keys(route.body.properties ?? {}).some((name) => required(route.body, name))) {
    gaps.push('it has no body');
  }
  const found = body === undefined ? [] : idPlaces(body).map(({ place }) => place.split('.')[0]);
  for (const name of Object.keys(route.body?.properties ?? {})) {
    if (isIdField(name) && !found.includes(name)) gaps.push(`its body lacks ${name}`);
  }
  return gaps.map((gap) => `${nameOf(route)}: ${gap}`);
}

const required = (schema: (Schema & { required?: readonly string[] }) | null, name: string): boolean =>
  schema?.required?.includes(name) ?? false;

const KINDS = ['conv', 'contact', 'ch', 'user', 'bot', 'wh', 'del', 'msg', 'key', 'media'];
const SAMPLE: World = Object.fromEntries(KINDS.map((prefix) => [prefix, encodeId(prefix, newId())]));

/** One call: nothing but what `ids` gives differs from a call that would succeed. */
export interface Call {
  readonly what: string;
  readonly path: string;
  readonly body: v1.Json | undefined;
}

/** A call of the route with the organization's own ids, which would succeed. */
export function ownCall(route: Route, own: World): Call {
  const body = FIXTURES[nameOf(route)]?.body?.(own);
  return {
    what: nameOf(route),
    path: fillPath(
      route,
      pathPrefixes(route).map((prefix) => own[prefix ?? ''] ?? ''),
    ),
    body,
  };
}

/** For every place of an id in path and body: the call with `other`'s id there and the organization's own elsewhere. */
export function foreignCalls(route: Route, own: World, other: World): Call[] {
  const call = ownCall(route, own);
  const prefixes = pathPrefixes(route);
  const ids = (from: (i: number) => World): string[] => prefixes.map((prefix, i) => from(i)[prefix ?? ''] ?? '');
  const places = prefixes.map((prefix, at) => ({
    ...call,
    what: `${call.what} with another's ${prefix} in the path`,
    path: fillPath(
      route,
      ids((i) => (i === at ? other : own)),
    ),
  }));
  if (prefixes.length > 1) {
    places.push({
      ...call,
      what: `${call.what} with another's path`,
      path: fillPath(
        route,
        ids(() => other),
      ),
    });
  }
  const bodies = call.body === undefined ? [] : idPlaces(call.body);
  return [
    ...places,
    ...bodies.map(({ place, prefix }) => ({
      ...call,
      what: `${call.what} with another's ${place}`,
      body: replaced(call.body as v1.Json, place.split('.'), other[prefix] ?? ''),
    })),
  ];
}

/** Every filter that takes an id, with `other`'s. */
export function foreignFilters(route: Route, own: World, other: World): Call[] {
  const call = ownCall(route, own);
  return route.query.flatMap(({ name }) =>
    (isIdField(name) ? (FILTERS[name] ?? []) : []).map((prefix) => ({
      ...call,
      what: `${call.what} filtered by another's ${name} ${prefix}`,
      path: `${call.path}?${name}=${other[prefix]}`,
    })),
  );
}

function fillPath({ path }: Route, ids: readonly string[]): string {
  let i = 0;
  return path.replace(/\{[^}]+\}/g, () => ids[i++] ?? '');
}

/** Where public ids stand in a value, as dotted paths. */
function idPlaces(value: unknown, place = ''): { place: string; prefix: string }[] {
  if (typeof value === 'string') {
    const prefix = /^([a-z]+)_[0-9a-z]{26}$/.exec(value)?.[1];
    return prefix ? [{ place, prefix }] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => idPlaces(inner, place ? `${place}.${key}` : key));
}

function replaced<T>(value: T, [head, ...rest]: readonly string[], id: string): T {
  if (head === undefined) return id as T;
  const inner = (value as Record<string, unknown>)[head];
  const changed = replaced(inner, rest, id);
  if (Array.isArray(value)) return value.map((item: unknown, i) => (String(i) === head ? changed : item)) as T;
  return { ...value, [head]: changed };
}

/** The other organization's own word: in every text of it that is free. */
export const MARK = 'zebrafish';
export const MARKED_PHONE = '+5521988887766';

/** One record of each kind, in each of them `word` wherever a text may stand. */
export async function populate(hub: Hub, api: ApiClient, subscriber: Subscriber, word: string): Promise<World> {
  const metadata = { note: word };
  const channel = await v1.channel(api, { name: `${word} channel`, metadata });
  const phone = word === MARK ? MARKED_PHONE : v1.newPhone();
  const contact = await v1.contact(api, { name: `${word} person`, email: `${word}@example.com`, phone, metadata });
  const user = await v1.user(api, { name: `${word} agent`, email: `${word}-agent@example.com`, metadata });
  const bot = await v1.bot(api, { name: `${word} bot`, description: word, config: { systemPrompt: word } });
  const conversation = await v1.conversation(api, {
    channelId: channel.id,
    contactId: contact.id,
    assigneeId: user.id,
    subject: `${word} subject`,
    tags: [word],
    metadata,
  });
  const message = v1.ok(await v1.say(api, conversation.id, `${word} text`, { clientMessageId: word, metadata }));
  const webhook = v1.ok(
    await api.post('/v1/webhooks', {
      url: subscriber.url(`/${word}`),
      events: ['*'],
      description: word,
      headers: { 'x-word': word },
    }),
  );
  const { deliveryId } = v1.ok(await api.post<{ deliveryId: string }>(`/v1/webhooks/${webhook.id}/test`));
  const media = v1.ok(await upload(api, word, { filename: `${word}.txt` }));
  const organization = v1.uuid(api.organizationId);
  return {
    media: media.id,
    ch: channel.id,
    contact: contact.id,
    user: user.id,
    bot: bot.id,
    conv: conversation.id,
    msg: message.id,
    wh: webhook.id,
    del: deliveryId,
    key: encodeId('key', (await addKey(hub, organization, { name: `${word} key` })).id),
  };
}

/** A key of the organization in the state that is wanted. */
export async function addKey(
  hub: Hub,
  organizationId: string,
  state: {
    readonly name?: string;
    readonly scopes?: readonly string[];
    readonly expired?: boolean;
    readonly revoked?: boolean;
  },
): Promise<{ id: string; key: string }> {
  const id = newId();
  const key = newApiKey();
  await hub.sql(
    `INSERT INTO api_key (organization_id, id, name, kind, prefix, hash, scopes, expires_at, revoked_at)
     VALUES ($1, $2, $3, 'service', $4, $5, $6, CASE WHEN $7 THEN now() - interval '1 second' END, CASE WHEN $8 THEN now() END)`,
    [
      organizationId,
      id,
      state.name ?? 'walker',
      apiKeyPrefix(key),
      hashApiKey(key),
      state.scopes ?? ['admin'],
      state.expired ?? false,
      state.revoked ?? false,
    ],
  );
  return { id, key };
}

/** Counters that move whenever anybody asks: no record of anything. */
const COUNTERS = new Set(['rate_limit', 'rate_limits']);

/** A checksum of every table but for the time a key was last used: what it is before, it must be after. */
export async function checksums(hub: Hub): Promise<Record<string, string>> {
  const tables = await hub.sql<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1`,
  );
  const parts = tables
    .filter(({ name }) => !COUNTERS.has(name))
    .map(
      ({ name }) =>
        `SELECT '${name}' AS name, count(*) || ' rows ' || coalesce(md5(string_agg(row, '' ORDER BY row)), '') AS sum
         FROM (SELECT md5((to_jsonb(t) - 'last_used_at')::text) AS row FROM "${name}" t) AS rows`,
    );
  const sums = await hub.sql<{ name: string; sum: string }>(parts.join(' UNION ALL '));
  return Object.fromEntries(sums.map(({ name, sum }) => [name, sum]));
}

import { apiKeyPrefix, hashApiKey, newApiKey } from '@hub/identity/api-key.js';
import { documentPath } from '@hub/http/document.js';
import { SCOPES } from '@hub/identity/actor.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import { ENNEO_WALK } from '../dialects/enneo/route-walk.js';
import { PACT_WALK } from '../dialects/pact/route-walk.js';
import { TICKET_DESK_WALK } from '../dialects/ticket-desk/route-walk.js';
import { PARTICIPANTS_WALK } from '../dialects/participants/route-walk.js';
import { V1_WALK } from '../dialects/v1/route-walk.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { ApiClient } from '../support/api-client.js';
import type { Hub } from '../support/harness.js';
import { routesOf, type Route, type Schema } from '../support/routes.js';
import type { Subscriber } from '../support/subscriber.js';
import { upload } from './media-fixtures.js';
import type { Walk, WalkedRoute, World } from '../support/walk.js';
import { DIALECTS } from '../../apps/api/dialects.js';

/** Every dialect that is served, by its name. */
const WALKS: Readonly<Record<string, Walk>> = {
  v1: V1_WALK,
  'ticket-desk': TICKET_DESK_WALK,
  participants: PARTICIPANTS_WALK,
  enneo: ENNEO_WALK,
  pact: PACT_WALK,
};

/** Every operation of every served document. */
export async function everyRoute(hub: Hub): Promise<WalkedRoute[]> {
  const found = DIALECTS.map(async (dialect) => {
    const walk = WALKS[dialect.name];
    if (!walk) throw new Error(`The dialect ${dialect.name} has no walk`);
    return (await routesOf(hub, documentPath(DIALECTS, dialect))).map((route) => ({ ...route, walk }));
  });
  return (await Promise.all(found)).flat();
}

/** Who may call it: decided by the fixture, whatever the document says. */
export const accessOf = (route: WalkedRoute): 'public' | 'anyone' | 'scoped' =>
  route.walk.fixtures[nameOf(route)]?.access ?? 'scoped';

/** What the document says instead of a scope where none is needed. */
const SAID = { public: 'public', anyone: 'authenticated', scoped: '' } as const;

export const nameOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string => `${method} ${path}`;

const pathKinds = ({ path, walk }: WalkedRoute): (string | undefined)[] =>
  [...path.matchAll(/([^/]+)\/\{[^}]+\}/g)].map(([, noun]) => walk.nouns[noun ?? '']);

/** What the table above lacks for a route, in words. */
export function gapsOf(route: WalkedRoute): string[] {
  const { fixtures, filters, isIdField } = route.walk;
  const fixture = fixtures[nameOf(route)];
  if (!fixture) return [`${nameOf(route)} has no fixture`];
  const gaps: string[] = [];
  const access = accessOf(route);
  const isScope = (SCOPES as readonly string[]).includes(route.scope);
  if (access === 'scoped' ? !isScope : route.scope !== SAID[access]) {
    gaps.push(`is said to be for \`${route.scope}\`, and is decided to be ${access}`);
  }
  if (pathKinds(route).includes(undefined)) gaps.push('an id in its path is of no known kind');
  for (const { name } of route.query)
    if (isIdField(name) && !filters[name]) gaps.push(`the filter ${name} is not known`);
  const body = fixture.body?.(SAMPLE);
  if (route.body && !body && Object.keys(route.body.properties ?? {}).some((name) => required(route.body, name))) {
    gaps.push('it has no body');
  }
  const found = body === undefined ? [] : idPlaces(body, SAMPLE).map(({ place }) => place.split('.')[0]);
  for (const name of Object.keys(route.body?.properties ?? {})) {
    if (isIdField(name) && !found.includes(name)) gaps.push(`its body lacks ${name}`);
  }
  return gaps.map((gap) => `${nameOf(route)}: ${gap}`);
}

const required = (schema: (Schema & { required?: readonly string[] }) | null, name: string): boolean =>
  schema?.required?.includes(name) ?? false;

const KINDS = [
  'conv',
  'contact',
  'ch',
  'user',
  'bot',
  'wh',
  'del',
  'msg',
  'key',
  'ticket',
  'media',
  'team',
  'queue',
  'offer',
];
const SAMPLE: World = Object.fromEntries(KINDS.map((prefix) => [prefix, encodeId(prefix, newId())]));

/** One call: nothing but what `ids` gives differs from a call that would succeed. */
export interface Call {
  readonly what: string;
  readonly path: string;
  readonly body: v1.Json | undefined;
}

/** A call of the route with the organization's own ids, which would succeed. */
export function ownCall(route: WalkedRoute, own: World): Call {
  const body = route.walk.fixtures[nameOf(route)]?.body?.(own);
  return {
    what: nameOf(route),
    path: fillPath(
      route,
      pathKinds(route).map((prefix) => own[prefix ?? ''] ?? ''),
    ),
    body,
  };
}

/** For every place of an id in path and body: the call with `other`'s id there and the organization's own elsewhere. */
export function foreignCalls(route: WalkedRoute, own: World, other: World): Call[] {
  const call = ownCall(route, own);
  const prefixes = pathKinds(route);
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
  const bodies = call.body === undefined ? [] : idPlaces(call.body, own);
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
export function foreignFilters(route: WalkedRoute, own: World, other: World): Call[] {
  const call = ownCall(route, own);
  return route.query.flatMap(({ name }) =>
    (route.walk.isIdField(name) ? (route.walk.filters[name] ?? []) : []).map((prefix) => ({
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

/** Where ids of `world` stand in a value, as dotted paths. */
function idPlaces(value: unknown, world: World, place = ''): { place: string; prefix: string }[] {
  if (typeof value === 'string' || typeof value === 'number') {
    const prefix = Object.keys(world).find((kind) => world[kind] === String(value));
    return prefix ? [{ place, prefix }] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => idPlaces(inner, world, place ? `${place}.${key}` : key));
}

function replaced<T>(value: T, [head, ...rest]: readonly string[], id: string): T {
  if (head === undefined) return (typeof value === 'number' ? Number(id) : id) as T;
  const inner = (value as Record<string, unknown>)[head];
  const changed = replaced(inner, rest, id);
  if (Array.isArray(value)) return value.map((item: unknown, i) => (String(i) === head ? changed : item)) as T;
  return { ...value, [head]: changed };
}

/** The other organization's own word: in every text of it that is free. */
export const MARK = 'zebrafish';
export const MARKED_PHONE = '+5521988887766';

/** The user of a world that {@link populate} has made; takes part in its conversation. */
export const personOf = (word: string) => ({ email: `${word}-agent@example.com`, password: `${word} ${word}` });

/** One record of each kind, in each of them `word` wherever a text may stand. */
export async function populate(hub: Hub, api: ApiClient, subscriber: Subscriber, word: string): Promise<World> {
  const metadata = { note: word };
  const channel = await v1.channel(api, { name: `${word} channel`, metadata });
  const phone = word === MARK ? MARKED_PHONE : v1.newPhone();
  const contact = await v1.contact(api, {
    name: `${word} person`,
    email: `${word}@example.com`,
    phone,
    metadata,
    tags: [word],
  });
  const user = await v1.user(api, { name: `${word} agent`, ...personOf(word), metadata });
  const bot = await v1.bot(api, { name: `${word} bot`, description: word, config: { systemPrompt: word } });
  const ticket = v1.ok(
    await api.post('/v1/tickets', { subject: `${word} ticket`, contactId: contact.id, staffId: user.id, metadata }),
  );
  const conversation = await v1.conversation(api, {
    channelId: channel.id,
    contactId: contact.id,
    assigneeId: user.id,
    ticketId: ticket.id,
    entity: { type: 'order', id: word },
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
  const routed = await populateRouting(hub, api, { word, userId: user.id, conversationId: conversation.id });
  const media = v1.ok(await upload(api, word, { filename: `${word}.txt` }));
  const organization = v1.uuid(api.organizationId);
  return {
    media: media.id,
    ...routed,
    ch: channel.id,
    contact: contact.id,
    user: user.id,
    bot: bot.id,
    conv: conversation.id,
    msg: message.id,
    ticket: ticket.id,
    wh: webhook.id,
    del: deliveryId,
    key: encodeId('key', (await addKey(hub, organization, { name: `${word} key` })).id),
  };
}

/** A team, its queue, and an offer of the conversation to the user. */
async function populateRouting(
  hub: Hub,
  api: ApiClient,
  { word, userId, conversationId }: { word: string; userId: string; conversationId: string },
): Promise<World> {
  const organization = v1.uuid(api.organizationId);
  const [team, queue, offer] = [newId(), newId(), newId()];
  await hub.sql('INSERT INTO team (organization_id, id, name) VALUES ($1, $2, $3)', [
    organization,
    team,
    `${word} team`,
  ]);
  await hub.sql('INSERT INTO queue (organization_id, id, name, team_id) VALUES ($1, $2, $3, $4)', [
    organization,
    queue,
    `${word} queue`,
    team,
  ]);
  await hub.sql(
    `INSERT INTO offer (organization_id, id, conversation_id, user_id, kind, state, reason, expires_at)
     VALUES ($1, $2, $3, $4, 'transfer', 'open', $5, now() + interval '1 hour')`,
    [organization, offer, v1.uuid(conversationId), v1.uuid(userId), word],
  );
  return { team: encodeId('team', team), queue: encodeId('queue', queue), offer: encodeId('offer', offer) };
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

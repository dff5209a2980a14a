import { jest } from '@jest/globals';
import { SCOPES } from '@hub/identity/actor.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { Answer, ApiClient } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import { Subscriber } from '../support/subscriber.js';
import type { Refusal, Walk, WalkedRoute, World } from '../support/walk.js';
import {
  accessOf,
  addKey,
  checksums,
  everyRoute,
  foreignCalls,
  foreignFilters,
  gapsOf,
  MARK,
  MARKED_PHONE,
  nameOf,
  ownCall,
  personOf,
  populate,
  type Call,
} from './route-walk-fixtures.js';

jest.setTimeout(180_000);

/** Every operation of every served document, tried by everybody who has no business there. A new route is covered by being there. */
describe('the route walk', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let routes: WalkedRoute[];
  let others: World;
  const worlds = new Map<Walk, { mine: World; others: World; unknown: World }>();
  const authorities = new Map<Walk, string>();

  beforeAll(async () => {
    [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
    routes = await everyRoute(hub);
    const mine = await populate(hub, hub.admin, subscriber, 'goldfish');
    others = await populate(hub, await hub.newOrganization(`${MARK} inc`), subscriber, MARK);
    const unknown = Object.fromEntries(Object.keys(others).map((prefix) => [prefix, encodeId(prefix, newId())]));
    for (const walk of new Set(routes.map((route) => route.walk))) {
      const { translate = (_: Hub, world: World) => Promise.resolve(world) } = walk;
      const [own, foreign, none] = await Promise.all([mine, others, unknown].map((world) => translate(hub, world)));
      worlds.set(walk, { mine: own!, others: foreign!, unknown: none! });
      authorities.set(walk, (await walk.authority?.(hub, personOf('goldfish'))) ?? hub.admin.key);
    }
  });
  afterAll(async () => {
    await hub.stop();
    await subscriber.stop();
  });

  /** Makes the calls; @returns what was wrong, by the route that was at fault for it. */
  async function walk(visit: (route: WalkedRoute) => Promise<string[]>, among = routes): Promise<string[]> {
    const wrong: string[] = [];
    let before = await checksums(hub);
    for (const route of among) {
      wrong.push(...(await visit(route)));
      const after = await checksums(hub);
      const written = Object.keys(after).filter((table) => after[table] !== before[table]);
      wrong.push(...written.map((table) => `${nameOf(route)} has written to ${table}`));
      before = after;
    }
    return wrong;
  }

  const worldsOf = ({ walk }: WalkedRoute) => worlds.get(walk)!;

  /** With these headers only; as whoever may do everything unless they are given. */
  const send = (
    { method, walk }: WalkedRoute,
    { path, body }: Call,
    headers: Record<string, string> = walk.credentials(authorities.get(walk)!)[0],
  ): Promise<Answer<unknown>> => hub.admin.call(method, path, { body, headers: { authorization: '', ...headers } });

  /** What is wrong with a refusal: other than expected, or telling something of the other organization. */
  function complaints(
    { walk }: WalkedRoute,
    what: string,
    answer: Answer<unknown>,
    { status, code }: Refusal,
  ): string[] {
    const said = walk.codeOf(answer);
    return [
      ...(answer.status === status
        ? []
        : [`${what}: ${answer.status} instead of ${status}: ${answer.text.slice(0, 200)}`]),
      ...(code === undefined || said === code ? [] : [`${what}: ${said} instead of ${code}`]),
      ...leaks(what, answer),
    ];
  }

  /** Ids of the other organization that were sent may come back; nothing else of it may. */
  function leaks(what: string, answer: Answer<unknown>, sent = ''): string[] {
    const ids = [others, ...[...worlds.values()].map((world) => world.others)].flatMap((world) => Object.values(world));
    const telling = ids.filter((id) => id.length >= 8 && !sent.includes(id)); // a short number may stand for anything
    const secrets = new Set([MARK, MARKED_PHONE, ...telling]);
    return [...secrets].filter((secret) => answer.text.includes(secret)).map((secret) => `${what} reveals ${secret}`);
  }

  const guarded = (): WalkedRoute[] => routes.filter((route) => accessOf(route) !== 'public');

  it('knows every route', () => {
    expect(routes.length).toBeGreaterThan(40);
    expect(routes.flatMap(gapsOf)).toEqual([]);
  });

  it('would notice a route without a fixture, and a body that lacks an id', () => {
    const [{ walk }] = routes as [WalkedRoute];
    const route = { method: 'POST', path: '/v1/new/{id}', query: [], body: null, statuses: [], scope: 'admin', walk };
    expect(gapsOf(route)).toEqual(['POST /v1/new/{id} has no fixture']);
    const grown = routes.find((one) => nameOf(one) === 'POST /v1/contacts') as WalkedRoute;
    const body = { ...grown.body, properties: { ...grown.body?.properties, teamId: { type: 'string' } } };
    expect(gapsOf({ ...grown, body })).toEqual(['POST /v1/contacts: its body lacks teamId']);
  });

  it('lets nobody in without a key', async () => {
    const wrong = await walk(async (route) => {
      const call = ownCall(route, worldsOf(route).mine);
      const refused: string[] = [];
      for (const path of [call.path, ...route.walk.aliases(call.path)]) {
        const answer = await send(route, { ...call, path }, {});
        refused.push(...complaints(route, `${nameOf(route)} at ${path}`, answer, route.walk.unauthenticated));
      }
      const head = route.method === 'GET' ? await fetch(hub.url + call.path, { method: 'HEAD' }) : null;
      return [...refused, ...(head && head.status < 400 ? [`HEAD of ${nameOf(route)}: ${head.status}`] : [])];
    }, guarded());
    expect(wrong).toEqual([]);
  });

  it.each([
    ['an unknown', {}],
    ['an expired', { expired: true }],
    ['a revoked', { revoked: true }],
  ])('lets nobody in with %s key', async (_, state) => {
    const organization = v1.uuid(hub.admin.organizationId);
    const stored = Object.keys(state).length > 0;
    const key = stored ? (await addKey(hub, organization, state)).key : `sk_${'x'.repeat(43)}`;
    const wrong = await walk(async (route) => {
      const call = ownCall(route, worldsOf(route).mine);
      const refused: string[] = [];
      for (const headers of route.walk.credentials(key)) {
        const answer = await send(route, call, headers);
        refused.push(...complaints(route, nameOf(route), answer, route.walk.invalidKey));
      }
      return refused;
    }, guarded());
    expect(wrong).toEqual([]);
  });

  it('lets nobody in whose key has every scope but the one that is needed', async () => {
    const keys = new Map<string, ApiClient>();
    for (const scope of new Set(routes.map((route) => route.scope))) {
      const rest = SCOPES.filter((one) => one !== scope && one !== 'admin');
      keys.set(scope, await hub.withScopes(...rest));
    }
    const scoped = routes.filter((route) => ['scoped', 'staff'].includes(accessOf(route)));
    const wrong = await walk(async (route) => {
      const { key } = keys.get(route.scope) as ApiClient;
      const answer = await send(route, ownCall(route, worldsOf(route).mine), route.walk.credentials(key)[0]);
      return complaints(route, nameOf(route), answer, route.walk.forbidden);
    }, scoped);
    expect(wrong).toEqual([]);
  });

  it("takes another organization's id for one that does not exist, word for word", async () => {
    const wrong = await walk(async (route) => {
      const { worded } = route.walk;
      const { mine, others, unknown } = worldsOf(route);
      const foreign = foreignCalls(route, mine, others);
      const invented = foreignCalls(route, mine, unknown);
      const found: string[] = [];
      for (const [i, call] of foreign.entries()) {
        const answer = await send(route, call);
        found.push(...complaints(route, call.what, answer, { status: 404 }));
        const twin = await send(route, invented[i] as Call);
        if (worded(answer) !== worded(twin)) found.push(`${call.what}: ${worded(answer)} but unknown ${worded(twin)}`);
      }
      return found;
    });
    expect(wrong).toEqual([]);
  });

  it("finds nothing by another organization's id in a filter", async () => {
    const wrong = await walk(async (route) => {
      const found: string[] = [];
      const { mine, others } = worldsOf(route);
      for (const call of foreignFilters(route, mine, others)) {
        const answer = await send(route, call);
        if (!route.walk.isEmptyList(answer) && ![400, 404].includes(answer.status))
          found.push(`${call.what}: ${answer.text.slice(0, 200)}`);
        found.push(...leaks(call.what, answer, call.path));
      }
      return found;
    });
    expect(wrong).toEqual([]);
  });

  it('shows nothing of another organization to whoever reads everything', async () => {
    const reads = routes.filter((route) => route.method === 'GET' && accessOf(route) !== 'staff'); // a key has nothing of its own
    const wrong = await walk(async (route) => {
      const call = ownCall(route, worldsOf(route).mine);
      const answer = await send(route, call);
      return [...(answer.status === 200 ? [] : [`${call.what}: ${answer.status}`]), ...leaks(call.what, answer)];
    }, reads);
    expect(wrong).toEqual([]);
  });
});

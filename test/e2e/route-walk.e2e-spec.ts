import { jest } from '@jest/globals';
import { SCOPES } from '@hub/identity/actor.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import { routesOf, type Route } from '../dialects/v1/bad-input-fixtures.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { Answer, ApiClient } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import { Subscriber } from '../support/subscriber.js';
import {
  accessOf,
  addKey,
  checksums,
  foreignCalls,
  foreignFilters,
  gapsOf,
  MARK,
  MARKED_PHONE,
  nameOf,
  ownCall,
  populate,
  type Call,
  type World,
} from './route-walk-fixtures.js';

jest.setTimeout(180_000);

/** Every operation of the served document, tried by everybody who has no business there. A new route is covered by being there. */
describe('the route walk', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let routes: Route[];
  let mine: World;
  let others: World;
  let unknown: World;

  beforeAll(async () => {
    [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
    routes = await routesOf(hub);
    mine = await populate(hub, hub.admin, subscriber, 'goldfish');
    others = await populate(hub, await hub.newOrganization(`${MARK} inc`), subscriber, MARK);
    unknown = Object.fromEntries(Object.keys(others).map((prefix) => [prefix, encodeId(prefix, newId())]));
  });
  afterAll(async () => {
    await hub.stop();
    await subscriber.stop();
  });

  /** Makes the calls; @returns what was wrong, by the route that was at fault for it. */
  async function walk(visit: (route: Route) => Promise<string[]>, among = routes): Promise<string[]> {
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

  const send = (route: Route, call: Call, headers?: Record<string, string>): Promise<Answer<unknown>> =>
    hub.admin.call(route.method, call.path, { body: call.body, ...(headers && { headers }) });

  /** What is wrong with a refusal: other than expected, or telling something of the other organization. */
  function complaints(what: string, answer: Answer<unknown>, status: number, code?: string): string[] {
    return [
      ...(answer.status === status
        ? []
        : [`${what}: ${answer.status} instead of ${status}: ${answer.text.slice(0, 200)}`]),
      ...(code === undefined || answer.error?.code === code
        ? []
        : [`${what}: ${answer.error?.code} instead of ${code}`]),
      ...leaks(what, answer),
    ];
  }

  /** Ids of the other organization that were sent may come back; nothing else of it may. */
  function leaks(what: string, answer: Answer<unknown>, sent = ''): string[] {
    const secrets = [MARK, MARKED_PHONE, ...Object.values(others).filter((id) => !sent.includes(id))];
    return secrets.filter((secret) => answer.text.includes(secret)).map((secret) => `${what} reveals ${secret}`);
  }

  const guarded = (): Route[] => routes.filter((route) => accessOf(route) !== 'public');

  it('knows every route', () => {
    expect(routes.length).toBeGreaterThan(40);
    expect(routes.flatMap(gapsOf)).toEqual([]);
  });

  it('would notice a route without a fixture, and a body that lacks an id', () => {
    const route = { method: 'POST', path: '/v1/new/{id}', query: [], body: null, statuses: [], scope: 'admin' };
    expect(gapsOf(route)).toEqual(['POST /v1/new/{id} has no fixture']);
    const grown = routes.find((one) => nameOf(one) === 'POST /v1/contacts') as Route;
    const body = { ...grown.body, properties: { ...grown.body?.properties, teamId: { type: 'string' } } };
    expect(gapsOf({ ...grown, body })).toEqual(['POST /v1/contacts: its body lacks teamId']);
  });

  it('lets nobody in without a key', async () => {
    const wrong = await walk(async (route) => {
      const call = ownCall(route, mine);
      const direct = await send(route, call, { authorization: '' });
      const alias = await send(route, { ...call, path: `/api${call.path}` }, { authorization: '' });
      const head = route.method === 'GET' ? await fetch(hub.url + call.path, { method: 'HEAD' }) : null;
      return [
        ...complaints(nameOf(route), direct, 401, 'AUTHENTICATION_REQUIRED'),
        ...complaints(`${nameOf(route)} under /api`, alias, 401, 'AUTHENTICATION_REQUIRED'),
        ...(head && head.status < 400 ? [`HEAD of ${nameOf(route)}: ${head.status}`] : []),
      ];
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
      const call = ownCall(route, mine);
      const bearer = await send(route, call, { authorization: `Bearer ${key}` });
      const header = await send(route, call, { authorization: '', 'x-api-key': key });
      return [bearer, header].flatMap((answer) => complaints(nameOf(route), answer, 401, 'INVALID_API_KEY'));
    }, guarded());
    expect(wrong).toEqual([]);
  });

  it('lets nobody in whose key has every scope but the one that is needed', async () => {
    const keys = new Map<string, ApiClient>();
    for (const scope of new Set(routes.map((route) => route.scope))) {
      const rest = SCOPES.filter((one) => one !== scope && one !== 'admin');
      keys.set(scope, await hub.withScopes(...rest));
    }
    const scoped = routes.filter((route) => accessOf(route) === 'scoped');
    const wrong = await walk(async (route) => {
      const { path, body } = ownCall(route, mine);
      const answer = await (keys.get(route.scope) as ApiClient).call(route.method, path, { body });
      return complaints(nameOf(route), answer, 403, 'INSUFFICIENT_PERMISSIONS');
    }, scoped);
    expect(wrong).toEqual([]);
  });

  it("takes another organization's id for one that does not exist, word for word", async () => {
    const wrong = await walk(async (route) => {
      const foreign = foreignCalls(route, mine, others);
      const invented = foreignCalls(route, mine, unknown);
      const found: string[] = [];
      for (const [i, call] of foreign.entries()) {
        const answer = await send(route, call);
        found.push(...complaints(call.what, answer, 404));
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
      for (const call of foreignFilters(route, mine, others)) {
        const answer = await send(route, call);
        const isEmpty = answer.status === 200 && Array.isArray(answer.data) && answer.data.length === 0;
        if (!isEmpty && ![400, 404].includes(answer.status)) found.push(`${call.what}: ${answer.text.slice(0, 200)}`);
        found.push(...leaks(call.what, answer, call.path));
      }
      return found;
    });
    expect(wrong).toEqual([]);
  });

  it('shows nothing of another organization to whoever reads everything', async () => {
    const reads = routes.filter(({ method }) => method === 'GET');
    const wrong = await walk(async (route) => {
      const call = ownCall(route, mine);
      const answer = await send(route, call);
      return [...(answer.status === 200 ? [] : [`${call.what}: ${answer.status}`]), ...leaks(call.what, answer)];
    }, reads);
    expect(wrong).toEqual([]);
  });
});

const worded = ({ status, error }: Answer<unknown>): string => `${status} ${JSON.stringify(error)}`;

import { jest } from '@jest/globals';
import fc from 'fast-check';
import { SCOPES } from '@hub/identity/actor.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import { startHub, type Hub } from '../support/harness.js';
import type { WalkedRoute, World } from '../support/walk.js';
import { accessOf, addKey, everyRoute, nameOf, ownCall } from './route-walk-fixtures.js';

jest.setTimeout(180_000);

/** Words that are near a scope and must open nothing. */
const NEAR = [
  '',
  '*',
  'ADMIN',
  'Admin',
  'admin ',
  ' admin',
  'admins',
  'admin:read',
  'admin:write',
  'super_admin',
  'messages',
  'messages:*',
  'messages:',
  '*:read',
  'conversations:READ',
  'conversation:read',
  'read',
  'write',
  'constructor',
  '__proto__',
  'channels:read,admin',
];

/** The rule itself, tried through the whole product: HTTP, guard and database. */
describe('the authorization rules', () => {
  let hub: Hub;
  let routes: WalkedRoute[];
  let organization: string;

  beforeAll(async () => {
    hub = await startHub();
    routes = await everyRoute(hub);
    organization = v1.uuid(hub.admin.organizationId);
  });
  afterAll(() => hub.stop());

  /** Ids of things that do not exist: whoever is let in finds nothing and breaks nothing. */
  const nowhere = (): World =>
    Object.fromEntries(
      'conv contact ch user bot wh del rec msg key ticket media team queue offer rule autorule sla'
        .split(' ')
        .map((prefix) => [prefix, encodeId(prefix, newId())]),
    );

  /** Where somebody else has to call, no key is let in, whatever its scopes. */
  const takesKeys = ({ walk }: WalkedRoute): boolean => walk.authority === undefined;

  async function ask(route: WalkedRoute, key: string): Promise<number> {
    const { translate } = route.walk;
    const { path, body } = ownCall(route, translate ? await translate(hub, nowhere()) : nowhere());
    const response = await fetch(hub.url + path, {
      method: route.method,
      headers: { ...route.walk.credentials(key)[0], ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    await response.arrayBuffer();
    return response.status;
  }

  it('let a key in if and only if it has the scope of the route, or admin', async () => {
    const guarded = routes.filter((route) => accessOf(route) === 'scoped');
    const scopes = fc.uniqueArray(fc.constantFrom(...SCOPES.filter((scope) => scope !== 'admin'), ...NEAR), {
      maxLength: 12,
    });
    const withAdmin = fc.boolean().chain((admin) => (admin ? fc.integer({ min: 0, max: 3 }) : fc.constant(1)));
    const property = fc.asyncProperty(
      scopes,
      withAdmin,
      fc.uniqueArray(fc.constantFrom(...guarded), { minLength: 1, maxLength: 6 }),
      async (some, chance, tried) => {
        const held = chance === 0 ? [...some, 'admin'] : some; // one in eight is an admin
        const { key } = await addKey(hub, organization, { scopes: held });
        for (const route of tried) {
          const status = await ask(route, key);
          const may = takesKeys(route) && (held.includes(route.scope) || held.includes('admin'));
          const wasLetIn = status !== 401 && status !== 403;
          if (wasLetIn !== may || status >= 500) {
            throw new Error(`${nameOf(route)} (${route.scope}) answered ${status} to [${held.join(', ')}]`);
          }
        }
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });

  it('let a key with exactly the one scope into every route that names it', async () => {
    const wrong: string[] = [];
    for (const scope of SCOPES) {
      const { key } = await addKey(hub, organization, { scopes: [scope] });
      for (const route of routes.filter((one) => one.scope === scope && takesKeys(one))) {
        const status = await ask(route, key);
        if ([401, 403].includes(status) || status >= 500) wrong.push(`${nameOf(route)}: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('let a key without scopes, or with none that exists, in nowhere', async () => {
    const guarded = routes.filter((route) => accessOf(route) === 'scoped');
    const wrong: string[] = [];
    for (const scopes of [[], NEAR]) {
      const { key } = await addKey(hub, organization, { scopes });
      for (const route of guarded) {
        const status = await ask(route, key);
        if (status !== route.walk.forbidden.status) wrong.push(`${nameOf(route)}: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

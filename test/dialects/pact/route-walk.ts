import { decodeId } from '@hub/platform/ids.js';
import type { Answer } from '../../support/api-client.js';
import type { Hub } from '../../support/harness.js';
import type { Fixture, Walk, World } from '../../support/walk.js';

const AT = '/p1/companies/{company}/conversations';

/** Every operation of this contract. One that is missing here fails the walk by its name. */
const FIXTURES: Readonly<Record<string, Fixture>> = {
  [`GET ${AT}`]: {},
  [`POST ${AT}`]: { body: () => ({ provider: 'whatsapp', phone: '79250000001' }) },
  [`GET ${AT}/{id}`]: {},
  [`PUT ${AT}/{id}/assign`]: { body: (own) => ({ assignee_id: own['user'] }) },
};

const TABLES: Readonly<Record<string, string>> = {
  user: 'users',
  bot: 'bot',
  contact: 'contact',
  conv: 'conversation',
};
const NOBODY = 9_007_199_254_740_000;

/** The numbers behind the public ids; of what does not exist, one that nothing has. */
async function translate(hub: Hub, world: World): Promise<World> {
  const numbers: Record<string, string> = {};
  for (const [kind, table] of Object.entries(TABLES)) {
    const [row] = await hub.sql<{ number: string }>(`SELECT number FROM ${table} WHERE id = $1`, [
      decodeId(kind, world[kind] ?? ''),
    ]);
    numbers[kind] = String(row?.number ?? NOBODY);
  }
  const [row] = await hub.sql<{ number: string }>(
    `SELECT o.number FROM organization o JOIN users u ON u.organization_id = o.id WHERE u.id = $1`,
    [decodeId('user', world['user'] ?? '')],
  );
  return { ...numbers, company: String(row?.number ?? NOBODY) };
}

const bodyOf = (answer: Answer<unknown>) => JSON.parse(answer.text) as { data?: { conversations?: unknown[] } };

/** This contract for the route walk. */
export const PACT_WALK: Walk = {
  fixtures: FIXTURES,
  nouns: { companies: 'company', conversations: 'conv' },
  filters: {},
  isIdField: (name) => name.endsWith('_id'),
  aliases: () => [],
  credentials: (key) => [{ 'x-private-api-token': key }],
  unauthenticated: { status: 401, code: 'AUTHENTICATION_REQUIRED' },
  invalidKey: { status: 401, code: 'INVALID_API_KEY' },
  forbidden: { status: 403, code: 'INSUFFICIENT_PERMISSIONS' },
  codeOf: ({ error }) => error?.code,
  worded: ({ status, error }) => `${status} ${JSON.stringify(error)}`,
  isEmptyList: (answer) => answer.status === 200 && bodyOf(answer).data?.conversations?.length === 0,
  translate,
};

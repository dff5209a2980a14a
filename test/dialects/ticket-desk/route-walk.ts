import { colleague, type Session } from '../../e2e/auth-fixtures.js';
import type { Hub } from '../../support/harness.js';
import type { Fixture, Walk, World } from '../../support/walk.js';
import { uuid } from '../v1/v1-fixtures.js';

/** Every operation of the ticket desk. One that is missing here fails the walk by its name. */
const FIXTURES: Readonly<Record<string, Fixture>> = {
  'GET /conversation/{conversationId}': {},
  'POST /conversation/{conversationId}/message': { body: () => ({ content: 'walked' }) },
  'PATCH /conversation/{conversationId}': {},
  'GET /conversation/ticket/{ticketId}/history': {},
  'POST /conversation/ticket/{id}': {},
};

const NUMBERED: readonly (readonly [kind: string, table: string])[] = [
  ['conv', 'conversation'],
  ['ticket', 'ticket'],
];
/** Higher than any that has been given. */
const NOBODYS = '987654321';

async function translate(hub: Hub, world: World): Promise<World> {
  const entries = NUMBERED.map(async ([kind, table]) => {
    const [row] = await hub.sql<{ number: string }>(`SELECT number::text FROM ${table} WHERE id = $1`, [
      uuid(world[kind] ?? ''),
    ]);
    return [kind, row?.number ?? NOBODYS] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The ticket desk for the route walk: an API key, whatever its scopes, is no token. */
export const TICKET_DESK_WALK: Walk = {
  fixtures: FIXTURES,
  nouns: { conversation: 'conv', ticket: 'ticket' },
  filters: {},
  isIdField: () => false,
  aliases: () => [],
  credentials: (token) => [{ authorization: `Bearer ${token}` }],
  authority: async (hub) => (await colleague(hub, { api: hub.admin } as Session, 'admin')).accessToken,
  unauthenticated: { status: 401 },
  invalidKey: { status: 401 },
  forbidden: { status: 401 },
  codeOf: () => undefined,
  worded: ({ status, text }) => `${status} ${text}`,
  isEmptyList: ({ text }) => text === '[]',
  translate,
};

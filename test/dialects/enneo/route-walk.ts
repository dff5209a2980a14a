import { colleague, type Session } from '../../e2e/auth-fixtures.js';
import type { Hub } from '../../support/harness.js';
import type { Walk, World } from '../../support/walk.js';
import { uuid } from '../v1/v1-fixtures.js';

/** Higher than any that has been given. */
const NOBODYS = '987654321';

/** The number behind the ticket's public id. */
async function translate(hub: Hub, world: World): Promise<World> {
  const [row] = await hub.sql<{ number: string }>('SELECT number::text FROM ticket WHERE id = $1', [
    uuid(world['ticket'] ?? ''),
  ]);
  return { ticket: row?.number ?? NOBODYS };
}

interface Refused {
  readonly error?: string;
  readonly details?: string;
}

/** This contract for the route walk: an API key, whatever its scopes, is no token. */
export const ENNEO_WALK: Walk = {
  fixtures: { 'GET /api/mind/ticket/{ticketId}/conversation': {} },
  nouns: { ticket: 'ticket' },
  filters: {},
  isIdField: (name) => name.endsWith('Id'),
  aliases: () => [],
  credentials: (token) => [{ authorization: `Bearer ${token}` }, { cookie: `connect.sid=${token}` }],
  authority: async (hub) => (await colleague(hub, { api: hub.admin } as Session, 'admin')).accessToken,
  unauthenticated: { status: 403 },
  invalidKey: { status: 403 },
  forbidden: { status: 403 },
  codeOf: () => undefined,
  worded: ({ status, text }) => {
    const { error, details } = JSON.parse(text) as Refused;
    return `${status} ${error} ${details}`;
  },
  isEmptyList: ({ status, text }) =>
    status === 200 && (JSON.parse(text) as { conversations: unknown[] }).conversations.length === 0,
  translate,
};

import type { Fixture, Walk } from '../../support/walk.js';
import { signIn } from '../../e2e/auth-fixtures.js';
import * as v1 from '../v1/v1-fixtures.js';

const FIXTURES: Readonly<Record<string, Fixture>> = {
  'GET /api/v2/conversations': { access: 'anyone' },
  'POST /api/v2/conversations': {
    access: 'anyone',
    body: (own) => ({ subject: 'walked', participant_user_ids: [own['user']] }),
  },
  'GET /api/v2/conversations/{conversation_id}': { access: 'anyone' },
  'PATCH /api/v2/conversations/{conversation_id}': { access: 'anyone', body: () => ({ subject: 'walked' }) },
  'GET /api/v2/conversations/{conversation_id}/messages': { access: 'anyone' },
  'POST /api/v2/conversations/{conversation_id}/messages': { access: 'anyone', body: () => ({ body: 'walked' }) },
};

/** Another organization's `organization_id` is a 403; an `entity_id` is nothing of ours. */
const NO_ID = /^(organization|entity)_id$/;

/** The participants' API for the route walk. */
export const PARTICIPANTS_WALK: Walk = {
  fixtures: FIXTURES,
  nouns: { conversations: 'conv' },
  filters: {},
  isIdField: (name) => /_ids?$/.test(name) && !NO_ID.test(name),
  aliases: () => [],
  credentials: (key) => [{ authorization: `Bearer ${key}` }],
  authority: async (hub, { email, password }) => (await signIn(hub, email, password)).accessToken,
  unauthenticated: { status: 401 },
  invalidKey: { status: 401 },
  forbidden: { status: 401 },
  codeOf: () => undefined,
  worded: ({ status, text }) => `${status} ${text}`,
  isEmptyList: ({ status, text }) => status === 200 && text === '[]',
  translate: (_, world) =>
    Promise.resolve(Object.fromEntries(Object.entries(world).map(([kind, id]) => [kind, v1.uuid(id)]))),
};

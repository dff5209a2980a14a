import type { Author } from '@hub/events/outbox.js';

/** What a key or a session may do. `admin` includes all the others. */
export const SCOPES = [
  'messages:read',
  'messages:write',
  'conversations:read',
  'conversations:write',
  'contacts:read',
  'contacts:write',
  'channels:read',
  'channels:write',
  'bots:read',
  'bots:write',
  'webhooks:read',
  'webhooks:write',
  'assignment:read',
  'assignment:write',
  'analytics:read',
  'admin',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Who is calling, already authenticated: one organization, one principal, its scopes. */
export interface Actor extends Author {
  readonly scopes: ReadonlySet<string>;
}

export const mayUse = (actor: Actor, scope: Scope): boolean => actor.scopes.has(scope) || actor.scopes.has('admin');

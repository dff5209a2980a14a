import type { Author } from '@hub/events/outbox.js';
import type { UserRole } from '@hub/model/user.entity.js';

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

const AGENT: readonly Scope[] = [
  'messages:read',
  'messages:write',
  'conversations:read',
  'conversations:write',
  'contacts:read',
  'contacts:write',
  'channels:read',
  'bots:read',
  'assignment:read',
];

/** Who can do what. Only a super_admin may make, change or remove another one. */
export const ROLE_SCOPES: Readonly<Record<UserRole, readonly Scope[]>> = {
  super_admin: ['admin'],
  admin: ['admin'],
  supervisor: [...AGENT, 'assignment:write', 'bots:write', 'webhooks:read', 'analytics:read'],
  agent: AGENT,
  customer: [],
};

/** Who is calling, already authenticated: one organization, one principal, its scopes. */
export interface Actor extends Author {
  readonly scopes: ReadonlySet<string>;
  /** Of a user who has signed in. */
  readonly role?: UserRole;
  /** The session of a user who has signed in. */
  readonly sessionId?: string;
  /** The highest role it may hand out: a user's own, a key's maker's. */
  readonly authority?: UserRole;
}

/** A user as the author of what they do without the guard having let them in: signing in, setting a password. */
export const userAuthor = (organizationId: string, id: string, name: string): Author => ({
  organizationId,
  principal: { type: 'user', id, name },
});

/** The contact that calls with a token of its own, else null. */
export const contactOf = ({ principal }: Author): string | null => (principal.type === 'contact' ? principal.id : null);

export const mayUse = (actor: Actor, scope: Scope): boolean => actor.scopes.has(scope) || actor.scopes.has('admin');

/** Whether `actor` may give `role` to somebody, or touch somebody who has it. */
export const mayGrant = (actor: Actor, role: UserRole): boolean =>
  role !== 'super_admin' || actor.authority === 'super_admin';

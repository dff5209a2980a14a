import { mayUse, type Actor, type Scope } from '@hub/identity/actor.js';

/** The metadata of a handler that holds its {@link Rule}. */
export const RULE = Symbol('route rule');

/** Who may call a route. Staff only is a scope and nothing besides: contacts and customers have none. */
export interface Rule {
  /**
   * `public`: anybody, without a credential; `authenticated`: every key and user, whatever their scopes; `staff`: users
   * who have signed in and work here, for what is theirs alone – no key can stand for them.
   */
  readonly scope: Scope | 'public' | 'authenticated' | 'staff';
  /** Besides the scope: users who have signed in, for what is their own. */
  readonly people?: boolean;
  /** Besides the scope: a contact with a token, for its own conversations. No other route lets a contact in. */
  readonly customer?: boolean;
  /** On a public route: whether a credential that is sent along is looked at. */
  readonly identify?: boolean;
  /** A public route that is limited by the caller's address (`LOGIN_RATE_LIMIT_PER_MINUTE`). */
  readonly limit?: 'login';
}

/** Whether the rule lets in a caller who is known. */
export function allows(rule: Rule, actor: Actor): boolean {
  if (rule.scope === 'public') return true;
  if (actor.principal.type === 'contact') return rule.customer === true;
  if (rule.scope === 'authenticated') return true;
  const isStaff = actor.role !== undefined && actor.role !== 'customer';
  if (rule.scope === 'staff') return isStaff;
  return mayUse(actor, rule.scope) || (rule.people === true && isStaff);
}

/** Who may call it, in words: for the description of the route in its document. */
export function audienceOf({ scope, people, customer }: Rule): string {
  const more = [people && 'signed-in users, for what is theirs', customer && 'contacts, for their own conversations'];
  return [`Scope: \`${scope}\``, ...more].filter(Boolean).join('; ') + '.';
}

import { mayUse, type Actor, type Scope } from '@hub/identity/actor.js';
import type { Constructor, Schema } from '@hub/platform/dto.js';

export const RULE = Symbol('v1 rule');

/** What a route is: who may call it, what it takes, what it answers. The guard and the document both read it. */
export interface Rule {
  /** `public`: anybody, without a credential; `authenticated`: every key and user, whatever their scopes. */
  readonly scope: Scope | 'public' | 'authenticated';
  /** Besides the scope: users who have signed in, for what is their own. */
  readonly people?: boolean;
  /** Besides the scope: a contact with a token, for its own conversations. No other route lets a contact in. */
  readonly customer?: boolean;
  /** On a public route: whether a credential that is sent along is looked at. */
  readonly identify?: boolean;
  readonly summary: string;
  readonly description?: string;
  readonly body?: Constructor;
  /** Whether the call works without a body, too. */
  readonly bodyOptional?: boolean;
  readonly query?: Constructor;
  /** The schema of a `multipart/form-data` body, which the route reads instead of JSON. */
  readonly upload?: Schema;
  /** 200 unless set; 204 answers nothing. */
  readonly status?: 200 | 201 | 204;
  /** Answered instead, in the same shape, when a repetition has changed nothing. */
  readonly again?: 200;
  /** Schemas of {@link V1_SCHEMAS} by name: of one resource, of a page, of a cursor's stretch, or of flat data. */
  readonly one?: string;
  readonly many?: string;
  readonly stretch?: string;
  readonly list?: string;
  readonly flat?: string;
  /** A public route that is limited by the caller's address (`LOGIN_RATE_LIMIT_PER_MINUTE`). */
  readonly limit?: 'login';
  /** The schema of `meta` where it is more than the usual one. */
  readonly meta?: string;
  /** Codes beyond 401, 403 and, where there is input, VALIDATION_ERROR. */
  readonly errors?: readonly string[];
}

/** Whether the rule lets in a caller who is known. */
export function allows(rule: Rule, actor: Actor): boolean {
  if (rule.scope === 'public') return true;
  if (actor.principal.type === 'contact') return rule.customer === true;
  if (rule.scope === 'authenticated') return true;
  return mayUse(actor, rule.scope) || (rule.people === true && actor.role !== undefined && actor.role !== 'customer');
}

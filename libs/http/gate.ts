import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { contactOf, type Actor } from '@hub/identity/actor.js';
import { Authenticator } from '@hub/identity/authenticator.js';
import { AuthenticationRequiredError, InsufficientPermissionsError } from '@hub/identity/identity.errors.js';
import { HubError } from '@hub/platform/errors.js';
import type { Credential } from './credential.js';
import { RequestLimits } from './limits.js';
import { requestOf } from './request.js';
import { allows, RULE, type Rule } from './rule.js';

/** Lets nobody in but by the rule that the route declares; a route without one is closed. Every guard asks it. */
@Injectable()
export class RequestGate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly limits: RequestLimits,
  ) {}

  /**
   * Puts the actor behind the credential on the request, counts it against the caller's limit, and holds it against
   * the rule, in this order.
   * @param credential what the dialect has found in the request
   * @returns the actor; null for somebody unknown on a public route
   * @throws AuthenticationRequiredError, InvalidApiKeyError, InvalidTokenError, TokenRevokedError,
   * RateLimitExceededError, InsufficientPermissionsError
   */
  async enter(context: ExecutionContext, credential: Credential | null): Promise<Actor | null> {
    const rule = this.reflector.get<Rule | undefined>(RULE, context.getHandler());
    const request = requestOf(context);
    if (rule?.scope === 'public') {
      const known = rule.identify ? await this.identify(credential) : null;
      if (known) request.actor = known;
      return known;
    }
    if (!credential) throw new AuthenticationRequiredError();
    const actor = await this.authenticate(credential);
    request.actor = actor;
    await this.limits.admit(actor, context.switchToHttp().getResponse<FastifyReply>());
    if (!rule || !allows(rule, actor)) throw new InsufficientPermissionsError(lackOf(rule, actor));
    return actor;
  }

  private authenticate({ kind, value }: Credential): Promise<Actor> {
    if (kind === 'cookie') return this.authenticator.authenticateCookie(value);
    if (kind === 'key') return this.authenticator.authenticateKey(value);
    return kind === 'token' ? this.authenticator.authenticateToken(value) : this.authenticator.authenticate(value);
  }

  /** As {@link authenticate}, but a credential that is worth nothing counts as none. */
  private async identify(credential: Credential | null): Promise<Actor | null> {
    try {
      return credential && (await this.authenticate(credential));
    } catch (error) {
      if (error instanceof HubError && error.kind === 'unauthenticated') return null;
      throw error;
    }
  }
}

const lackOf = (rule: Rule | undefined, actor: Actor): string =>
  contactOf(actor)
    ? "A contact's token is for the contact's own conversations only"
    : rule?.scope === 'staff'
      ? 'This is for staff who have signed in: no API key can stand for them'
      : (rule?.scope ?? 'admin');

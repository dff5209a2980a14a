import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { contactOf, type Actor } from '@hub/identity/actor.js';
import { Authenticator } from '@hub/identity/authenticator.js';
import { AuthenticationRequiredError, InsufficientPermissionsError } from '@hub/identity/identity.errors.js';
import { HubError } from '@hub/platform/errors.js';
import { credentialOf } from './v1.credential.js';
import { V1Limits } from './v1.limits.js';
import { allows, RULE, type Rule } from './v1.rule.js';

export type V1Request = FastifyRequest & { actor?: Actor };

/** Lets nobody in but by the rule that the route declares; a route without one is closed. */
@Injectable()
export class V1Guard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly limits: V1Limits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.get<Rule | undefined>(RULE, context.getHandler());
    const request = context.switchToHttp().getRequest<V1Request>();
    if (rule?.scope === 'public') {
      const known = rule.identify ? await this.identify(request) : null;
      if (known) request.actor = known;
      return true;
    }
    const actor = await this.authenticate(request);
    if (!actor) throw new AuthenticationRequiredError();
    request.actor = actor;
    await this.limits.admit(actor, context.switchToHttp().getResponse<FastifyReply>());
    if (!rule || !allows(rule, actor)) throw new InsufficientPermissionsError(lackOf(rule, actor));
    return true;
  }

  private async authenticate(request: V1Request): Promise<Actor | null> {
    const credential = credentialOf(request);
    if (!credential) return null;
    return credential.kind === 'cookie'
      ? this.authenticator.authenticateCookie(credential.value)
      : this.authenticator.authenticate(credential.value);
  }

  /** As {@link authenticate}, but a credential that is worth nothing counts as none. */
  private async identify(request: V1Request): Promise<Actor | null> {
    try {
      return await this.authenticate(request);
    } catch (error) {
      if (error instanceof HubError && error.kind === 'unauthenticated') return null;
      throw error;
    }
  }
}

const lackOf = (rule: Rule | undefined, actor: Actor): string =>
  contactOf(actor) ? "A contact's token is for the contact's own conversations only" : (rule?.scope ?? 'admin');

/** What a route tells Fastify of its rule. */
export interface V1RouteConfig {
  readonly needsCredential: boolean;
}

/** Turns away who brings no credential to a route that needs one, before a byte of the body is read. */
export function refuseNobody(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { needsCredential } = request.routeOptions.config as Partial<V1RouteConfig>;
    done(needsCredential && !credentialOf(request) ? new AuthenticationRequiredError() : undefined);
  });
}

/** Whom a request's log line names; nobody before the guard has let them in. */
export const callerOf = ({ actor }: V1Request): Record<string, string | null> =>
  actor ? { organization: actor.organizationId, principal: `${actor.principal.type}:${actor.principal.id}` } : {};

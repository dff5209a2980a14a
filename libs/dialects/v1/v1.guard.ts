import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayUse, type Actor } from '@hub/identity/actor.js';
import { ApiKeysService } from '@hub/identity/api-keys.service.js';
import { AuthenticationRequiredError, InsufficientPermissionsError } from '@hub/identity/identity.errors.js';
import { V1Limits } from './v1.limits.js';
import { RULE, type Rule } from './v1.rule.js';

export type V1Request = FastifyRequest & { actor?: Actor };

/** Lets nobody in but by the rule that the route declares; a route without one is closed. */
@Injectable()
export class V1Guard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly keys: ApiKeysService,
    private readonly limits: V1Limits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.get<Rule | undefined>(RULE, context.getHandler());
    const request = context.switchToHttp().getRequest<V1Request>();
    const key = credential(request);
    if (!key) throw new AuthenticationRequiredError();
    const actor = await this.keys.authenticate(key);
    request.actor = actor;
    await this.limits.admit(actor, context.switchToHttp().getResponse<FastifyReply>());
    if (!rule || !mayUse(actor, rule.scope)) throw new InsufficientPermissionsError(rule?.scope ?? 'admin');
    return true;
  }
}

/** Whom a request's log line names; nobody before the guard has let them in. */
export const callerOf = ({ actor }: V1Request): Record<string, string | null> =>
  actor ? { organization: actor.organizationId, principal: `${actor.principal.type}:${actor.principal.id}` } : {};

function credential({ headers }: FastifyRequest): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const header = headers['x-api-key'];
  return bearer ?? (typeof header === 'string' && header !== '' ? header : null);
}

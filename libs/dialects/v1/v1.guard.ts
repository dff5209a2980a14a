import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { mayUse, type Actor } from '@hub/identity/actor.js';
import { ApiKeysService } from '@hub/identity/api-keys.service.js';
import { AuthenticationRequiredError, InsufficientPermissionsError } from '@hub/identity/identity.errors.js';
import { RULE, type Rule } from './v1.rule.js';

export type V1Request = FastifyRequest & { actor?: Actor };

/** Lets nobody in but by the rule that the route declares; a route without one is closed. */
@Injectable()
export class V1Guard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly keys: ApiKeysService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.get<Rule | undefined>(RULE, context.getHandler());
    const request = context.switchToHttp().getRequest<V1Request>();
    const key = credential(request);
    if (!key) throw new AuthenticationRequiredError();
    const actor = await this.keys.authenticate(key);
    if (!rule || !mayUse(actor, rule.scope)) throw new InsufficientPermissionsError(rule?.scope ?? 'admin');
    request.actor = actor;
    return true;
  }
}

function credential({ headers }: FastifyRequest): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const header = headers['x-api-key'];
  return bearer ?? (typeof header === 'string' && header !== '' ? header : null);
}

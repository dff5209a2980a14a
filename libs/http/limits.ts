import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '@hub/identity/actor.js';
import { RateLimitExceededError, RateLimiter, type Limited } from '@hub/identity/rate-limiter.js';
import { networkOf } from '@hub/platform/addresses.js';
import { RULE, type Rule } from './rule.js';

/** Counts requests against their limits, and shows on every answer how they stand. */
@Injectable()
export class RequestLimits {
  constructor(private readonly limiter: RateLimiter) {}

  /** One request of a key or person. @throws RateLimitExceededError */
  admit({ organizationId, principal }: Actor, reply: FastifyReply): Promise<void> {
    return this.count('principal', `${organizationId}:${principal.type}:${principal.id}`, reply);
  }

  /** One request of an address. @throws RateLimitExceededError */
  admitFrom(ip: string, reply: FastifyReply): Promise<void> {
    return this.count('address', networkOf(ip), reply);
  }

  private async count(limited: Limited, id: string, reply: FastifyReply): Promise<void> {
    const quota = await this.limiter.take(limited, id);
    if (!quota) return;
    reply.header('x-ratelimit-limit', String(quota.limit));
    reply.header('x-ratelimit-remaining', String(quota.remaining));
    reply.header('x-ratelimit-reset', String(Math.ceil(quota.resetAt / 1000)));
    if (!quota.allowed) throw new RateLimitExceededError(Math.max(1, Math.ceil((quota.resetAt - Date.now()) / 1000)));
  }
}

/** Slows down whoever guesses at the public routes that declare `limit: 'login'`, before anything is looked up. */
@Injectable()
export class AddressLimitGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly limits: RequestLimits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.get<Rule | undefined>(RULE, context.getHandler());
    if (rule?.limit !== 'login') return true;
    const http = context.switchToHttp();
    await this.limits.admitFrom(http.getRequest<FastifyRequest>().ip, http.getResponse<FastifyReply>());
    return true;
  }
}

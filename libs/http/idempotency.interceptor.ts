import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { lastValueFrom, of } from 'rxjs';
import { IdempotencyService, type KeptAnswer } from '@hub/identity/idempotency.service.js';
import { Metrics } from '@hub/platform/metrics.js';
import { requestOf } from './request.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The metadata of a controller that answers at several addresses: (url) => the one that all of them stand for. */
export const CANONICAL = Symbol('canonical url');

/**
 * `Idempotency-Key` on every POST of an authenticated caller; without one it is not there. The public routes of
 * signing in have no principal whom a key could belong to, and ignore it.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  private readonly replays;

  constructor(
    private readonly reflector: Reflector,
    private readonly idempotency: IdempotencyService,
    metrics: Metrics,
  ) {
    this.replays = metrics.counter('idempotent_replays_total', 'POSTs that were given an answer kept for their key');
  }

  async intercept(context: ExecutionContext, next: CallHandler) {
    const request = requestOf(context);
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || !request.actor || typeof key !== 'string') return next.handle();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const canonical = this.reflector.get<((url: string) => string) | undefined>(CANONICAL, context.getClass());
    const parts = [request.method, canonical?.(request.url) ?? request.url, JSON.stringify(request.body) ?? ''];
    const { answer, replayed } = await this.idempotency.once({ author: request.actor, key, parts }, async () =>
      render(reply, await lastValueFrom(next.handle())),
    );
    if (replayed) {
      this.replays.inc();
      reply.header('idempotency-replayed', 'true');
    }
    reply.status(answer.status).header('content-type', answer.contentType);
    return of(answer.body);
  }
}

/** The answer as Fastify would write it, now: it is committed together with what it tells. */
const render = ({ statusCode }: FastifyReply, body: unknown): KeptAnswer => ({
  status: statusCode,
  contentType: JSON_TYPE,
  body: body === undefined ? '' : JSON.stringify(body),
});

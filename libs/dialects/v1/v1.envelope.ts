import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { CursorPage, Page } from '@hub/platform/paging.js';

/** One resource as the native API shows it. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly relationships?: Readonly<Record<string, unknown>>;
}

export interface Envelope {
  readonly data: unknown;
  readonly meta?: Readonly<Record<string, unknown>>;
}

export const one = (data: Resource): Envelope => ({ data });

/** An action's answer whose fields stand directly in `data`. */
export const flat = (data: Readonly<Record<string, unknown>>): Envelope => ({ data });

/** A page with its totals. */
export function many<T>({ items, page, perPage, totalCount }: Page<T>, toResource: (item: T) => Resource): Envelope {
  const totalPages = Math.ceil(totalCount / perPage);
  const pagination = {
    page,
    perPage,
    totalPages,
    totalCount,
    hasNextPage: page < totalPages,
    hasPrevPage: page > 1 && totalCount > 0,
  };
  return { data: items.map(toResource), meta: { pagination } };
}

/** A stretch of a list that is read by cursor. */
export const stretch = <T>({ items, next, hasMore }: CursorPage<T>, toResource: (item: T) => Resource): Envelope => ({
  data: items.map(toResource),
  meta: { cursor: { next, hasMore } },
});

/** Puts `meta.requestId` on every answer that has a body. */
@Injectable()
export class EnvelopeInterceptor implements NestInterceptor<Envelope | undefined, Envelope | undefined> {
  intercept(context: ExecutionContext, next: CallHandler<Envelope | undefined>): Observable<Envelope | undefined> {
    const requestId = context.switchToHttp().getRequest<FastifyRequest>().id;
    return next.handle().pipe(map((body) => body && { ...body, meta: { ...body.meta, requestId } }));
  }
}

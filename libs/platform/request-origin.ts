import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseTraceparent } from './tracing.js';

/** Where a request comes from. */
export interface RequestOrigin {
  readonly requestId: string;
  /** As it is believed: with TRUST_PROXY, the client's behind the proxy. */
  readonly address: string;
  readonly userAgent: string | null;
  /** Scheme and host that it was sent to, as the caller says and so far as it can be an address; else ''. */
  readonly baseUrl: string;
  /** The W3C traceparent that what it causes refers to: of its own span, or as the caller sent it; null without one. */
  readonly traceparent: string | null;
}

const MAX_USER_AGENT = 512;
const HOST = /^[\w.-]{1,253}(?::\d{1,5})?$|^\[[\da-f:.]{2,45}\](?::\d{1,5})?$/i;
const origins = new AsyncLocalStorage<RequestOrigin>();

/** The request that is being answered here; null where none is, in timers and workers. */
export const currentOrigin = (): RequestOrigin | null => origins.getStore() ?? null;

/** Lets everything that a route does know {@link currentOrigin}, without anybody handing it on. */
export function keepOrigin(fastify: FastifyInstance): void {
  // after the body has been read: its events come from the socket, outside of any earlier scope
  fastify.addHook('preHandler', (request, _reply, done) => origins.run(originOf(request), done));
}

function originOf({ id, ip, headers, host, protocol }: FastifyRequest): RequestOrigin {
  return {
    requestId: id,
    address: ip,
    userAgent: headers['user-agent']?.slice(0, MAX_USER_AGENT) ?? null,
    baseUrl: HOST.test(host) ? `${protocol}://${host}` : '',
    traceparent: parseTraceparent(headers['traceparent']),
  };
}

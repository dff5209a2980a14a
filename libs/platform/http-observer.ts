import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';

/** Asked for every few seconds by machines: logged at debug. */
const PROBES = /^\/(health\/|metrics$)/;
const UNMATCHED = 'unmatched';

/**
 * One wide log line and one observation per request. Both name the route by its template: an address may hold what is
 * not to be logged, and would be a metric of its own each time.
 * @param caller who has asked, once that is known; never the credential
 */
export function observeHttp(
  fastify: FastifyInstance,
  metrics: Metrics,
  logger: Logger,
  caller: (request: FastifyRequest) => Readonly<Record<string, string | null>>,
): void {
  const labels = ['method', 'route', 'status'] as const;
  const total = metrics.counter('http_requests_total', 'Requests answered', labels);
  const duration = metrics.histogram('http_request_duration_seconds', 'From the first byte to the answer', labels);
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    const route = routeOptions.url ?? UNMATCHED;
    const status = reply.statusCode;
    total.inc({ method, route, status: String(status) });
    duration.observe({ method, route, status: String(status) }, reply.elapsedTime / 1000);
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const line = { method, route, status, ms, requestId: request.id, ...caller(request) };
    logger[PROBES.test(route) ? 'debug' : 'info'](line, 'http.request');
    done();
  });
}

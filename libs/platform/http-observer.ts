import { SpanKind, SpanStatusCode, type Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeId } from './ids.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import { parseTraceparent, traceIdOf, traceparentOf, type Tracing } from './tracing.js';

/** Asked for every few seconds by machines: logged at debug, and not traced. */
const PROBES = /^\/(health\/|metrics$)/;
const UNMATCHED = 'unmatched';

/** Who has asked, once that is known; never the credential. */
type Caller = (request: FastifyRequest) => Readonly<Record<string, string | null>>;

/**
 * One wide log line and one observation per request. Both name the route by its template: an address may hold what is
 * not to be logged, and would be a metric of its own each time.
 */
export function observeHttp(fastify: FastifyInstance, metrics: Metrics, logger: Logger, caller: Caller): void {
  const labels = ['method', 'route', 'status'] as const;
  const total = metrics.counter('http_requests_total', 'Requests answered', labels);
  const duration = metrics.histogram('http_request_duration_seconds', 'From the first byte to the answer', labels);
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, headers } = request;
    const route = routeOptions.url ?? UNMATCHED;
    const status = reply.statusCode;
    total.inc({ method, route, status: String(status) });
    duration.observe({ method, route, status: String(status) }, reply.elapsedTime / 1000);
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const traceId = traceIdOf(parseTraceparent(headers['traceparent']));
    const line = { method, route, status, ms, requestId: request.id, traceId, ...caller(request) };
    logger[PROBES.test(route) ? 'debug' : 'info'](line, 'http.request');
    done();
  });
}

/**
 * Where tracing is on: a span per request, which goes on with the caller's trace. From then on the request bears the
 * span's `traceparent` in place of the caller's, so that what it causes refers to the span.
 */
export function traceHttp(fastify: FastifyInstance, tracing: Tracing, caller: Caller): void {
  if (!tracing.isOn) return;
  const spans = new WeakMap<FastifyRequest, Span>();
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { method, routeOptions, raw, id } = request;
    const route = routeOptions.url;
    const span = PROBES.test(route ?? '')
      ? null
      : tracing.begin({
          name: route === undefined ? method : `${method} ${route}`,
          kind: SpanKind.SERVER,
          parent: parseTraceparent(raw.headers['traceparent']),
          attributes: { 'http.request.method': method, 'http.route': route, 'switchboard.request.id': id },
        });
    if (span) {
      spans.set(request, span);
      raw.headers['traceparent'] = traceparentOf(span);
    }
    done();
  });
  const end = (request: FastifyRequest, reply: FastifyReply | null): void => {
    const span = spans.get(request);
    if (!span) return;
    spans.delete(request);
    const { organization } = caller(request);
    if (organization) span.setAttribute('switchboard.organization.id', encodeId('org', organization));
    if (reply) span.setAttribute('http.response.status_code', reply.statusCode);
    if (!reply || reply.statusCode >= 500) {
      span.setAttribute('error.type', reply ? String(reply.statusCode) : 'aborted');
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  };
  fastify.addHook('onResponse', (request, reply, done) => {
    end(request, reply);
    done();
  });
  fastify.addHook('onRequestAbort', (request, done) => {
    end(request, null);
    done();
  });
}

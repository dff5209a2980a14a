import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from './config.js';
import { newId } from './ids.js';
import { keepOrigin } from './request-origin.js';

/** The largest request body, in bytes. */
export const BODY_LIMIT = 1_048_576;
const REQUEST_TIMEOUT_MS = 30_000;
/** What Node refuses before there is a request. */
const CLIENT_ERRORS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Words a failure that is met before any route is known – a URL that cannot be decoded, headers that are too large. */
export type FrameworkErrors = (
  error: { statusCode?: number; code?: string },
  requestId: string,
) => { status: number; body: object };

/**
 * The HTTP server: 1 MiB bodies, 30 s to send a request, `X-Request-ID` taken over from the caller or made.
 * An empty JSON body counts as none, as clients send `Content-Type: application/json` with bodiless POSTs.
 */
export function createHttpAdapter(config: Pick<Config, 'TRUST_PROXY'>, word: FrameworkErrors): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    trustProxy: config.TRUST_PROXY.length > 0 ? config.TRUST_PROXY : false,
    genReqId: (request: IncomingMessage) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId();
    },
    frameworkErrors: ((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      setHeaders(request, reply); // the hook has not run
      const { status, body } = word(error, request.id);
      void reply.status(status).send(body);
    }) as never, // typed for one route schema only
    clientErrorHandler: (error, socket) => refuse(socket, error, word),
    forceCloseConnections: 'idle',
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  keepOrigin(fastify);
  fastify.addHook('onRequest', (request, reply, done) => {
    setHeaders(request, reply);
    done();
  });
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parseJson(request, body as string, done);
  });
  return adapter;
}

function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  reply.header('x-content-type-options', 'nosniff');
  reply.header('cache-control', 'no-store');
}

/** Answers what never became a request: by hand, because there is nothing to reply through. */
function refuse(socket: Socket, { code }: { code?: string }, word: FrameworkErrors): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const id = newId();
  const { status, body } = word({ statusCode: CLIENT_ERRORS[code ?? ''] ?? 400 }, id);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    `x-request-id: ${id}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from './config.js';
import { newId } from './ids.js';
import { keepOrigin } from './request-origin.js';

/** The largest request body, in bytes. */
export const BODY_LIMIT = 1_048_576;
/**
 * Connections that may wait to be taken; the kernel's own limit (`somaxconn`) still holds. With Node's 511 a thousand
 * callers at once overflow the queue: some wait a second longer, some are reset.
 */
export const LISTEN_BACKLOG = 4_096;
const REQUEST_TIMEOUT_MS = 30_000;
/** All headers of a request together, in bytes, and how long they may take. */
const MAX_HEADER_BYTES = 16_384;
const HEADERS_TIMEOUT_MS = 10_000;
const TIMEOUT_CHECK_MS = 2_000;
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Words a failure that the framework meets before any route is known: a URL that cannot be decoded, say. */
export type FrameworkErrors = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void;

/** The body of an answer to what is no HTTP request, is too large or too slow to be one. */
export type ClientErrors = (status: number, requestId: string) => object;

const plain: ClientErrors = (status) => ({ message: STATUS_CODES[status] });

/**
 * The HTTP server: 1 MiB bodies, 16 KiB of headers, 10 s to send the headers and 30 s the whole request,
 * `X-Request-ID` on every answer, taken over from the caller or made.
 * An empty JSON body counts as none, as clients send `Content-Type: application/json` with bodiless POSTs.
 * @param rewriteUrl gives, for the address that was asked for, the one that is routed
 */
export function createHttpAdapter(
  config: Pick<Config, 'TRUST_PROXY'>,
  onFrameworkError: FrameworkErrors,
  wordClientError: ClientErrors = plain,
  rewriteUrl?: (url: string) => string,
): FastifyAdapter {
  const adapter = new FastifyAdapter({
    ...(rewriteUrl && { rewriteUrl: ({ url = '/' }: IncomingMessage) => rewriteUrl(url) }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    trustProxy: config.TRUST_PROXY.length > 0 ? config.TRUST_PROXY : false,
    genReqId: (request: IncomingMessage) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId();
    },
    frameworkErrors: ((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      mark(request, reply); // no hook has run
      onFrameworkError(error, request, reply);
    }) as never, // typed for one route schema only
    clientErrorHandler: (error, socket) => refuse(error, socket, wordClientError),
    forceCloseConnections: 'idle',
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  keepOrigin(fastify);
  fastify.addHook('onRequest', (request, reply, done) => {
    mark(request, reply);
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

function mark(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  reply.header('x-content-type-options', 'nosniff');
  reply.header('cache-control', 'no-store');
}

/** Answers on the bare connection, where there is no request yet, and ends it. */
function refuse(error: NodeJS.ErrnoException, socket: Socket, word: ClientErrors): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    const status = CLIENT_ERRORS[error.code ?? ''] ?? 400;
    const requestId = newId();
    const body = JSON.stringify(word(status, requestId));
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${requestId}`,
      'connection: close',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
  socket.destroy(error);
}

const CLIENT_ERRORS: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

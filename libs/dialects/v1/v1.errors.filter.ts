import { Catch, HttpException, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUnavailable } from '@hub/model/database.js';
import { HubError, type FieldProblem } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { KIND_STATUS, V1_CODES } from './v1.codes.js';

interface Worded {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details?: readonly FieldProblem[];
  readonly retryAfter?: number;
}

const RETRY_AFTER_SECONDS = 5;

/** What the framework refuses before a route is reached, in the native API's words. */
const FRAMEWORK: Record<number, Omit<Worded, 'status'>> = {
  400: {
    code: 'VALIDATION_ERROR',
    message: 'The request is not valid',
    details: [{ field: 'body', message: 'The body is not valid JSON' }],
  },
  404: { code: 'RESOURCE_NOT_FOUND', message: 'There is nothing at this address' },
  408: { code: 'VALIDATION_ERROR', message: 'The request took too long to arrive' },
  413: {
    code: 'PAYLOAD_TOO_LARGE',
    message: 'The body is larger than 1 MiB',
    details: [{ field: 'body', message: 'The body is larger than 1 MiB' }],
  },
  414: { code: 'VALIDATION_ERROR', message: 'The address is too long' },
  415: {
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'Send the body as application/json',
    details: [{ field: 'Content-Type', message: 'Content-Type must be application/json' }],
  },
  431: { code: 'VALIDATION_ERROR', message: 'The headers are larger than 16 KiB' },
};

/** An address that cannot be decoded, or is longer than any id: a malformed id does not exist, as any other. */
const NO_ADDRESS = new Set(['FST_ERR_BAD_URL', 'FST_ERR_MAX_PARAM_LENGTH']);

/** The caller has gone while sending: nobody will read the answer. */
function isAborted(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return code === 'ECONNRESET' && message === 'aborted';
}

/** Words any failure as the native API's error envelope. What nobody foresaw is logged and told as INTERNAL_ERROR. */
export function wordError(error: unknown): Worded {
  if (error instanceof HubError) {
    const status = V1_CODES[error.code] ?? KIND_STATUS[error.kind];
    const existing = error.data['conversationId'];
    const details = existing
      ? [{ field: 'conversationId', message: encodeId('conv', existing) }]
      : error.details.length > 0
        ? error.details
        : undefined;
    const retryAfter = error.data['retryAfter'];
    return {
      status,
      code: error.code,
      message: error.message,
      ...(details && { details }),
      ...(retryAfter && { retryAfter: Number(retryAfter) }),
    };
  }
  if (isAborted(error)) return { status: 400, code: 'VALIDATION_ERROR', message: 'The request has not arrived whole' };
  if (isUnavailable(error)) {
    const message = 'The service cannot reach its database: try again shortly';
    return { status: 503, code: 'SERVICE_UNAVAILABLE', message, retryAfter: RETRY_AFTER_SECONDS };
  }
  const { statusCode, code } = (error ?? {}) as { statusCode?: number; code?: string };
  const isNoAddress = NO_ADDRESS.has(code ?? '');
  const status = isNoAddress ? 404 : error instanceof HttpException ? error.getStatus() : statusCode;
  const known = FRAMEWORK[status ?? 500];
  if (known && status) return { status, ...known };
  if (status && status >= 400 && status < 500) {
    return { status, code: 'VALIDATION_ERROR', message: 'The request is not valid' };
  }
  return { status: 500, code: 'INTERNAL_ERROR', message: 'Something went wrong on our side' };
}

/** The native envelope around a worded error. */
export const errorBody = ({ status: _, ...error }: Worded, requestId: string): object => ({
  error,
  meta: { requestId },
});

/** Answers for every route that is no other dialect's. */
@Catch()
@Injectable()
export class V1ErrorsFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const worded = wordError(error);
    if (worded.status >= 500) {
      const { id, method, url } = request;
      const stack = error instanceof Error ? error.stack : String(error);
      this.logger.error({ requestId: id, method, path: url.split('?')[0], code: worded.code, stack }, 'request.failed');
    }
    if (worded.retryAfter) reply.header('retry-after', String(worded.retryAfter));
    reply.status(worded.status).send(errorBody(worded, request.id));
  }
}

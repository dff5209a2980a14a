import { HttpException } from '@nestjs/common';
import { isUnavailable } from '@hub/model/database.js';
import { HubError, type ErrorKind, type FieldProblem } from '@hub/platform/errors.js';

/** What has gone wrong with a request, in nobody's words yet. */
export interface Failure {
  readonly kind: ErrorKind;
  /** What HTTP says to it; a dialect whose clients know another one answers that. */
  readonly status: number;
  /** Stable, machine-readable. */
  readonly code: string;
  /** Safe to show. */
  readonly message: string;
  readonly details: readonly FieldProblem[];
  /** Facts that a dialect may want: an existing id, by its UUID. */
  readonly data: Readonly<Record<string, string>>;
  /** Seconds until it is worth trying again; sent as `Retry-After` whatever the dialect. */
  readonly retryAfter?: number;
}

const STATUS: Record<ErrorKind, number> = {
  validation: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  version_mismatch: 412,
  too_large: 413,
  unsupported_media: 415,
  unprocessable: 422,
  rate_limited: 429,
  internal: 500,
  bad_gateway: 502,
  unavailable: 503,
};

const RETRY_AFTER_SECONDS = 5;

type Refusal = Omit<Failure, 'status' | 'data'>;

const refusal = (kind: ErrorKind, code: string, message: string, details: readonly FieldProblem[] = []): Refusal => ({
  kind,
  code,
  message,
  details,
});

const BAD_BODY = refusal('validation', 'VALIDATION_ERROR', 'The request is not valid', [
  { field: 'body', message: 'The body is not valid JSON' },
]);
const TOO_LARGE = 'The body is larger than 1 MiB';

/** What the framework refuses before a route is reached, by its status. */
const FRAMEWORK: Readonly<Record<number, Refusal>> = {
  400: BAD_BODY,
  404: refusal('not_found', 'RESOURCE_NOT_FOUND', 'There is nothing at this address'),
  408: refusal('validation', 'VALIDATION_ERROR', 'The request took too long to arrive'),
  413: refusal('too_large', 'PAYLOAD_TOO_LARGE', TOO_LARGE, [{ field: 'body', message: TOO_LARGE }]),
  414: refusal('validation', 'VALIDATION_ERROR', 'The address is too long'),
  415: refusal('unsupported_media', 'UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json', [
    { field: 'Content-Type', message: 'Content-Type must be application/json' },
  ]),
  431: refusal('validation', 'VALIDATION_ERROR', 'The headers are larger than 16 KiB'),
};

/** An address that cannot be decoded, or is longer than any id: a malformed id does not exist, as any other. */
const NO_ADDRESS = new Set(['FST_ERR_BAD_URL', 'FST_ERR_MAX_PARAM_LENGTH']);

/** Tells what any error is: our own, the framework's, a lost database; what nobody foresaw is `internal`. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HubError) {
    const { kind, code, message, details, data } = error;
    const retryAfter = Number(data['retryAfter']);
    return { kind, status: STATUS[kind], code, message, details, data, ...(retryAfter && { retryAfter }) };
  }
  if (isHangUp(error)) return { status: 400, data: {}, ...BAD_BODY };
  if (isUnavailable(error)) {
    const message = 'The service cannot reach its database: try again shortly';
    const known = refusal('unavailable', 'SERVICE_UNAVAILABLE', message);
    return { status: 503, data: {}, ...known, retryAfter: RETRY_AFTER_SECONDS };
  }
  const { statusCode, code } = (error ?? {}) as { statusCode?: number; code?: string };
  const status = NO_ADDRESS.has(code ?? '') ? 404 : error instanceof HttpException ? error.getStatus() : statusCode;
  const known = FRAMEWORK[status ?? 500];
  if (known && status) return { status, data: {}, ...known };
  if (status && status >= 400 && status < 500) {
    return { status, data: {}, ...refusal('validation', 'VALIDATION_ERROR', 'The request is not valid') };
  }
  return { status: 500, data: {}, ...refusal('internal', 'INTERNAL_ERROR', 'Something went wrong on our side') };
}

/** The caller has hung up in the middle of the body: a connection reset, but not the database's. */
const isHangUp = (error: unknown): boolean => (error as Partial<Error> | null)?.message === 'aborted';

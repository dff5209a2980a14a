import type { OpenAPIObject } from '@nestjs/swagger';
import {
  IdempotencyInProgressError,
  IdempotencyInterruptedError,
  IdempotencyKeyMalformedError,
  IdempotencyKeyReusedError,
} from '@hub/identity/idempotency.errors.js';
import { RateLimitExceededError } from '@hub/identity/rate-limiter.js';
import type { Schema } from '@hub/platform/dto.js';
import type { HubError } from '@hub/platform/errors.js';
import { failureOf } from './failure.js';
import type { Wording } from './wording.js';

interface Response {
  description: string;
  headers?: Record<string, Schema>;
  content?: Record<string, { schema: Schema }>;
}

interface Operation {
  readonly security?: readonly unknown[];
  parameters?: Schema[];
  responses: Record<string, Response>;
}

const ref = (kind: string, name: string): Schema => ({ $ref: `#/components/${kind}/${name}` });
const header = (type: string, description: string): object => ({ description, schema: { type } });

const HEADERS = {
  'X-Request-ID': header('string', 'The caller’s own, if it sent a sound one; else a new one'),
  'X-RateLimit-Limit': header('integer', 'Requests a minute; absent where there is no limit'),
  'X-RateLimit-Remaining': header('integer', 'What is left of them'),
  'X-RateLimit-Reset': header('integer', 'Unix time in seconds at which they are all there again'),
  'Retry-After': header('integer', 'Seconds until it is worth trying again'),
  'Idempotency-Replayed': header('string', '`true` on an answer that was kept for the Idempotency-Key'),
};
const RATE_HEADERS = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'] as const;

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Any 1 to 255 characters of your own, kept for 24 hours: the same request again gets the first answer, byte for ' +
    'byte, and does nothing. While the first is running it waits, five seconds at most. An error is not kept.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const REPEATING = [
  new IdempotencyKeyMalformedError(),
  new IdempotencyInProgressError(),
  new IdempotencyInterruptedError(),
  new IdempotencyKeyReusedError(),
];

/**
 * Adds what holds for every operation: idempotency keys on POSTs, rate limits, and the headers of an answer.
 * @param wording says under which status a failure is told
 * @param errorSchema the name of the schema of the dialect's errors
 */
export function documentCommon(document: OpenAPIObject, wording: Wording, errorSchema = 'Error'): void {
  Object.assign(document.components ?? {}, { headers: HEADERS, parameters: { IdempotencyKey: IDEMPOTENCY_KEY } });
  const add = ({ responses }: Operation, error: HubError): void => {
    const { status } = wording.word(failureOf(error), { id: '', path: '' });
    addCode(responses, status, error.code, ref('schemas', errorSchema));
  };
  for (const methods of Object.values(document.paths)) {
    for (const [method, found] of Object.entries(methods as Record<string, Operation>)) {
      const isPublic = found.security?.length === 0;
      if (method === 'post' && !isPublic) {
        documentIdempotency(found);
        for (const error of REPEATING) add(found, error);
      }
      add(found, new RateLimitExceededError(1));
      for (const [status, response] of Object.entries(found.responses)) addHeaders(response, Number(status), isPublic);
    }
  }
}

function documentIdempotency(operation: Operation): void {
  operation.parameters = [...(operation.parameters ?? []), ref('parameters', 'IdempotencyKey')];
  for (const [status, { headers }] of Object.entries(operation.responses)) {
    const response = operation.responses[status];
    if (!response || Number(status) >= 300) continue;
    response.headers = { ...headers, 'Idempotency-Replayed': ref('headers', 'Idempotency-Replayed') };
  }
}

function addHeaders(response: Response, status: number, isPublic: boolean): void {
  const names = [
    'X-Request-ID',
    ...(isPublic || status === 401 ? [] : RATE_HEADERS),
    ...(status === 429 || status === 503 ? ['Retry-After'] : []),
  ];
  const added = Object.fromEntries(names.map((name) => [name, ref('headers', name)]));
  response.headers = { ...response.headers, ...added };
}

function addCode(responses: Operation['responses'], status: number, code: string, schema: Schema): void {
  const known = responses[status];
  if (!known) {
    const content = { 'application/json': { schema } };
    responses[status] = { description: `\`${code}\``, content };
  } else if (!known.description.includes(code)) {
    known.description = `${known.description}, \`${code}\``;
  }
}

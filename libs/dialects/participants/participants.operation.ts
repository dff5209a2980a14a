import { applyDecorators, HttpCode, SetMetadata } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { RULE } from '@hub/http/rule.js';
import { schemaOf, type Constructor, type Schema } from '@hub/platform/dto.js';
import { USERS } from './participants.guard.js';
import { HEADERS, type SchemaName } from './participants.schemas.js';

export const JSON_TYPE = 'application/json; charset=utf-8';
const NOT_A_PARTICIPANT = 'Conversation not found or user is not a participant';

/** What a route takes and answers. All are for the same callers. */
interface Contract {
  readonly summary: string;
  readonly description: string;
  readonly query?: Constructor;
  readonly body?: Constructor;
  /** Of success; 200 unless set. */
  readonly status?: number;
  readonly answer: SchemaName;
  readonly headers?: readonly (keyof typeof HEADERS)[];
  /** Whether it is about the conversation in its path, for its participants only. */
  readonly ofConversation?: true;
  /** What a 403, 404, 409 means, and a 422 besides bad input, where there is one. */
  readonly forbidden?: string;
  readonly missing?: string;
  readonly conflicts?: string;
  readonly unprocessable?: string;
}

/** Declares a route, for every user who has signed in. */
export function Operation(contract: Contract): MethodDecorator {
  const { summary, description, body, query, status = 200, headers = [] } = contract;
  const refusals: Record<number, string | false | undefined> = {
    401: 'No access token of a user',
    403: contract.forbidden,
    404: contract.ofConversation ? NOT_A_PARTICIPANT : contract.missing,
    409: contract.conflicts,
    413: body && 'The body is larger than 1 MiB',
    415: body && 'The body is not JSON',
    422: ['A field is not valid: `detail` says which', contract.unprocessable].filter(Boolean).join('; or '),
    500: 'Something went wrong on our side',
    503: 'The service is not ready: try again',
  };
  const sent = Object.fromEntries(headers.map((name) => [name, HEADERS[name]]));
  return applyDecorators(
    SetMetadata(RULE, USERS),
    HttpCode(status),
    ApiOperation({ summary, description: `${description}\n\nScope: \`authenticated\`: users who have signed in.` }),
    ...(contract.ofConversation ? [ApiParam(CONVERSATION_ID)] : []),
    ...(query ? queryParameters(query) : []),
    ...(body ? [ApiBody({ schema: schemaOf(body), required: schemaOf(body)['required'] !== undefined })] : []),
    ApiResponse({ status, description: 'OK', schema: ref(contract.answer), headers: sent }),
    ...Object.entries(refusals).flatMap(([code, meaning]) =>
      meaning ? [ApiResponse({ status: Number(code), description: meaning, schema: ref('Error') })] : [],
    ),
  );
}

const CONVERSATION_ID = {
  name: 'conversation_id',
  schema: { type: 'string', format: 'uuid' },
  description: 'Conversation ID',
} as const;

const ref = (name: SchemaName): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });

const queryParameters = (type: Constructor): MethodDecorator[] =>
  Object.entries((schemaOf(type) as { properties: Record<string, Schema> }).properties).map(([name, schema]) =>
    ApiQuery({ name, required: false, schema }),
  );

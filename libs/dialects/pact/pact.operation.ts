import { applyDecorators, HttpCode, SetMetadata } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiParam, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { audienceOf, RULE, type Rule } from '@hub/http/rule.js';
import { schemaOf, type Constructor, type Schema } from '@hub/platform/dto.js';
import type { PACT_SCHEMAS } from './pact.schemas.js';

/** What a route is: who may call it, what it takes, what it answers. Always 200. */
interface PactRule extends Rule {
  readonly summary: string;
  readonly description?: string;
  readonly query?: Constructor;
  readonly body?: Constructor;
  readonly answer: keyof typeof PACT_SCHEMAS;
  /** What a 409 and a 422 mean, where there is one. */
  readonly conflicts?: string;
  readonly unprocessable?: string;
}

/** Declares a route's rule. A route without one is closed to everybody. */
export function Operation(rule: PactRule): MethodDecorator {
  const { summary, body, query, conflicts, unprocessable } = rule;
  const hint = body && 'The fields may come as a form, as JSON or in the query.';
  const id: Schema = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
  const refusals: Record<number, string | false | undefined> = {
    400: (body ?? query) && 'A field is not valid: `details` names it',
    401: 'No API key, or none that is known',
    403: 'The key lacks the scope',
    404: 'There is no such company, or nothing of this id in it',
    409: conflicts,
    413: body && 'The body is larger than 1 MiB',
    415: body && 'The body is neither a form nor JSON',
    422: unprocessable,
    500: 'Something went wrong on our side',
    503: 'The service is not ready: try again',
  };
  return applyDecorators(
    SetMetadata(RULE, rule),
    HttpCode(200),
    ApiOperation({ summary, description: [rule.description, hint, audienceOf(rule)].filter(Boolean).join('\n\n') }),
    ApiParam({ name: 'company', schema: id, description: 'ID of the company' }),
    ...(query ? queryParameters(query) : []),
    ...(body
      ? [
          ApiConsumes('application/json', 'application/x-www-form-urlencoded'),
          ApiBody({ schema: schemaOf(body), required: false }),
        ]
      : []),
    ApiResponse({ status: 200, description: 'OK', schema: ref(rule.answer) }),
    ...Object.entries(refusals).flatMap(([status, description]) =>
      description ? [ApiResponse({ status: Number(status), description, schema: ref('Error') })] : [],
    ),
  );
}

const ref = (name: keyof typeof PACT_SCHEMAS): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });

const FROM = {
  name: 'from',
  required: false,
  schema: { type: 'string', maxLength: 255 },
  description: '`next_page` of the page before; any other token means the first page',
} as const;

const queryParameters = (type: Constructor): MethodDecorator[] => [
  ApiQuery(FROM),
  ...Object.entries((schemaOf(type) as { properties: Record<string, Schema> }).properties).map(([name, schema]) =>
    ApiQuery({ name, required: false, schema }),
  ),
];

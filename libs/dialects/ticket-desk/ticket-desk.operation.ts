import { applyDecorators, HttpCode, SetMetadata } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiResponse } from '@nestjs/swagger';
import { audienceOf, RULE, type Rule } from '@hub/http/rule.js';
import { schemaOf, type Constructor } from '@hub/platform/dto.js';
import type { TICKET_DESK_SCHEMAS } from './ticket-desk.schemas.js';

type Answer = keyof typeof TICKET_DESK_SCHEMAS;

/** What a route is: who may call it, what it takes, what it answers. Always 200. */
interface TicketDeskRule extends Rule {
  readonly summary: string;
  readonly description?: string;
  /** The name of the id in its path. */
  readonly id: string;
  readonly body?: Constructor;
  readonly answer: Answer;
  /** Whether it changes something; a body that cannot be read is refused even where none is wanted. */
  readonly changes?: boolean;
  /** What a 409 and a 422 mean, where there is one. */
  readonly conflict?: string;
  readonly unprocessable?: string;
}

/** Declares a route's rule. A route without one is closed to everybody. */
export function Operation(rule: TicketDeskRule): MethodDecorator {
  const refusals: Record<number, string | false | undefined> = {
    400: rule.changes && 'The body is not valid: the message names what is wrong',
    401: 'No token, or one that is not valid any more',
    403: rule.body ? 'It is not for the caller, or the conversation is closed' : 'It is not for the caller',
    404: 'There is no such conversation or ticket',
    409: rule.conflict,
    413: rule.changes && 'The body is larger than 1 MiB',
    415: rule.changes && 'The body is not JSON',
    422: rule.unprocessable,
    500: 'Something went wrong on our side',
    503: 'The service is not ready: try again',
  };
  return applyDecorators(
    SetMetadata(RULE, rule),
    HttpCode(200),
    ApiOperation({
      summary: rule.summary,
      description: [rule.description, audienceOf(rule)].filter(Boolean).join('\n\n'),
    }),
    ApiParam({ name: rule.id, schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } }),
    ...(rule.body ? [ApiBody({ schema: schemaOf(rule.body) })] : []),
    ApiResponse({ status: 200, description: 'OK', schema: ref(rule.answer) }),
    ...Object.entries(refusals).flatMap(([status, description]) =>
      description ? [ApiResponse({ status: Number(status), description, schema: ref('Error') })] : [],
    ),
  );
}

const ref = (name: Answer): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });

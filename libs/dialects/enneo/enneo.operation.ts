import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { audienceOf, RULE, type Rule } from '@hub/http/rule.js';
import { schemaOf, type Constructor, type Schema } from '@hub/platform/dto.js';
import type { ENNEO_SCHEMAS } from './enneo.schemas.js';

/** What a route of a ticket is: who may call it, what it takes, what it answers. */
interface EnneoRule extends Rule {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly query: Constructor;
  readonly answer: keyof typeof ENNEO_SCHEMAS;
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'A parameter is not valid: `details` names it',
  403: 'Unauthorized',
  404: 'Ticket not found',
  500: 'Internal error',
  503: 'The service is not ready: try again',
};

/** Declares a route's rule. A route without one is closed to everybody. */
export function Operation(rule: EnneoRule): MethodDecorator {
  const { operationId, summary, query } = rule;
  const id: Schema = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
  return applyDecorators(
    SetMetadata(RULE, rule),
    ApiOperation({ operationId, summary, description: `${rule.description}\n\n${audienceOf(rule)}` }),
    ApiParam({ name: 'ticketId', schema: id, description: 'The number of the ticket' }),
    ...Object.entries((schemaOf(query) as { properties: Record<string, Schema> }).properties).map(([name, schema]) =>
      ApiQuery({ name, required: false, schema }),
    ),
    ApiResponse({ status: 200, description: 'Successful operation', schema: ref(rule.answer) }),
    ...Object.entries(REFUSALS).map(([status, description]) =>
      ApiResponse({ status: Number(status), description, schema: ref('Error') }),
    ),
  );
}

const ref = (name: keyof typeof ENNEO_SCHEMAS): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });

import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { requestOf } from '@hub/http/request.js';
import { parse, type Constructor } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';

/**
 * The fields of a call, checked against a DTO: from the query, and over them from the body, form or JSON. A form knows
 * neither null nor numbers: an empty text counts as absent, a number as its digits. `name[]` is a list, which no field
 * takes.
 */
export const PactInput = createParamDecorator((type: Constructor, context: ExecutionContext): object => {
  const { query, body = {} } = requestOf(context);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw ValidationError.of('body', 'The body must be a form or a JSON object');
  }
  return parse(type, { ...fieldsOf(query as object), ...fieldsOf(body) }, 'query');
});

function fieldsOf(source: object): Record<string, unknown> {
  const fields = Object.entries(source).map(([key, value]: [string, unknown]) => {
    const [name = key] = key.split('[', 1);
    return [name, name === key ? plain(value) : [value]] as const;
  });
  return Object.fromEntries(fields);
}

function plain(value: unknown): unknown {
  if (typeof value === 'number') return String(value);
  return value === '' ? null : value;
}

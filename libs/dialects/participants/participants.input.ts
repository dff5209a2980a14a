import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { requestOf } from '@hub/http/request.js';
import { parse, toUuid, type Constructor } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import { assertStorable } from '@hub/platform/json-guard.js';

/** The body, checked against a DTO; none at all counts as an empty one. What is wrong is named as `body.<field>`. */
export const JsonBody = createParamDecorator((type: Constructor, context: ExecutionContext): object => {
  const { body = {} } = requestOf(context);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw ValidationError.of('body', 'The body must be a JSON object');
  }
  return within('body', () => {
    assertStorable(body);
    return parse(type, body);
  });
});

/** The query string, checked against a DTO. What is wrong is named as `query.<field>`. */
export const QueryOf = createParamDecorator((type: Constructor, context: ExecutionContext): object => {
  const { query } = requestOf(context);
  return within('query', () => {
    assertStorable(query);
    return parse(type, query, 'query');
  });
});

/** The id in the path. @throws ValidationError naming `path.conversation_id` unless it is a UUID */
export const ConversationId = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { conversation_id } = requestOf(context).params as { conversation_id: string };
  const id = toUuid(conversation_id);
  if (!id) throw ValidationError.of('path.conversation_id', 'conversation_id must be a UUID');
  return id;
});

function within<T>(place: 'body' | 'query', check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(error.details.map((problem) => ({ ...problem, field: `${place}.${problem.field}` })));
  }
}

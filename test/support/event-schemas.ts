import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { isEmitted } from '@hub/webhooks/event-samples.js';
import { eventSchema } from '@hub/dialects/v1/v1.event-schemas.js';

const validators = new Map<string, ValidateFunction>();

/** A schema as a subscriber would use it: strictly, and with nothing beside it. */
export function compileSchema(schema: object): ValidateFunction {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
  formats.default(ajv);
  return ajv.compile(schema);
}

/** What in the body of an event is not as the catalogue publishes it, in words. */
export function complaintsOf(body: object): string[] {
  const { type } = body as { type?: unknown };
  if (typeof type !== 'string' || !isEmitted(type)) return [`The catalogue has no event ${String(type)}`];
  const validate = validators.get(type) ?? compileSchema(eventSchema(type));
  validators.set(type, validate);
  return validate(body) ? [] : [`${type} is not as published: ${JSON.stringify(validate.errors?.slice(0, 5))}`];
}

import type { Schema } from '@hub/platform/dto.js';

/* The words that the schemas of the native API are made of. */
export const text: Schema = { type: 'string' };
export const integer: Schema = { type: 'integer' };
export const flag: Schema = { type: 'boolean' };
export const time: Schema = { type: 'string', format: 'date-time' };
export const json: Schema = { type: 'object', additionalProperties: true };
export const texts: Schema = { type: 'array', items: text };
export const id = (prefix: string): Schema => ({ type: 'string', pattern: `^${prefix}_[0-9a-z]{26}$` });
export const oneOf = (values: readonly string[]): Schema => ({ type: 'string', enum: [...values] });
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
export const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });

/** An object with exactly these properties, all required but the named ones. */
export function object(properties: Record<string, Schema>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

export const resource = (type: string, idSchema: Schema, attributes: Schema, relationships?: Schema): Schema =>
  object({ id: idSchema, type: { type: 'string', const: type }, attributes, ...(relationships && { relationships }) }, [
    'relationships',
  ]);

export const party = object({
  id: orNull(text),
  type: oneOf(['contact', 'user', 'bot', 'api_key', 'system']),
  name: text,
});
export const changes: Schema = {
  type: 'object',
  description: 'Each changed field; a secret that was replaced is masked on both sides',
  additionalProperties: object({ before: {}, after: {} }, ['before', 'after']),
};
export const number: Schema = {
  type: 'integer',
  minimum: 1,
  description: 'The same thing, for clients that only know integers',
};
export const times = { createdAt: time, updatedAt: time };

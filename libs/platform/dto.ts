import { applyDecorators } from '@nestjs/common';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNotEmpty,
  IsNumber,
  IsObject,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateBy,
  ValidateIf,
  ValidateNested,
  validateSync,
  type ValidateByOptions,
  type ValidationError as Violation,
} from 'class-validator';
import { ValidationError, type FieldProblem } from './errors.js';

/**
 * The fields of a wire DTO: each decorator states a field once, and both the validator and the OpenAPI document
 * read it. A field is required unless `optional`; `null` counts as absent unless `nullable`.
 */
export interface FieldOptions {
  readonly optional?: boolean;
  readonly nullable?: boolean;
  readonly description?: string;
  readonly example?: unknown;
  readonly default?: unknown;
}

export type Constructor<T extends object = object> = new () => T;
type Kind = 'text' | 'integer' | 'number' | 'flag' | 'json' | 'list';

interface Field {
  readonly kind: Kind;
  readonly required: boolean;
  readonly nullable: boolean;
  readonly nested: (() => Constructor) | null;
  readonly schema: Schema;
}

/** A JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

const FIELDS = new WeakMap<object, Map<string, Field>>();

export interface TextOptions extends FieldOptions {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  readonly hint?: string;
}

/** Text of at most `max` characters (255 unless set); a required one is not empty. */
export const Text = ({ min, max = 255, pattern, hint, ...options }: TextOptions = {}): PropertyDecorator =>
  field(
    'text',
    options,
    { type: 'string', maxLength: max, ...(min && { minLength: min }), ...(pattern && { pattern: pattern.source }) },
    IsString(),
    MaxLength(max),
    ...(min ? [MinLength(min)] : options.optional ? [] : [IsNotEmpty()]),
    ...(pattern ? [Matches(pattern, { message: `$property must be ${hint ?? 'well-formed'}` })] : []),
  );

export const Whole = (options: FieldOptions & { min?: number; max?: number } = {}): PropertyDecorator => {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, ...rest } = options;
  return field('integer', rest, { type: 'integer', minimum: min, maximum: max }, IsInt(), Min(min), Max(max));
};

export const Numeric = (options: FieldOptions & { min: number; max: number }): PropertyDecorator => {
  const { min, max, ...rest } = options;
  return field(
    'number',
    rest,
    { type: 'number', minimum: min, maximum: max },
    IsNumber({ allowInfinity: false, allowNaN: false }),
    Min(min),
    Max(max),
  );
};

export const Flag = (options: FieldOptions = {}): PropertyDecorator =>
  field('flag', options, { type: 'boolean' }, IsBoolean());

export const OneOf = (values: readonly string[], options: FieldOptions = {}): PropertyDecorator =>
  field('text', options, { type: 'string', enum: [...values] }, IsIn(values));

const CLOCK = /([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?/;
const OFFSET_TIME = new RegExp(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(T${CLOCK.source})?$`);

/** An offset must not carry it out of the years 0000–9999: it could not be written as ISO 8601 again. */
const FOUR_DIGIT_YEAR: ValidateByOptions = {
  name: 'fourDigitYear',
  validator: {
    validate: (value) => typeof value !== 'string' || /^\d{4}-/.test(isoOf(value)),
    defaultMessage: () => '$property must be a time such as 2026-01-31T12:00:00Z',
  },
};

function isoOf(text: string): string {
  const date = toDate(text);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** ISO 8601, a date or a time with an optional offset (UTC without one); handed on as text, see {@link toDate}. */
export const Timestamp = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    'text',
    options,
    { type: 'string', format: 'date-time' },
    IsISO8601({ strict: true }),
    Matches(OFFSET_TIME, { message: '$property must be a time such as 2026-01-31T12:00:00Z' }),
    ValidateBy(FOUR_DIGIT_YEAR),
  );

/** A JSON object of the caller's own making. */
export const Json = (options: FieldOptions = {}): PropertyDecorator =>
  field('json', options, { type: 'object', additionalProperties: true }, IsObject());

/** A list of JSON objects of the caller's own making, at most `maxItems` (50). */
export const JsonList = ({ maxItems = 50, ...options }: FieldOptions & { maxItems?: number } = {}): PropertyDecorator =>
  field(
    'list',
    options,
    { type: 'array', maxItems, items: { type: 'object', additionalProperties: true } },
    IsArray(),
    ArrayMaxSize(maxItems),
    IsObject({ each: true }),
  );

export interface ListOptions extends FieldOptions {
  readonly maxItems?: number;
  readonly max?: number;
}

/** Texts, at most `maxItems` (50) of at most `max` (100) characters each. */
export const TextList = ({ maxItems = 50, max = 100, ...options }: ListOptions = {}): PropertyDecorator =>
  field(
    'list',
    options,
    { type: 'array', items: { type: 'string', minLength: 1, maxLength: max }, maxItems },
    IsArray(),
    ArrayMaxSize(maxItems),
    IsString({ each: true }),
    MinLength(1, { each: true }),
    MaxLength(max, { each: true }),
  );

/** Integers from `min` to `max`, at least one and at most `maxItems`. */
export const WholeList = (
  options: FieldOptions & { readonly min: number; readonly max: number; readonly maxItems: number },
): PropertyDecorator => {
  const { min, max, maxItems, ...rest } = options;
  return field(
    'list',
    rest,
    { type: 'array', items: { type: 'integer', minimum: min, maximum: max }, minItems: 1, maxItems },
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(maxItems),
    IsInt({ each: true }),
    Min(min, { each: true }),
    Max(max, { each: true }),
  );
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Handed on as it was written: see {@link toUuid}. */
export const Uuid = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    'text',
    options,
    { type: 'string', format: 'uuid' },
    IsString(),
    Matches(UUID, { message: '$property must be a UUID' }),
  );

/** UUIDs, at most `maxItems` (50), in any order and number. */
export const UuidList = ({ maxItems = 50, ...options }: FieldOptions & { maxItems?: number } = {}): PropertyDecorator =>
  field(
    'list',
    options,
    { type: 'array', items: { type: 'string', format: 'uuid' }, maxItems },
    IsArray(),
    ArrayMaxSize(maxItems),
    Matches(UUID, { each: true, message: 'each of $property must be a UUID' }),
  );

/** A UUID as PostgreSQL writes it, or null where the text is none. */
export const toUuid = (text: string): string | null => (UUID.test(text) ? text.toLowerCase() : null);

export const Nested = (type: () => Constructor, options: FieldOptions = {}): PropertyDecorator =>
  field('json', { ...options, nested: type }, { type: 'object' }, IsObject(), ValidateNested());

/** A list of objects, at most `maxItems` (50) and at least one where it is required. */
export const NestedList = (
  type: () => Constructor,
  { maxItems = 50, ...options }: FieldOptions & { maxItems?: number } = {},
): PropertyDecorator =>
  field(
    'list',
    { ...options, nested: type },
    { type: 'array', maxItems, ...(!options.optional && { minItems: 1 }) },
    IsArray(),
    ArrayMaxSize(maxItems),
    ...(options.optional ? [] : [ArrayMinSize(1)]),
    IsObject({ each: true }),
    ValidateNested({ each: true }),
  );

function field(
  kind: Kind,
  options: FieldOptions & { nested?: () => Constructor },
  shape: Schema,
  ...checks: PropertyDecorator[]
): PropertyDecorator {
  const { optional = false, nullable = false, nested = null, description, example, default: fallback } = options;
  const extras = { description, examples: example === undefined ? undefined : [example], default: fallback };
  const given = Object.fromEntries(Object.entries(extras).filter(([, value]) => value !== undefined));
  const schema = { ...shape, ...(nullable && { type: [shape['type'] ?? 'string', 'null'] }), ...given };
  const register: PropertyDecorator = (target, key) => {
    const fields = FIELDS.get(target) ?? new Map<string, Field>();
    FIELDS.set(target, fields.set(String(key), { kind, required: !optional, nullable, nested, schema }));
  };
  const lenient = optional || nullable ? [ValidateIf((_, value) => value !== undefined && value !== null)] : [];
  return applyDecorators(register, ...lenient, ...checks);
}

/** The JSON Schema of a DTO, from the same decorators that check it. */
export function schemaOf(type: Constructor): Schema {
  const fields = [...fieldsOf(type)];
  const required = fields.filter(([, field]) => field.required).map(([name]) => name);
  const properties = fields.map(([name, { schema, nested }]) => {
    if (!nested) return [name, schema];
    const inner = schemaOf(nested());
    return [name, schema['type'] === 'array' ? { ...schema, items: inner } : { ...inner, ...schema }];
  });
  return {
    type: 'object',
    properties: Object.fromEntries(properties) as Schema,
    ...(required.length > 0 && { required }),
  };
}

function* fieldsOf(type: Constructor): Generator<[string, Field]> {
  for (
    let proto = type.prototype as object;
    proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto) as object
  ) {
    yield* FIELDS.get(proto) ?? [];
  }
}

/**
 * A checked instance of a DTO. Unknown fields are left out; nothing is converted but, with `query`, the texts of a
 * query string into integers and flags.
 * @throws ValidationError with one problem per offending field, nested ones as dotted paths
 */
export function parse<T extends object>(type: Constructor<T>, input: unknown, from: 'body' | 'query' = 'body'): T {
  if (!isPlain(input)) {
    throw ValidationError.of('body', 'The body must be a JSON object');
  }
  const instance = build(type, input, from);
  const violations = validateSync(instance, { forbidUnknownValues: false });
  if (violations.length > 0) throw new ValidationError(violations.flatMap((violation) => problems(violation, '')));
  return instance;
}

/** The instant that a {@link Timestamp} field names. */
export const toDate = (text: string): Date =>
  new Date(/T.*(Z|[+-]\d{2}:\d{2})$|^[^T]+$/.test(text) ? text : `${text}Z`);

function build<T extends object>(type: Constructor<T>, input: object, from: 'body' | 'query'): T {
  const instance = new type();
  for (const [key, { kind, nullable, nested }] of fieldsOf(type)) {
    if (!Object.hasOwn(input, key)) continue;
    const given = (input as Record<string, unknown>)[key];
    if (given === null && !nullable) continue;
    const value = from === 'query' ? fromQuery(kind, given) : given;
    (instance as Record<string, unknown>)[key] = nested ? buildNested(nested(), value, from) : value;
  }
  return instance;
}

function buildNested(type: Constructor, value: unknown, from: 'body' | 'query'): unknown {
  if (Array.isArray(value)) return value.map((item) => (isPlain(item) ? build(type, item, from) : (item as unknown)));
  return isPlain(value) ? build(type, value, from) : value;
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function fromQuery(kind: Kind, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (kind === 'integer') return /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  if (kind === 'flag')
    return value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value;
  if (kind === 'list') return value.split(',').filter((item) => item !== '');
  return value;
}

function problems(violation: Violation, path: string): FieldProblem[] {
  const field = path ? `${path}.${violation.property}` : violation.property;
  const messages = Object.values(violation.constraints ?? {});
  const own = violation.value === undefined && messages.length > 0 ? [`${violation.property} is required`] : messages;
  return [
    ...own.slice(0, 1).map((message) => ({ field, message })),
    ...(violation.children ?? []).flatMap((child) => problems(child, field)),
  ];
}

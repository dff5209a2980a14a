import {
  applyDecorators,
  Controller,
  createParamDecorator,
  HttpCode,
  SetMetadata,
  UseGuards,
  UseInterceptors,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Actor } from '@hub/identity/actor.js';
import { parse, schemaOf, type Constructor, type Schema } from '@hub/platform/dto.js';
import { AcceptsMultipart } from '@hub/platform/http-uploads.js';
import { assertStorable } from '@hub/platform/json-guard.js';
import { V1_CODES } from './v1.codes.js';
import { EnvelopeInterceptor } from './v1.envelope.js';
import { V1Guard, type V1Request } from './v1.guard.js';
import { IdempotencyInterceptor } from './v1.idempotency.js';
import { AddressLimitGuard } from './v1.limits.js';
import { RULE, type Rule } from './v1.rule.js';

/** A controller of the native API, at `/v1` and, for self-hosted clients, at `/api/v1`. */
export const V1Controller = (path: string, tag: string): ClassDecorator =>
  applyDecorators(
    Controller([`v1/${path}`, `api/v1/${path}`]),
    UseGuards(AddressLimitGuard, V1Guard),
    UseInterceptors(IdempotencyInterceptor, EnvelopeInterceptor),
    ApiTags(tag),
  );

/** Declares a route's {@link Rule}. A route without one is closed to everybody. */
export function Operation(rule: Rule): MethodDecorator {
  const status = rule.status ?? 200;
  const isPublic = rule.scope === 'public';
  const codes = [...(isPublic ? [] : GUARD_CODES), ...(rule.errors ?? [])];
  const mayHaveBody = rule.body !== undefined || !rule.scope.endsWith(':read'); // a bad one is refused even where none is read
  if (mayHaveBody || rule.query) codes.push('VALIDATION_ERROR');
  if (mayHaveBody) codes.push('PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
  codes.push('INTERNAL_ERROR', 'SERVICE_UNAVAILABLE');
  return applyDecorators(
    SetMetadata(RULE, rule),
    HttpCode(status),
    ApiOperation({
      summary: rule.summary,
      description: [rule.description, audience(rule)].filter(Boolean).join('\n\n'),
      ...(isPublic && { security: [] }),
    }),
    ...(rule.body ? [ApiBody({ schema: schemaOf(rule.body), required: !rule.bodyOptional })] : []),
    ...(rule.upload
      ? [AcceptsMultipart(), ApiConsumes('multipart/form-data'), ApiBody({ schema: rule.upload, required: true })]
      : []),
    ...(rule.query ? queryParameters(rule.query) : []),
    ...(rule.again ? [ApiResponse({ status: rule.again, description: 'Done before', schema: answer(rule) })] : []),
    ApiResponse({
      status,
      description: status === 204 ? 'Done' : 'OK',
      ...(status !== 204 && { schema: answer(rule) }),
    }),
    ...errorResponses(codes),
  );
}

const GUARD_CODES = [
  'AUTHENTICATION_REQUIRED',
  'INVALID_API_KEY',
  'INVALID_TOKEN',
  'TOKEN_REVOKED',
  'INSUFFICIENT_PERMISSIONS',
] as const;

/** Who may call it, in words. */
function audience({ scope, people, customer }: Rule): string {
  const more = [people && 'signed-in users, for what is theirs', customer && 'contacts, for their own conversations'];
  return [`Scope: \`${scope}\``, ...more].filter(Boolean).join('; ') + '.';
}

/** The body, checked against a DTO. */
export const V1Body = createParamDecorator((type: Constructor, context: ExecutionContext): object => {
  const { body } = context.switchToHttp().getRequest<V1Request>();
  assertStorable(body);
  return parse(type, body === undefined ? {} : body);
});

/** The query string, checked against a DTO. */
export const V1Query = createParamDecorator((type: Constructor, context: ExecutionContext): object => {
  const { query } = context.switchToHttp().getRequest<V1Request>();
  assertStorable(query);
  return parse(type, query, 'query');
});

/** Who calls a public route that identifies its callers; null: somebody unknown. */
export const KnownActor = createParamDecorator(
  (_: unknown, context: ExecutionContext): Actor | null => context.switchToHttp().getRequest<V1Request>().actor ?? null,
);

/** Whoever the guard has let in. */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { actor } = context.switchToHttp().getRequest<V1Request>();
  if (!actor) throw new Error('CurrentActor is for routes behind the V1Guard');
  return actor;
});

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

function answer(rule: Rule): Schema {
  const name = rule.one ?? rule.many ?? rule.stretch ?? rule.list ?? rule.flat ?? '';
  const isList = rule.one === undefined && rule.flat === undefined;
  const meta = rule.meta ?? (rule.many ? 'PageMeta' : rule.stretch ? 'CursorMeta' : 'Meta');
  return {
    type: 'object',
    required: ['data', 'meta'],
    properties: { data: isList ? { type: 'array', items: ref(name) } : ref(name), meta: ref(meta) },
  };
}

function queryParameters(type: Constructor): MethodDecorator[] {
  const { properties, required = [] } = schemaOf(type) as { properties: Record<string, Schema>; required?: string[] };
  return Object.entries(properties).map(([name, schema]) =>
    ApiQuery({
      name,
      required: required.includes(name),
      schema,
      ...(schema['type'] === 'array' && { style: 'form', explode: false }),
    }),
  );
}

function errorResponses(codes: readonly string[]): MethodDecorator[] {
  return [...groupByStatus(codes)].map(([status, some]) =>
    ApiResponse({ status, description: some.map((code) => `\`${code}\``).join(', '), schema: ref('Error') }),
  );
}

function groupByStatus(codes: readonly string[]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const code of codes) {
    const status = V1_CODES[code] ?? 500;
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}

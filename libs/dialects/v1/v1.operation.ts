import { applyDecorators, Controller, HttpCode, SetMetadata, UseGuards, UseInterceptors } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { credentialOf, type CredentialConfig } from '@hub/http/credential.js';
import { CANONICAL } from '@hub/http/idempotency.interceptor.js';
import { AddressLimitGuard } from '@hub/http/limits.js';
import { audienceOf, RULE } from '@hub/http/rule.js';
import { schemaOf, type Constructor, type Schema } from '@hub/platform/dto.js';
import { MULTIPART } from '@hub/platform/http-uploads.js';
import { V1_CODES } from './v1.codes.js';
import { EnvelopeInterceptor } from './v1.envelope.js';
import { V1Guard } from './v1.guard.js';
import type { V1Rule } from './v1.rule.js';

/** A controller of the native API, at `/v1` and, for self-hosted clients, at `/api/v1`. */
export const V1Controller = (path: string, tag: string): ClassDecorator =>
  applyDecorators(
    Controller([`v1/${path}`, `api/v1/${path}`]),
    UseGuards(AddressLimitGuard, V1Guard),
    UseInterceptors(EnvelopeInterceptor),
    SetMetadata(CANONICAL, (url: string) => url.replace(/^\/api\/v1\//, '/v1/')),
    ApiTags(tag),
  );

/** Declares a route's {@link V1Rule}. A route without one is closed to everybody. */
export function Operation(rule: V1Rule): MethodDecorator {
  const status = rule.status ?? 200;
  const isPublic = rule.scope === 'public';
  const codes = [...(isPublic ? [] : GUARD_CODES), ...(rule.errors ?? [])];
  const mayHaveBody = rule.body !== undefined || !rule.scope.endsWith(':read'); // a bad one is refused even where none is read
  if (mayHaveBody || rule.query) codes.push('VALIDATION_ERROR');
  if (mayHaveBody) codes.push('PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
  codes.push('INTERNAL_ERROR', 'SERVICE_UNAVAILABLE');
  return applyDecorators(
    SetMetadata(RULE, rule),
    RouteConfig({
      ...({ credential: isPublic ? null : credentialOf } satisfies CredentialConfig),
      ...(rule.upload && MULTIPART),
    }),
    HttpCode(status),
    ApiOperation({
      summary: rule.summary,
      description: [rule.description, audienceOf(rule)].filter(Boolean).join('\n\n'),
      ...(isPublic && { security: [] }),
    }),
    ...(rule.body ? [ApiBody({ schema: schemaOf(rule.body), required: !rule.bodyOptional })] : []),
    ...(rule.upload ? [ApiConsumes('multipart/form-data'), ApiBody({ schema: rule.upload, required: true })] : []),
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

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

function answer(rule: V1Rule): Schema {
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

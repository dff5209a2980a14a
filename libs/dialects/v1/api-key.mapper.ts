import { mayUse, SCOPES, type Actor, type Scope } from '@hub/identity/actor.js';
import type { CreateApiKey } from '@hub/identity/api-keys.service.js';
import type { ApiKey } from '@hub/model/api-key.entity.js';
import { toDate } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type { CreateApiKeyBody } from './api-key.dto.js';
import type { Resource } from './v1.envelope.js';

/** @param secret the key itself, right after it was made */
export const apiKeyResource = (key: ApiKey, secret?: string): Resource => ({
  id: encodeId('key', key.id),
  type: 'api_key',
  attributes: {
    name: key.name,
    kind: key.kind,
    prefix: key.prefix,
    permissions: key.scopes,
    ...(secret && { key: secret }),
    expiresAt: key.expiresAt,
    lastUsedAt: key.lastUsedAt,
    createdAt: key.createdAt,
  },
});

/** @throws ValidationError naming `permissions` or `expiresAt` */
export function toCreateApiKey(actor: Actor, { name, permissions, kind, expiresAt }: CreateApiKeyBody): CreateApiKey {
  if (permissions.length === 0) throw ValidationError.of('permissions', 'permissions must name at least one scope');
  const unknown = permissions.find((permission) => !isScope(permission));
  if (unknown !== undefined) throw ValidationError.of('permissions', `permissions must be among ${SCOPES.join(', ')}`);
  const end = expiresAt ? toDate(expiresAt) : null;
  if (end && end.getTime() <= Date.now()) throw ValidationError.of('expiresAt', 'expiresAt must be in the future');
  return {
    name,
    scopes: permissions.filter(isScope),
    kind: kind ?? (mayUse(actor, 'admin') ? 'service' : 'user'),
    expiresAt: end,
  };
}

const isScope = (permission: string): permission is Scope => (SCOPES as readonly string[]).includes(permission);

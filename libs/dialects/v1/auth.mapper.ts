import type { Organization } from '@hub/model/organization.entity.js';
import type { ApiKey } from '@hub/model/api-key.entity.js';
import type { UserRole } from '@hub/model/user.entity.js';
import type { Account, SignedIn, TokenPair } from '@hub/identity/sessions.types.js';
import { encodeId } from '@hub/platform/ids.js';
import { apiKeyResource } from './api-key.mapper.js';
import { userResource } from './user.mapper.js';
import type { Envelope, Resource } from './v1.envelope.js';

export const accountResource = ({ user, organization }: Account): Resource => ({
  ...userResource(user),
  relationships: { organization: organizationPart(organization, user.role) },
});

/** The key that calls, with its organization. */
export const callingKeyResource = (key: ApiKey, organization: Organization): Resource => ({
  ...apiKeyResource(key),
  relationships: { organization: organizationPart(organization) },
});

export const tokensPart = ({ accessToken, refreshToken, expiresIn }: TokenPair): Record<string, unknown> => ({
  accessToken,
  refreshToken,
  expiresIn,
  tokenType: 'Bearer',
});

export const signedIn = (session: SignedIn): Envelope => ({
  data: accountResource(session),
  meta: tokensPart(session.tokens),
});

const organizationPart = ({ id, name, number }: Organization, role?: UserRole): Record<string, unknown> => ({
  id: encodeId('org', id),
  name,
  ...(role && { role }),
  number,
});

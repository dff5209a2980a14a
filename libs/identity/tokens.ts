import { Injectable } from '@nestjs/common';
import { jwtVerify, SignJWT, type JWTPayload } from 'jose';
import type { UserRole } from '@hub/model/user.entity.js';
import { decodeId, encodeId } from '@hub/platform/ids.js';
import { InvalidTokenError } from './identity.errors.js';
import { SIGNING_ALGORITHM, SigningKeys } from './signing-keys.js';

export const ACCESS_TOKEN_SECONDS = 3_600;
const ISSUER = 'switchboard';
const MAX_LENGTH = 4_096;

/** What a token of ours says once its signature has been checked. Whether it still holds is for the database to say. */
export type Claims =
  | { readonly kind: 'user'; readonly organizationId: string; readonly userId: string; readonly sessionId: string }
  | { readonly kind: 'contact'; readonly organizationId: string; readonly contactId: string; readonly epoch: number };

/** Signed tokens (JWT, EdDSA, with key id). The algorithm is pinned; a token of one kind is none of the other. */
@Injectable()
export class Tokens {
  constructor(private readonly keys: SigningKeys) {}

  /** For a user's session; the role is told for the client's sake, and looked up again at each use. */
  access(claims: { organizationId: string; userId: string; sessionId: string; role: UserRole }): Promise<string> {
    const { organizationId, userId, sessionId, role } = claims;
    const payload = { org: encodeId('org', organizationId), role, sid: encodeId('sess', sessionId) };
    const expiresAt = new Date(Date.now() + ACCESS_TOKEN_SECONDS * 1000);
    return this.sign('user', encodeId('user', userId), payload, expiresAt);
  }

  /** For a contact's own conversations. @param epoch the contact's: once that moves on, the token is worth nothing */
  contact(organizationId: string, contactId: string, epoch: number, expiresAt: Date): Promise<string> {
    const payload = { org: encodeId('org', organizationId), epoch };
    return this.sign('contact', encodeId('contact', contactId), payload, expiresAt);
  }

  /** @throws InvalidTokenError when it is forged, altered, cut off, expired or of another algorithm */
  async verify(token: string): Promise<Claims> {
    if (token.length > MAX_LENGTH) throw new InvalidTokenError();
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const key = kid && /^[\w-]{1,64}$/.test(kid) ? await this.keys.toVerify(kid) : null;
        if (!key) throw new InvalidTokenError();
        return key;
      },
      {
        algorithms: [SIGNING_ALGORITHM],
        issuer: ISSUER,
        typ: 'JWT',
        requiredClaims: ['sub', 'aud', 'exp', 'iat', 'org'],
      },
    ).catch((error: unknown) => {
      throw isTokensFault(error) ? new InvalidTokenError() : error;
    });
    return claimsOf(payload);
  }

  private async sign(audience: Claims['kind'], subject: string, payload: JWTPayload, expiresAt: Date): Promise<string> {
    const { id, key } = await this.keys.toSign();
    return new SignJWT(payload)
      .setProtectedHeader({ alg: SIGNING_ALGORITHM, kid: id, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime(expiresAt)
      .sign(key);
  }
}

/** jose's own refusals carry a code; anything else (no database, say) is not the token's fault. */
const isTokensFault = (error: unknown): boolean =>
  error instanceof InvalidTokenError ||
  String((error as { code?: unknown }).code).startsWith('ERR_J') ||
  error instanceof TypeError;

function claimsOf({ aud, sub = '', org, sid, epoch = 0 }: JWTPayload): Claims {
  const organizationId = decodeId('org', String(org));
  if (aud === 'user') {
    const userId = decodeId('user', sub);
    const sessionId = decodeId('sess', String(sid));
    if (organizationId && userId && sessionId) return { kind: 'user', organizationId, userId, sessionId };
  }
  if (aud === 'contact') {
    const contactId = decodeId('contact', sub);
    if (organizationId && contactId && Number.isSafeInteger(epoch)) {
      return { kind: 'contact', organizationId, contactId, epoch: epoch as number };
    }
  }
  throw new InvalidTokenError();
}

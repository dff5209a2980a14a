import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AuthenticationRequiredError } from '@hub/identity/identity.errors.js';

const SESSION_COOKIE = 'connect.sid';

export interface Credential {
  /** `key`: an API key and nothing else; `token`: a token and nothing else; `bearer`: either. */
  readonly kind: 'bearer' | 'key' | 'token' | 'cookie';
  readonly value: string;
}

/** What a request brings to show who it is: a bearer, else an `X-API-Key`, else the session cookie. */
export const credentialOf = (request: FastifyRequest): Credential | null =>
  bearerOf(request) ?? headerOf(request, 'x-api-key') ?? cookieOf(request);

/** `Authorization: Bearer`. */
export function bearerOf({ headers }: FastifyRequest): Credential | null {
  const value = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  return value ? { kind: 'bearer', value } : null;
}

/** As {@link bearerOf}, where an API key is none. */
export function tokenOf(request: FastifyRequest): Credential | null {
  const bearer = bearerOf(request);
  return bearer && { ...bearer, kind: 'token' };
}

/** A key or token in a header of its own. @param name in lower case */
export function headerOf({ headers }: FastifyRequest, name: string): Credential | null {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? { kind: 'bearer', value } : null;
}

/**
 * The session cookie. It counts only where the browser says that the page is of this site, or for reading, where it
 * could not see the answer anyway.
 */
export function cookieOf(request: FastifyRequest): Credential | null {
  const value = sessionOf(request.headers.cookie ?? '');
  return value && isFromHere(request) ? { kind: 'cookie', value } : null;
}

function sessionOf(header: string): string | null {
  const pair = header
    .split(';', 100)
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${SESSION_COOKIE}=`));
  const value = pair?.slice(SESSION_COOKIE.length + 1) ?? '';
  return /^cs_[\w-]{43}$/.test(value) ? value : null;
}

function isFromHere({ method, headers, host }: FastifyRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const { origin } = headers;
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}

/** The `Set-Cookie` that signs a browser in, or, with null, out. */
export function sessionCookie(session: { value: string; expiresAt: Date } | null, secure: boolean): string {
  const lifetime = session ? `Expires=${session.expiresAt.toUTCString()}` : 'Max-Age=0';
  return `${SESSION_COOKIE}=${session?.value ?? ''}; Path=/; HttpOnly; SameSite=Lax; ${lifetime}${secure ? '; Secure' : ''}`;
}

/** What a route tells Fastify: where its credential is to be found; null where it needs none. */
export interface CredentialConfig {
  readonly credential: ((request: FastifyRequest) => Credential | null) | null;
}

/** Turns away who brings no credential to a route that needs one, before a byte of the body is read. */
export function refuseEarly(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { credential } = request.routeOptions.config as Partial<CredentialConfig>;
    done(credential && !credential(request) ? new AuthenticationRequiredError() : undefined);
  });
}

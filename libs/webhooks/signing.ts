import { createHmac, randomBytes } from 'node:crypto';
import type { EndpointSecret } from '@hub/model/webhook.entity.js';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;
/** More than this many secrets at once are not kept. */
export const MAX_LIVE_SECRETS = 5;

/** A new signing secret: `whsec_` and 32 random bytes in base64. */
export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

/**
 * The `webhook-signature` header of Standard Webhooks 1.0.0: one `v1` signature per secret, over
 * `<id>.<timestamp>.<body>`, in the order of the secrets.
 * @param timestamp Unix seconds
 */
export function sign(secrets: readonly string[], id: string, timestamp: number, body: string): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    })
    .join(' ');
}

/** The secrets that still sign at `at`, in their order: newest first. */
export const liveSecrets = (secrets: readonly EndpointSecret[], at: Date): EndpointSecret[] =>
  secrets.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > at.getTime());

/**
 * The secrets after a rotation: the new one first, the others good until `overlapSeconds` from now at the latest, five
 * in all at the most.
 */
export function rotate(
  secrets: readonly EndpointSecret[],
  sealed: string,
  at: Date,
  overlapSeconds: number,
): EndpointSecret[] {
  const end = new Date(at.getTime() + overlapSeconds * 1_000).toISOString();
  const kept = liveSecrets(secrets, at).map((secret) => ({
    ...secret,
    expiresAt: secret.expiresAt !== null && secret.expiresAt < end ? secret.expiresAt : end,
  }));
  const fresh: EndpointSecret = { sealed, createdAt: at.toISOString(), expiresAt: null };
  return [fresh, ...(overlapSeconds > 0 ? kept : [])].slice(0, MAX_LIVE_SECRETS);
}

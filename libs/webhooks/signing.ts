import {
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign as signAsymmetric,
  type KeyObject,
} from 'node:crypto';
import type { EndpointConfig, EndpointSecret, SignatureKind } from '@hub/model/webhook.entity.js';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;
const PRIVATE_PREFIX = 'whsk_';
const PUBLIC_PREFIX = 'whpk_';
/** Of an ed25519 seed and of its public key; a private key is written as both. */
const ED25519_BYTES = 32;
/** More than this many secrets at once are not kept. */
export const MAX_LIVE_SECRETS = 5;
/** For how long an old secret still signs beside a new one, unless said otherwise, and at the most. */
export const ROTATION_OVERLAP_SECONDS = 86_400;
export const MAX_OVERLAP_SECONDS = 7 * 86_400;

/** A new signing secret: `whsec_` and 32 random bytes in base64. */
export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

/** New ed25519 keys as Standard Webhooks writes them: base64 behind `whpk_` and `whsk_`. */
export function newKeyPair(): { readonly publicKey: string; readonly privateKey: string } {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const [seed, point] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
  return {
    publicKey: PUBLIC_PREFIX + point.toString('base64'),
    privateKey: PRIVATE_PREFIX + Buffer.concat([seed, point]).toString('base64'),
  };
}

/** What an endpoint is signed with, opened. */
export interface SigningKeys {
  /** Newest first. */
  readonly secrets: readonly string[];
  /** Where `v1a` is asked for. */
  readonly privateKey: string | null;
}

export interface Message {
  readonly id: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** The exact bytes that are sent. */
  readonly body: string;
}

/**
 * The `webhook-signature` header of Standard Webhooks 1.0.0, over `<id>.<timestamp>.<body>`: one `v1` signature per
 * secret, in the order of the secrets, then the `v1a` one.
 */
export function sign({ secrets, privateKey }: SigningKeys, { id, timestamp, body }: Message): string {
  const content = `${id}.${timestamp}.${body}`;
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, 'base64');
    return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
  });
  if (privateKey !== null) {
    const signature = signAsymmetric(null, Buffer.from(content), ed25519Key(privateKey));
    signatures.push(`v1a,${signature.toString('base64')}`);
  }
  return signatures.join(' ');
}

function ed25519Key(written: string): KeyObject {
  const bytes = Buffer.from(
    written.startsWith(PRIVATE_PREFIX) ? written.slice(PRIVATE_PREFIX.length) : written,
    'base64',
  );
  const d = bytes.subarray(0, ED25519_BYTES).toString('base64url');
  const x = bytes.subarray(ED25519_BYTES).toString('base64url');
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
}

/**
 * The `x-linktor-signature` header, which holds one signature: hex, keyed with the whole text of the newest secret.
 * The documented form covers the timestamp; that of the SDKs the body alone, so a stale delivery can be sent again.
 */
export function signLinktor(
  kind: 'linktor-docs' | 'linktor-sdk',
  secret: string,
  { timestamp, body }: Omit<Message, 'id'>,
): string {
  const hmac = createHmac('sha256', secret);
  return kind === 'linktor-sdk'
    ? hmac.update(body).digest('hex')
    : `sha256=${hmac.update(`${timestamp}.${body}`).digest('hex')}`;
}

/** The signatures that an endpoint asks for, `standard` named or not. */
export const signatureKinds = ({ signature = 'standard' }: EndpointConfig): readonly SignatureKind[] =>
  typeof signature === 'string' ? [signature] : signature;

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

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { HubError } from './errors.js';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * A value was sealed with a key that this process does not have. Told as 503: nothing the caller sent is wrong, and it
 * works again as soon as the operator has set the key.
 */
export class UnknownSecretKeyError extends HubError {
  constructor(keyId: string | null) {
    const which = keyId ? `the key ${keyId}, which` : 'a key that';
    super(
      'unavailable',
      'SERVICE_UNAVAILABLE',
      `A stored secret was sealed with ${which} is neither SECRET_KEY nor in SECRET_KEY_PREVIOUS: add that key`,
    );
  }
}

/**
 * Credentials at rest: AES-256-GCM, a fresh 96-bit nonce per value, in front the id of the key it was sealed with
 * (`v2.<key id>.<base64url of nonce|tag|ciphertext>`; `v1.` had none). New values are sealed with the current key;
 * previous ones still open what they have sealed, until `npm run rotate-secrets` has sealed it anew.
 */
export class SecretBox {
  readonly keyId: string;
  private readonly keys: ReadonlyMap<string, Buffer>;

  constructor(
    private readonly key: Buffer,
    previous: readonly Buffer[] = [],
  ) {
    this.keyId = idOf(key);
    this.keys = new Map([key, ...previous].map((one) => [idOf(one), one]));
  }

  seal(plain: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.key, nonce);
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return `v2.${this.keyId}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
  }

  /** @throws UnknownSecretKeyError; Error when the value has been altered or is none of ours */
  open(sealed: string): string {
    const [version, ...rest] = sealed.split('.');
    const [first, second] = rest;
    if (version === 'v2' && rest.length === 2 && first && second) {
      const key = this.keys.get(first);
      if (!key) throw new UnknownSecretKeyError(first);
      return unlock(second, key);
    }
    if (version === 'v1' && rest.length === 1 && first) return this.openUnnamed(first);
    throw new Error('unknown version of a sealed value');
  }

  /** A value without a key id: whichever key fits. */
  private openUnnamed(payload: string): string {
    for (const key of this.keys.values()) {
      try {
        return unlock(payload, key);
      } catch {
        continue; // GCM tells a wrong key for certain
      }
    }
    throw new UnknownSecretKeyError(null);
  }
}

/** Enough to tell keys apart, nothing to guess one by. */
const idOf = (key: Buffer): string =>
  createHash('sha256').update('switchboard secret key ').update(key).digest('hex').slice(0, 8);

function unlock(payload: string, key: Buffer): string {
  const bytes = Buffer.from(payload, 'base64url');
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
}

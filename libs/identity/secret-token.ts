import { createHash, randomBytes } from 'node:crypto';

/** A new opaque secret, 256 bits of randomness behind a prefix that says what it is. Shown once, never stored. */
export const newSecret = (prefix: string): string => `${prefix}_${randomBytes(32).toString('base64url')}`;

/** What is stored instead. Plain SHA-256 will do: the secret's own entropy leaves nothing to guess. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret, 'utf8').digest();

import { createHash, randomBytes } from 'node:crypto';

const PREFIX_LENGTH = 11;

/** A new key: 256 bits of randomness. It is shown once and never stored. */
export const newApiKey = (): string => `sk_${randomBytes(32).toString('base64url')}`;

/** What is stored instead. Plain SHA-256 will do: the key's own entropy leaves nothing to guess. */
export const hashApiKey = (key: string): Buffer => createHash('sha256').update(key, 'utf8').digest();

/** Enough of a key to recognise it by, too little to use. */
export const apiKeyPrefix = (key: string): string => key.slice(0, PREFIX_LENGTH);

import { hashSecret, newSecret } from './secret-token.js';

/** How much of a key is kept to recognise it by. */
export const PREFIX_LENGTH = 11;

/** A new key. It is shown once and never stored. */
export const newApiKey = (): string => newSecret('sk');

/** What is stored instead. */
export const hashApiKey = hashSecret;

/** Enough of a key to recognise it by, too little to use. */
export const apiKeyPrefix = (key: string): string => key.slice(0, PREFIX_LENGTH);

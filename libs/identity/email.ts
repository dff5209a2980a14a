import { domainToASCII } from 'node:url';
import { ValidationError } from '@hub/platform/errors.js';

const SHAPE = /^([^\s@<>"(),:;\\]+)@([^\s@.]+(?:\.[^\s@.]+)+)$/u;
/** Controls, zero-width and other invisible characters, lone surrogates, private use. */
const INVISIBLE = /[\p{C}\p{Z}\p{DI}]/u;
/** Scripts whose letters pass for one another. */
const LOOKALIKES = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u];
const MAX_LENGTH = 320;

/**
 * The one form in which an email is compared, or null when it is none: compatibility forms resolved (NFKC), case folded,
 * the domain in ASCII, so that no spelling of an address makes a second account. Refused are invisible characters and
 * names that mix scripts which look alike. Other alphabets are fine.
 */
export function canonicalEmail(email: string): string | null {
  if (email.length > MAX_LENGTH) return null;
  const [, local = '', domain = ''] = SHAPE.exec(email.normalize('NFKC')) ?? [];
  if (local === '' || INVISIBLE.test(local) || INVISIBLE.test(domain)) return null;
  const folded = foldCase(local);
  if (LOOKALIKES.filter((script) => script.test(folded)).length > 1) return null;
  const ascii = domainToASCII(domain);
  if (ascii === '' || !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(ascii)) return null;
  return `${folded}@${ascii}`;
}

/** @throws ValidationError naming `field` unless it is an email of which there is one form */
export function requireEmail(email: string, field = 'email'): string {
  const key = canonicalEmail(email);
  if (!key) throw ValidationError.of(field, `${field} must be an email address`);
  return key;
}

/** Full case folding, ß, ẞ, ſ and the dotless i included: repeated until nothing changes any more. */
function foldCase(text: string): string {
  const folded = text.toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
  return folded === text ? text : foldCase(folded);
}

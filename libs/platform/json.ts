import { ValidationError } from './errors.js';

const MAX_BYTES = 65_536;

/**
 * Free-form data after a merge: keys of `patch` replace those of `stored`, `null` removes one.
 * As it will be read back: -0 is 0.
 * @throws ValidationError naming `field` when the result is larger than 64 KiB
 */
export function mergeJson(
  stored: Readonly<Record<string, unknown>>,
  patch: Readonly<Record<string, unknown>>,
  field = 'metadata',
): Record<string, unknown> {
  const merged = Object.fromEntries(Object.entries({ ...stored, ...patch }).filter(([, value]) => value !== null));
  const text = JSON.stringify(merged);
  if (Buffer.byteLength(text) > MAX_BYTES) {
    throw ValidationError.of(field, `${field} must not be larger than 64 KiB`);
  }
  return JSON.parse(text) as Record<string, unknown>;
}

import { ValidationError } from './errors.js';

const MAX_DEPTH = 32;

/**
 * Refuses JSON that PostgreSQL cannot store or that would overflow a recursive reader: NUL characters, lone
 * surrogates, numbers beyond a double's range, nesting deeper than 32 levels. Iterative, so that no input can exhaust the stack.
 * @throws ValidationError naming the path.
 */
export function assertStorable(root: unknown): void {
  const open: { value: unknown; path: string; depth: number }[] = [{ value: root, path: '', depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path, depth } = next;
    const name = path || 'body';
    if (typeof value === 'string') assertText(value, name);
    if (value === Infinity || value === -Infinity) throw ValidationError.of(name, `${name} is too large a number`);
    if (typeof value !== 'object' || value === null) continue;
    if (depth === MAX_DEPTH) {
      throw ValidationError.of(path.split('.')[0] || 'body', `nested deeper than ${MAX_DEPTH} levels`);
    }
    for (const [key, child] of Object.entries(value)) {
      assertText(key, name);
      open.push({ value: child, path: path ? `${path}.${key}` : key, depth: depth + 1 });
    }
  }
}

/** @throws ValidationError naming `field` when the text holds a NUL character or half a surrogate pair. */
export function assertText(text: string, field: string): void {
  if (text.includes('\u0000')) throw ValidationError.of(field, `${field} must not contain NUL characters`);
  if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text)) {
    throw ValidationError.of(field, `${field} must be valid Unicode`);
  }
}

import { ValidationError } from './errors.js';

/** Totals are exact up to here; beyond, they may be {@link COUNT_TTL_MS} old. */
export const EXACT_COUNT_LIMIT = 10_000;
const COUNT_TTL_MS = 10_000;
const COUNT_ENTRIES = 1_000;

export interface PageRequest {
  /** 1-based. */
  readonly page: number;
  readonly perPage: number;
}

export interface Page<T> extends PageRequest {
  readonly items: readonly T[];
  readonly totalCount: number;
}

export interface CursorPage<T> {
  readonly items: readonly T[];
  readonly next: string | null;
  readonly hasMore: boolean;
}

/** An opaque cursor of a list: the sort key of the last item seen. */
export const encodeCursor = (key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url');

/** @throws ValidationError naming `cursor` unless it holds exactly the given types. */
export function decodeCursor<const T extends readonly ('string' | 'number')[]>(
  cursor: string,
  shape: T,
): { [K in keyof T]: T[K] extends 'number' ? number : string } {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    key = null;
  }
  const fits =
    Array.isArray(key) &&
    key.length === shape.length &&
    key.every((part, i) => typeof part === shape[i] && (typeof part !== 'number' || Number.isSafeInteger(part)));
  if (!fits) throw ValidationError.of('cursor', 'cursor is not one that this list has given out');
  return key as { [K in keyof T]: T[K] extends 'number' ? number : string };
}

/**
 * Totals of large lists. A total at or under {@link EXACT_COUNT_LIMIT} is counted every time (a bounded index scan);
 * a larger one is counted in full at most once in ten seconds per process and filter.
 */
export class CountCache {
  private readonly entries = new Map<string, { total: number; until: number }>();

  /**
   * @param key the organization and the filter, spelt the same for the same list
   * @param count counts the rows, stopping at `limit` when it is given
   */
  async total(key: string, count: (limit: number | null) => Promise<number>): Promise<number> {
    const known = this.entries.get(key);
    if (known && known.until > Date.now()) return known.total;
    const bounded = await count(EXACT_COUNT_LIMIT + 1);
    if (bounded <= EXACT_COUNT_LIMIT) {
      this.entries.delete(key);
      return bounded;
    }
    const total = await count(null);
    if (this.entries.size >= COUNT_ENTRIES) this.entries.clear();
    this.entries.set(key, { total, until: Date.now() + COUNT_TTL_MS });
    return total;
  }
}

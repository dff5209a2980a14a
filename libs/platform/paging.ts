import { ValidationError } from './errors.js';

/** Totals are exact up to here; beyond, they may be {@link COUNT_TTL_MS} old. */
export const EXACT_COUNT_LIMIT = 10_000;
const COUNT_TTL_MS = 10_000;
/** From here on it is counted anew beside the call that asks. */
const REFRESH_MS = 7_000;
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

/** A page is found by passing over all that comes before it: so many entries, and no more. */
export const MAX_OFFSET = 100_000;

/** How many entries come before a page. @throws ValidationError naming `page` where that is more than {@link MAX_OFFSET} */
export function offsetOf({ page, perPage }: PageRequest): number {
  const offset = (page - 1) * perPage;
  if (offset <= MAX_OFFSET) return offset;
  const last = Math.floor(MAX_OFFSET / perPage) + 1;
  throw ValidationError.of(
    'page',
    `page must be at most ${last} with ${perPage} per page; for what comes later, narrow the list by its filters or read it ` +
      'from its other end, where it has a sort order',
  );
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
 * Totals of large lists. A total at or under {@link EXACT_COUNT_LIMIT} is counted every time; a larger one is kept for
 * ten seconds per process and filter, and counted anew ahead of that where it is still asked for, so that whoever reads
 * on does not wait for it.
 */
export class CountCache {
  private readonly entries = new Map<string, { total: number; at: number }>();
  private readonly counting = new Map<string, Promise<number>>();

  /** @param key the organization and the filter, spelt the same for the same list */
  async total(key: string, count: () => Promise<number>): Promise<number> {
    const known = this.entries.get(key);
    const age = known ? Date.now() - known.at : Infinity;
    if (known && age <= COUNT_TTL_MS) {
      if (age > REFRESH_MS) this.count(key, count).catch(() => undefined); // whoever needs it will see the failure
      return known.total;
    }
    const under = this.counting.get(key);
    if (under) {
      const total = await under;
      if (total > EXACT_COUNT_LIMIT) return total;
      return count(); // that one may not know of what this caller has just done
    }
    return this.count(key, count);
  }

  private count(key: string, count: () => Promise<number>): Promise<number> {
    const under = this.counting.get(key);
    if (under) return under;
    const at = Date.now();
    const counted = count()
      .then((total) => this.keep(key, total, at))
      .finally(() => this.counting.delete(key));
    this.counting.set(key, counted);
    return counted;
  }

  private keep(key: string, total: number, at: number): number {
    if (total <= EXACT_COUNT_LIMIT) {
      this.entries.delete(key);
      return total;
    }
    if (this.entries.size >= COUNT_ENTRIES) this.entries.clear();
    this.entries.set(key, { total, at });
    return total;
  }
}

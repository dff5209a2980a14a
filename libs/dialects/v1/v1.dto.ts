import { OneOf, Text, Whole } from '@hub/platform/dto.js';

/** What a list takes that has one order. */
export class OrderedPageQuery {
  @Whole({ min: 1, max: 1_000_000, optional: true, default: 1 }) page = 1;
  @Whole({ min: 1, max: 100, optional: true, default: 20 }) perPage = 20;
}

/** What every other list takes. */
export class PageQuery extends OrderedPageQuery {
  @OneOf(['asc', 'desc'], { optional: true, default: 'desc' }) sortOrder: 'asc' | 'desc' = 'desc';
}

/** What every list by cursor takes. */
export class CursorQuery {
  @Text({ min: 1, max: 500, optional: true, description: 'From `meta.cursor.next` of the page before' })
  cursor?: string;
}

/** A pattern that keeps texts searchable and keys printable. */
export const EMAIL = { max: 320, pattern: /^[^\s@<>"(),:;\\]+@[^\s@.]+(\.[^\s@.]+)+$/, hint: 'an email address' };
export const PASSWORD = { min: 8, max: 256 };
export const WEB_URL = { max: 2_048, pattern: /^https?:\/\/\S+$/i, hint: 'an http or https URL' };

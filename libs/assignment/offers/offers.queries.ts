import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import type { OfferView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { decodeCursor, encodeCursor, type CursorPage } from '@hub/platform/paging.js';
import { loadOpenOffers } from './offer-view.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@Injectable()
export class OffersQueries {
  constructor(private readonly db: Database) {}

  /** What waits for the user's answer, the oldest first: one index scan. @throws ValidationError naming `cursor` */
  async listOpen(
    organizationId: string,
    userId: string,
    { cursor, limit }: { readonly cursor?: string; readonly limit: number },
  ): Promise<CursorPage<OfferView>> {
    const after = cursor === undefined ? null : decodeCursor(cursor, ['string'])[0];
    if (after !== null && !UUID.test(after)) {
      throw ValidationError.of('cursor', 'cursor is not one that this list has given out');
    }
    const rows = await loadOpenOffers(this.db.reader(organizationId), organizationId, userId, after, limit + 1);
    const hasMore = rows.length > limit;
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, next: hasMore && last ? encodeCursor([last.id]) : null, hasMore };
  }
}

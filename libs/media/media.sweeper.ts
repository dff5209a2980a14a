import { Inject, Injectable } from '@nestjs/common';
import { Database, type Prepared } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { MediaQueries } from './media.queries.js';
import { MediaService } from './media.service.js';
import { MediaStore, ownerOf, type StoredFile } from './media-store.js';
import { Spool } from './spool.js';

const EVERY_MS = 600_000;
const COMPARE_EVERY_MS = 3_600_000;
/** A file younger than this may still get its row, or its other bytes. */
const SETTLED_MS = 3_600_000;
const UNUSED_HOURS = 24;
const BATCH = 500;

/** Waits for a message that is just taking the file up, and then leaves it alone. */
const FORGET_UNUSED: Prepared = {
  name: 'media-forget-unused',
  text: `
    DELETE FROM attachment WHERE message_id IS NULL AND (organization_id, id) IN (
      SELECT organization_id, id FROM attachment
      WHERE message_id IS NULL AND created_at < now() - interval '${UNUSED_HOURS} hours'
      ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING organization_id AS "organizationId", id`,
};

/**
 * Uploads that no message took up within a day are forgotten, and files without a row removed: what a crash left
 * between the two, and what rows deleted elsewhere have left. Any number of workers may run it. Files of organizations
 * that this database does not know are not touched: they are somebody else's.
 */
@Injectable()
export class MediaSweeper extends SweepLoop {
  private compareAt = Date.now() + Math.random() * COMPARE_EVERY_MS; // workers that start together take turns

  constructor(
    private readonly db: Database,
    private readonly media: MediaService,
    private readonly queries: MediaQueries,
    private readonly store: MediaStore,
    private readonly spool: Spool,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    super(log, { name: 'media.sweep', everyMs: EVERY_MS, round: () => this.round() });
  }

  /** @returns how many uploads were forgotten, `BATCH` at most */
  async forgetUnused(): Promise<number> {
    const gone = await this.db.lookup<{ organizationId: string; id: string }>('media', FORGET_UNUSED, [BATCH]);
    await this.media.removeFiles(gone);
    return gone.length;
  }

  /** Compares all that the store holds with the rows. @returns how many files were removed */
  async removeLost(olderThanMs = SETTLED_MS): Promise<number> {
    await this.spool.tidy(olderThanMs);
    let removed = 0;
    let batch: Owned[] = [];
    for await (const file of this.store.list()) {
      if (this.isStopped) return removed;
      const owned = settled(file, olderThanMs);
      if (!owned) continue;
      if (batch.length === BATCH || (batch[0] && batch[0].organizationId !== owned.organizationId)) {
        removed += await this.removeLostOf(batch);
        batch = [];
      }
      batch.push(owned);
    }
    return removed + (await this.removeLostOf(batch));
  }

  private async removeLostOf(files: readonly Owned[]): Promise<number> {
    if (!files[0]) return 0;
    const ids = files.map(({ id }) => id);
    const existing = await this.queries.existing(files[0].organizationId, ids);
    const lost = existing ? files.filter(({ id }) => !existing.has(id)) : [];
    await this.media.removeFiles(lost);
    return lost.length;
  }

  private async round(): Promise<boolean> {
    const forgotten = await this.forgetUnused();
    if (Date.now() >= this.compareAt) {
      this.compareAt = Date.now() + COMPARE_EVERY_MS;
      const removed = await this.removeLost();
      if (removed > 0) this.log.info({ removed }, 'media.lost_removed');
    }
    return forgotten === BATCH;
  }
}

interface Owned {
  readonly organizationId: string;
  readonly id: string;
}

function settled({ key, modifiedAt }: StoredFile, olderThanMs: number): Owned | null {
  return Date.now() - modifiedAt.getTime() >= olderThanMs ? ownerOf(key) : null;
}

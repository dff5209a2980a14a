import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import { Database, type Tx } from '@hub/model/database.js';
import { HubError, ValidationError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { Metrics } from '@hub/platform/metrics.js';
import { cleanName } from './file-name.js';
import { MediaInUseError, MediaNotFoundError } from './media.errors.js';
import { MEDIA_COLUMNS } from './media.queries.js';
import type { MediaView, UploadMedia } from './media.types.js';
import { keyOf, MediaStore } from './media-store.js';
import { asDeclared, dimensionsOf, sniff } from './sniff.js';
import { Spool, type Spooled } from './spool.js';

/** Of a row that has just been deleted: whose file may go. */
interface Gone {
  readonly organizationId: string;
  readonly id: string;
}

/**
 * Files of messages. The bytes are kept first, then the row is committed: a row always has its file. A file whose row
 * never came, or is gone, is found by comparing the store with the rows ({@link MediaSweeper}); whoever deletes a row
 * need not touch the store, and no transaction does.
 */
@Injectable()
export class MediaService {
  private readonly uploads;
  private readonly bytes;

  constructor(
    private readonly db: Database,
    private readonly store: MediaStore,
    private readonly spool: Spool,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.uploads = metrics.counter('media_uploads_total', 'Files sent in, by what became of them', ['outcome']);
    this.bytes = metrics.counter('media_upload_bytes_total', 'Bytes of the files that were kept');
  }

  /** The largest file that is taken. */
  get maxBytes(): number {
    return this.spool.maxBytes;
  }

  /**
   * Collects a file as it comes in; it is to be handed to {@link upload}, and in any case to {@link discard}.
   * @throws FileTooLargeError; MediaStoreUnavailableError; whatever ends the stream
   */
  receive(stream: Readable): Promise<Spooled> {
    return this.spool.receive(stream);
  }

  discard(file: Spooled): Promise<void> {
    return this.spool.discard(file.path);
  }

  /** Puts down that a file came to nothing: it was not what was asked for, or did not arrive. */
  countLost(outcome: 'refused' | 'aborted' | 'failed'): void {
    this.uploads.inc({ outcome });
  }

  /**
   * Keeps a file that a message may carry later; after a day without one it is forgotten.
   * @throws ValidationError naming `file` or `type`; MediaStoreUnavailableError
   */
  async upload(author: Author, command: UploadMedia): Promise<MediaView> {
    try {
      return await this.keep(author, command);
    } catch (error) {
      this.countLost(error instanceof HubError && error.kind !== 'unavailable' ? 'refused' : 'failed');
      throw error;
    }
  }

  private async keep(author: Author, { file, name: given, kind }: UploadMedia): Promise<MediaView> {
    if (file.size === 0) throw ValidationError.of('file', 'file is empty');
    const name = cleanName(given);
    const found = await sniff(file.path, name);
    const told = asDeclared(found, kind);
    if (!told) throw ValidationError.of('type', `type is ${kind}, but the file is ${found.contentType}`);
    const size = await dimensionsOf(file.path, told.contentType);
    const { organizationId } = author;
    const id = newId();
    const key = keyOf(organizationId, id);
    await this.store.put(key, file.path, told.contentType);
    const view = await this.insert(author, [
      organizationId,
      id,
      told.kind,
      name,
      told.contentType,
      file.size,
      size?.width ?? null,
      size?.height ?? null,
      key,
      JSON.stringify(author.principal),
    ]);
    this.uploads.inc({ outcome: 'stored' });
    this.bytes.inc(file.size);
    return view;
  }

  /** Forgets an upload that no message carries. @throws MediaNotFoundError, MediaInUseError */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      const [found] = await tx.query<{ messageId: string | null; name: string }[]>(
        `SELECT message_id AS "messageId", name FROM attachment WHERE organization_id = $1 AND id = $2 FOR UPDATE`,
        [organizationId, id],
      );
      if (!found) throw new MediaNotFoundError();
      if (found.messageId) throw new MediaInUseError();
      await tx.query('DELETE FROM attachment WHERE organization_id = $1 AND id = $2', [organizationId, id]);
      const changes = { name: { before: found.name, after: null } };
      await appendAudit(tx, { author, action: 'media.deleted', subjectId: id, changes });
      this.forget(tx, [{ organizationId, id }]);
    });
  }

  /**
   * For whoever deletes rows of attachments: their files go as soon as `tx` has committed. A courtesy; were it not
   * called, or its process killed, the sweep finds them within the day.
   */
  forget(tx: Tx, gone: readonly Gone[]): void {
    this.db.onCommit(tx, () => void this.removeFiles(gone));
  }

  /** Never rejects: what cannot be removed now, the sweep removes. */
  async removeFiles(gone: readonly Gone[]): Promise<void> {
    for (const { organizationId, id } of gone) {
      try {
        await this.store.remove(keyOf(organizationId, id));
      } catch (error) {
        this.logger.warn({ organization: organizationId, media: id, error: String(error) }, 'media.remove');
      }
    }
  }

  private insert(author: Author, values: unknown[]): Promise<MediaView> {
    return this.db.transaction(author.organizationId, async (tx) => {
      const [view] = await tx.query<MediaView[]>(INSERT, values);
      if (!view) throw new Error('an insert gives its row');
      const changes = changesOf(null, view, ['name', 'contentType', 'size']);
      await appendAudit(tx, { author, action: 'media.uploaded', subjectId: view.id, changes });
      return view;
    });
  }
}

const INSERT = `
  INSERT INTO attachment (organization_id, id, kind, name, content_type, size, width, height, storage_key, created_by)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ${MEDIA_COLUMNS}`;

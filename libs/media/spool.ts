import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { newId } from '@hub/platform/ids.js';
import { FileTooLargeError } from './media.errors.js';
import { MediaStoreUnavailableError, type MediaStore } from './media-store.js';

/** A file that has come in whole and is not kept yet. */
export interface Spooled {
  readonly path: string;
  readonly size: number;
  /** Of its content, in hexadecimal. */
  readonly sha256: string;
}

/** What this machine's disk says when it is at fault, not the sender. */
const DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EACCES', 'ENOENT', 'EMFILE', 'ENFILE']);

/** Collects uploads on this machine's disk: what they are can only be told, and they can only be kept, as a whole. */
export class Spool {
  constructor(
    private readonly store: MediaStore,
    readonly maxBytes: number,
  ) {}

  /** Reads to the end. @throws FileTooLargeError; MediaStoreUnavailableError; whatever ends the stream; then nothing is left */
  async receive(stream: Readable): Promise<Spooled> {
    const file = path.join(this.store.spoolDir, newId());
    const hash = createHash('sha256');
    let size = 0;
    const count = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        size += chunk.length;
        hash.update(chunk);
        if (size > this.maxBytes) done(new FileTooLargeError(this.maxBytes));
        else done(null, chunk);
      },
    });
    try {
      await mkdir(this.store.spoolDir, { recursive: true, mode: 0o700 });
      await pipeline(stream, count, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
    } catch (error) {
      await this.discard(file);
      if (DISK.has((error as NodeJS.ErrnoException).code ?? '')) throw new MediaStoreUnavailableError(error);
      throw error;
    }
    return { path: file, size, sha256: hash.digest('hex') };
  }

  discard(file: string): Promise<void> {
    return rm(file, { force: true });
  }

  /** Removes what processes that have died left behind. */
  async tidy(olderThanMs: number): Promise<void> {
    const { spoolDir } = this.store;
    for (const name of await readdir(spoolDir).catch(() => [])) {
      const file = path.join(spoolDir, name);
      const found = await stat(file).catch(() => null);
      if (found?.isFile() && Date.now() - found.mtimeMs > olderThanMs) await this.discard(file);
    }
  }
}

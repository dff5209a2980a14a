import { constants } from 'node:fs';
import { access, mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import {
  checkedKey,
  MediaStore,
  MediaStoreUnavailableError,
  ownerOf,
  type ByteRange,
  type StoredFile,
} from './media-store.js';

/** A folder on a disk that every process shares. Only its owner can read what is in it. */
export class DiskStore extends MediaStore {
  readonly spoolDir: string;

  constructor(private readonly root: string) {
    super();
    this.spoolDir = path.join(root, 'incoming'); // the same file system: a file is moved, not copied
  }

  async open(): Promise<void> {
    try {
      await mkdir(this.spoolDir, { recursive: true, mode: 0o700 });
      await access(this.spoolDir, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new Error(`MEDIA_STORE: the folder ${this.root} cannot be written to (${codeOf(error)})`, { cause: error });
    }
  }

  put(key: string, file: string): Promise<void> {
    return reaching(async () => {
      const target = this.pathOf(key);
      await flush(file);
      const made = await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      await rename(file, target);
      await flushFolders(path.dirname(target), made ? this.root : path.dirname(target));
    });
  }

  get(key: string, range?: ByteRange): Promise<Readable | null> {
    return reaching(async () => {
      const file = await orNull(open(this.pathOf(key)));
      return file && file.createReadStream(range && { start: range.start, end: range.end });
    });
  }

  remove(key: string): Promise<void> {
    return reaching(() => rm(this.pathOf(key), { force: true }));
  }

  async *list(): AsyncIterable<StoredFile> {
    for await (const organization of entries(this.root)) {
      for await (const shard of entries(path.join(this.root, organization))) {
        for await (const name of entries(path.join(this.root, organization, shard))) {
          const key = `${organization}/${shard}/${name}`;
          const found = ownerOf(key) && (await orNull(stat(this.pathOf(key))));
          if (found) yield { key, modifiedAt: found.mtime };
        }
      }
    }
  }

  async close(): Promise<void> {}

  private pathOf(key: string): string {
    return path.join(this.root, ...checkedKey(key).split('/'));
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

async function reaching<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall) throw new MediaStoreUnavailableError(error);
    throw error;
  }
}

/** Names in a folder; none where it is no folder, or gone. */
async function* entries(folder: string): AsyncIterable<string> {
  const found = await orNull(opendir(folder));
  if (found) for await (const { name } of found) yield name;
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A name is on the disk once its folder is, and so is a new folder's. */
async function flushFolders(from: string, to: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  await flush(from);
  if (from !== to) await flushFolders(path.dirname(from), to);
}

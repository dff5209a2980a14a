import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '@hub/platform/config.js';
import type { Logger } from '@hub/platform/logger.js';
import { DiskStore } from './disk-store.js';
import type { MediaStore } from './media-store.js';
import { S3Store } from './s3-store.js';
import { parseS3Url } from './s3-url.js';

/** The store that MEDIA_STORE names, ready. @throws Error in the operator's words when it cannot work */
export async function openStore({ MEDIA_STORE }: Pick<Config, 'MEDIA_STORE'>, logger: Logger): Promise<MediaStore> {
  const store = MEDIA_STORE.startsWith('s3:')
    ? new S3Store(parseS3Url(MEDIA_STORE), logger)
    : new DiskStore(folderOf(MEDIA_STORE));
  await store.open();
  return store;
}

/** `file:/a/folder`, `file:///a/folder`, or `file:a/folder` from where the process was started. */
function folderOf(setting: string): string {
  return setting.startsWith('file://') ? fileURLToPath(setting) : path.resolve(setting.slice('file:'.length));
}

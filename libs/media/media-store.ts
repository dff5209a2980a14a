import type { Readable } from 'node:stream';
import { HubError } from '@hub/platform/errors.js';

/** Bytes of a file, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredFile {
  readonly key: string;
  /** On the store's own clock. */
  readonly modifiedAt: Date;
}

/**
 * Where files are kept; rows say which. A file belongs to the row whose id is in its key, is written once and never
 * changed. Nobody calls a store inside a transaction. Every method throws {@link MediaStoreUnavailableError} where the
 * store cannot be reached.
 */
export abstract class MediaStore {
  /** A folder of this machine in which uploads are collected before they are kept. */
  abstract readonly spoolDir: string;
  /** Makes ready. @throws Error in the operator's words when the setting cannot work */
  abstract open(): Promise<void>;
  /**
   * Keeps a file of the spool folder, which may be gone from there afterwards. Nobody sees it half-written; once this
   * resolves it survives a crash of the machine.
   */
  abstract put(key: string, file: string, contentType: string): Promise<void>;
  /** @returns null where there is no such file */
  abstract get(key: string, range?: ByteRange): Promise<Readable | null>;
  /** Does nothing where there is no such file. */
  abstract remove(key: string): Promise<void>;
  /** Every file, those of one organization together. What is none of ours in there is passed over. */
  abstract list(): AsyncIterable<StoredFile>;
  abstract close(): Promise<void>;
}

export class MediaStoreUnavailableError extends HubError {
  constructor(cause: unknown) {
    super('unavailable', 'SERVICE_UNAVAILABLE', 'The store of files cannot be reached: try again shortly', [], {
      retryAfter: '5',
    });
    this.cause = cause;
  }
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const KEY = new RegExp(`^(${UUID})/[0-9a-f]{2}/(${UUID})$`);

/** Made of ids alone, so that nothing a caller has chosen is ever part of a path. */
export const keyOf = (organizationId: string, id: string): string => `${organizationId}/${id.slice(-2)}/${id}`;

/** Whose file a key names; null when it is none of ours. */
export function ownerOf(key: string): { organizationId: string; id: string } | null {
  const [, organizationId, id] = KEY.exec(key) ?? [];
  return organizationId && id ? { organizationId, id } : null;
}

/** @throws Error unless it is a key: it becomes a path or an address as it is */
export function checkedKey(key: string): string {
  if (!ownerOf(key)) throw new Error(`Not the key of a file: ${key}`);
  return key;
}

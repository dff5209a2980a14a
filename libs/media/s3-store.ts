import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Logger } from '@hub/platform/logger.js';
import {
  checkedKey,
  MediaStore,
  MediaStoreUnavailableError,
  ownerOf,
  type ByteRange,
  type StoredFile,
} from './media-store.js';
import type { S3Settings } from './s3-url.js';

const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 30_000;
const TRIES = 3;
/** Its failures come to us as errors; it need not print them, too. */
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
/** Of answers that come again whenever it is asked again. */
const LASTING = new Set([301, 400, 401, 403, 404]);

/** A bucket, or a prefix in one, of its own. It needs to list, read, write and delete there; nobody else reaches it. */
export class S3Store extends MediaStore {
  spoolDir = '';
  private readonly client: S3Client;

  constructor(
    private readonly settings: S3Settings,
    private readonly logger: Logger,
  ) {
    super();
    const { endpoint, region, forcePathStyle, credentials } = settings;
    this.client = new S3Client({
      endpoint,
      region,
      forcePathStyle,
      ...(credentials && { credentials }),
      maxAttempts: TRIES,
      logger: SILENT,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
      // many a server that speaks S3 knows none of the newer checksums
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  /** A bucket that says no stops the start; one that cannot be reached now may be there when a file comes. */
  async open(): Promise<void> {
    const { bucket, endpoint, prefix } = this.settings;
    try {
      await this.client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 }));
    } catch (error) {
      const status = statusOf(error);
      const isCredentials = (error as Error).name === 'CredentialsProviderError';
      if (isCredentials || (status !== undefined && LASTING.has(status))) {
        const why = isCredentials ? 'no credentials are set' : (REASONS[status ?? 0] ?? `it answers ${status}`);
        throw new Error(`MEDIA_STORE: the bucket ${bucket} at ${endpoint} cannot be used: ${why}`, { cause: error });
      }
      this.logger.warn({ bucket, endpoint, error: String(error) }, 'media.store_unreachable');
    }
    this.spoolDir = await mkdtemp(path.join(tmpdir(), 'switchboard-incoming-'));
  }

  async put(key: string, file: string, contentType: string): Promise<void> {
    const at = this.at(key);
    const { size } = await stat(file);
    for (let attempt = 1; ; attempt++) {
      // a stream cannot be sent a second time, so the client itself tries once only
      const Body = createReadStream(file);
      const input = { ...at, Body, ContentLength: size, ContentType: contentType };
      try {
        await this.client.send(new PutObjectCommand(input));
        return;
      } catch (error) {
        const status = statusOf(error);
        if (attempt === TRIES || (status !== undefined && LASTING.has(status)))
          throw new MediaStoreUnavailableError(error);
      } finally {
        Body.destroy();
      }
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable | null> {
    const at = this.at(key);
    try {
      const Range = range && `bytes=${range.start}-${range.end}`;
      const { Body } = await this.client.send(new GetObjectCommand({ ...at, Range }));
      return (Body as Readable | undefined) ?? null;
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw new MediaStoreUnavailableError(error);
    }
  }

  async remove(key: string): Promise<void> {
    const at = this.at(key);
    try {
      await this.client.send(new DeleteObjectCommand(at));
    } catch (error) {
      if (statusOf(error) !== 404) throw new MediaStoreUnavailableError(error);
    }
  }

  async *list(): AsyncIterable<StoredFile> {
    const { bucket, prefix } = this.settings;
    let ContinuationToken: string | undefined;
    do {
      const page = await this.page({ Bucket: bucket, Prefix: prefix, ContinuationToken });
      for (const { Key = '', LastModified } of page.Contents ?? []) {
        const key = Key.slice(prefix.length);
        if (LastModified && ownerOf(key)) yield { key, modifiedAt: LastModified };
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken);
  }

  async close(): Promise<void> {
    this.client.destroy();
    if (this.spoolDir) await rm(this.spoolDir, { recursive: true, force: true });
  }

  private async page(input: ConstructorParameters<typeof ListObjectsV2Command>[0]) {
    try {
      return await this.client.send(new ListObjectsV2Command(input));
    } catch (error) {
      throw new MediaStoreUnavailableError(error);
    }
  }

  private at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.settings.bucket, Key: this.settings.prefix + checkedKey(key) };
  }
}

const REASONS: Readonly<Record<number, string>> = {
  301: 'it is in another region',
  401: 'the key or secret is not right',
  403: 'the key or secret is not right, or may not list it',
  404: 'there is no such bucket',
};

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

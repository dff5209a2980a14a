import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { keyOf, MediaStoreUnavailableError, type ByteRange, type MediaStore } from '@hub/media/media-store.js';
import { openStore } from '@hub/media/open-store.js';
import { newId } from '@hub/platform/ids.js';
import { createLogger } from '@hub/platform/logger.js';
import { startS3, type S3Server } from '../support/s3.js';

const logger = createLogger('silent', 'api');
const opened = (MEDIA_STORE: string): Promise<MediaStore> => openStore({ MEDIA_STORE }, logger);

let s3: S3Server;
let folder: string;
beforeAll(async () => {
  s3 = await startS3('files', 'shared');
  folder = await mkdtemp(path.join(tmpdir(), 'switchboard-disk-'));
});
afterAll(async () => {
  await s3.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What every store of files must do. */
describe.each([
  ['a folder', () => `file:${folder}`],
  ['a bucket', () => s3.url('files')],
  ['a prefix of a bucket', () => s3.url('shared/some/where')],
])('the media store: %s', (_, setting) => {
  let store: MediaStore;
  beforeAll(async () => {
    store = await opened(setting());
  });
  afterAll(() => store.close());

  const newKey = (organizationId = newId()): string => keyOf(organizationId, newId());
  async function put(content: Buffer | string, key = newKey()): Promise<string> {
    const file = path.join(store.spoolDir, newId());
    await writeFile(file, content);
    await store.put(key, file, 'application/octet-stream');
    await rm(file, { force: true });
    return key;
  }
  async function read(key: string, range?: ByteRange): Promise<Buffer | null> {
    const stream = await store.get(key, range);
    return stream && (await buffer(stream));
  }
  async function listed(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key, modifiedAt } of store.list()) {
      expect(Math.abs(Date.now() - modifiedAt.getTime())).toBeLessThan(60_000);
      keys.push(key);
    }
    return keys;
  }

  it('gives back what it was given, byte for byte', async () => {
    const content = randomBytes(3_000_000);
    const key = await put(content);
    expect((await read(key))?.equals(content)).toBe(true);
  });

  it('gives a part of it', async () => {
    const key = await put('0123456789');
    expect(String(await read(key, { start: 0, end: 1 }))).toBe('01');
    expect(String(await read(key, { start: 3, end: 6 }))).toBe('3456');
    expect(String(await read(key, { start: 9, end: 9 }))).toBe('9');
  });

  it('has nothing where nothing was put, and removes that without complaint', async () => {
    const key = newKey();
    expect(await read(key)).toBeNull();
    await store.remove(key);
    const kept = await put('x');
    await store.remove(kept);
    await store.remove(kept);
    expect(await read(kept)).toBeNull();
  });

  it('lists all it has, the files of an organization together, and only what is its own', async () => {
    for (const key of await listed()) await store.remove(key);
    const organizations = [newId(), newId()];
    const keys: string[] = [];
    for (let i = 0; i < 12; i++) keys.push(await put('x', newKey(organizations[i % 2])));
    await writeFile(path.join(store.spoolDir, newId()), 'still coming in');
    const found = await listed();
    expect([...found].sort()).toEqual([...keys].sort());
    const order = found.map((key) => key.slice(0, 36));
    expect(order.filter((id, i) => id !== order[i - 1])).toHaveLength(2);
  });

  it.each([
    '../../etc/passwd',
    'a/b',
    '/etc/passwd',
    `${newId()}/aa/../${newId()}`,
    '',
    `${keyOf(newId(), newId())}/x`,
  ])('takes nothing for a key but ids: %j', async (key) => {
    await expect(store.get(key)).rejects.toThrow(/Not the key/);
    await expect(store.remove(key)).rejects.toThrow(/Not the key/);
    await expect(put('x', key)).rejects.toThrow(/Not the key/);
  });

  it('writes many at once', async () => {
    const contents = Array.from({ length: 20 }, (_, i) => `file ${i}`);
    const keys = await Promise.all(contents.map((content) => put(content)));
    expect(await Promise.all(keys.map(async (key) => String(await read(key))))).toEqual(contents);
  });
});

describe('a folder', () => {
  it('shows nobody else what is in it, and never a half-written file', async () => {
    const root = path.join(folder, 'private');
    const store = await opened(`file:${root}`);
    const file = path.join(store.spoolDir, newId());
    await writeFile(file, 'x', { mode: 0o600 });
    const key = keyOf(newId(), newId());
    await store.put(key, file, 'text/plain');
    expect((await stat(root)).mode & 0o077).toBe(0);
    expect((await stat(path.join(root, key))).mode & 0o077).toBe(0);
    expect(await readdir(store.spoolDir)).toEqual([]); // moved, not copied
  });

  it('that cannot be is told at the start', async () => {
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    await expect(opened(`file:${file}/media`)).rejects.toThrow(/MEDIA_STORE: the folder .*cannot be written to/);
  });
});

describe('a bucket', () => {
  it('that does not exist, or does not let us in, is told at the start', async () => {
    await expect(opened(s3.url('missing'))).rejects.toThrow(/MEDIA_STORE: the bucket missing .*no such bucket/);
    const wrong = opened(s3.url('files', 'nobody:hidden'));
    await expect(wrong).rejects.toThrow(/MEDIA_STORE: the bucket files .*not right/);
    await expect(wrong).rejects.not.toThrow(/hidden/);
  });

  it('that cannot be reached does not keep us from starting, and fails as unavailable', async () => {
    const store = await opened('s3://a:b@127.0.0.1:9/files?tls=false');
    const key = keyOf(newId(), newId());
    await expect(store.get(key)).rejects.toBeInstanceOf(MediaStoreUnavailableError);
    await expect(store.remove(key)).rejects.toBeInstanceOf(MediaStoreUnavailableError);
    const file = path.join(store.spoolDir, newId());
    await writeFile(file, 'x');
    await expect(store.put(key, file, 'text/plain')).rejects.toBeInstanceOf(MediaStoreUnavailableError);
    await store.close();
  });
});

import type { Answer } from '../support/api-client.js';
import type { ApiClient } from '../support/api-client.js';

/** The answer to an upload. */
export interface Uploaded {
  readonly id: string;
  readonly type: string;
  readonly url: string;
  readonly mimeType: string;
  readonly size: number;
  readonly expiresAt: string;
  readonly name: string;
  readonly width: number | null;
  readonly height: number | null;
}

export interface Part {
  readonly name: string;
  readonly content: string | Buffer;
  readonly filename?: string;
  readonly type?: string;
}

export const BOUNDARY = 'frontier';
export const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

/** A form as bytes. `end` false: it breaks off before its last boundary. */
export function form(parts: readonly Part[], { end = true } = {}): Buffer {
  const chunks = parts.flatMap(({ name, content, filename, type }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"`,
    filename === undefined ? '' : `; filename="${filename}"`,
    type ? `\r\nContent-Type: ${type}` : '',
    '\r\n\r\n',
    content,
    '\r\n',
  ]);
  const bytes = chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
  return Buffer.concat([...bytes, Buffer.from(end ? `--${BOUNDARY}--\r\n` : '')]);
}

export const send = (
  api: ApiClient,
  parts: readonly Part[],
  headers: Record<string, string> = {},
): Promise<Answer<Uploaded>> =>
  api.post<Uploaded>('/v1/media/upload', undefined, { raw: form(parts), headers: { ...FORM, ...headers } });

/** One file, and what it is declared as. */
export const upload = (
  api: ApiClient,
  content: string | Buffer,
  { filename = 'file', as, headers }: { filename?: string; as?: string; headers?: Record<string, string> } = {},
): Promise<Answer<Uploaded>> =>
  send(
    api,
    [{ name: 'file', content, filename }, ...(as === undefined ? [] : [{ name: 'type', content: as }])],
    headers,
  );

/** The smallest PNG of this size that anything reads: a head. */
export function png(width: number, height: number): Buffer {
  const head = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  const rest = '08060000001f15c4890000000d49444154789c6360000002000001e5272d050000000049454e44ae426082';
  return Buffer.concat([head, size, Buffer.from(rest, 'hex')]);
}

/** A JPEG of this size; a camera held sideways writes orientation 6. */
export function jpeg(width: number, height: number, orientation?: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(height, 0);
  size.writeUInt16BE(width, 2);
  const app0 = 'ffe000104a46494600010101004800480000';
  return Buffer.concat([
    Buffer.from(`ffd8${app0}`, 'hex'),
    orientation ? exifOf(orientation) : Buffer.alloc(0),
    Buffer.from('ffc0001108', 'hex'),
    size,
    Buffer.from('03012200021101031101ffd9', 'hex'),
    Buffer.alloc(64),
  ]);
}

function exifOf(orientation: number): Buffer {
  const tiff = Buffer.from('49492a0008000000010012010300010000000000000000000000', 'hex');
  tiff.writeUInt16LE(orientation, 18);
  const body = Buffer.concat([Buffer.from('457869660000', 'hex'), tiff]);
  const head = Buffer.from('ffe10000', 'hex');
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

export const PDF = Buffer.from('%PDF-1.7\n%\u00e2\u00e3\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n', 'latin1');

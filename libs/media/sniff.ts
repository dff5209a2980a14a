import { open } from 'node:fs/promises';
import { fileTypeFromFile } from 'file-type';
import { imageSize } from 'image-size';
import type { MediaKind } from '@hub/model/attachment.entity.js';
import { endingOf } from './file-name.js';

export interface Sniffed {
  readonly contentType: string;
  readonly kind: MediaKind;
}

export interface Dimensions {
  readonly width: number;
  readonly height: number;
}

/** How much of a file is looked at to tell whether it is text. */
const TEXT_HEAD = 65_536;
const UNKNOWN = 'application/octet-stream';

/** What a file is, by its bytes. Its name decides only between kinds of plain text, which are all as harmless. */
export async function sniff(file: string, name: string): Promise<Sniffed> {
  const head = await headOf(file, TEXT_HEAD);
  const isMarked = encodingOf(head) !== 'utf-8'; // two bytes that begin sound, too
  const contentType = (isMarked && textType(head, name)) || (await binaryType(file)) || textType(head, name) || UNKNOWN;
  return { contentType, kind: kindOf(contentType) };
}

/** The library knows no text but XML, which may be anything: that is ours to say. */
async function binaryType(file: string): Promise<string | null> {
  const found = await fileTypeFromFile(file).catch(() => undefined);
  return !found || found.mime === 'application/xml' ? null : found.mime;
}

/** Pictures that are programs (SVG) are documents: nobody shows them in place. */
function kindOf(contentType: string): MediaKind {
  const kind = /^(image|video|audio)\//.exec(contentType)?.[1] ?? 'document';
  if (contentType === 'application/ogg') return 'audio';
  return contentType === 'image/svg+xml' ? 'document' : (kind as MediaKind);
}

const BY_ENDING: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  ics: 'text/calendar',
  vcf: 'text/vcard',
  md: 'text/markdown',
};
const HTML =
  /<(?:!doctype\s+html|html|head|body|script|iframe|style|title|meta|link|form|img|a|div|p|br|table|object|embed)\b/i;

/** Active markup wherever it stands in the head, so that nothing of it ever passes for plain text. */
function textType(head: Buffer, name: string): string | null {
  const text = decode(head);
  if (text === null) return null;
  if (/<svg\b/i.test(text)) return 'image/svg+xml';
  if (HTML.test(text)) return 'text/html';
  const start = text.trimStart();
  if (start.startsWith('<')) return 'application/xml';
  if (endingOf(name) === 'json' && /^[[{]/.test(start)) return 'application/json';
  return BY_ENDING[endingOf(name)] ?? 'text/plain';
}

/** The head as UTF-8 (or UTF-16 with its mark); null when it is no text. */
function decode(head: Buffer): string | null {
  try {
    // a character may be cut in two at the end of the head
    const text = new TextDecoder(encodingOf(head), { fatal: true }).decode(head, { stream: true });
    // eslint-disable-next-line no-control-regex -- these are what text does not hold
    return /[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

function encodingOf(head: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const mark = head.subarray(0, 2).toString('hex');
  return mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
}

/** Types whose size the library reads from the head, and how much of it that takes. */
const IMAGE_HEADS: readonly (readonly [RegExp, number])[] = [
  [/^image\/(?:jpeg|tiff)$/, 524_288], // any amount of metadata may come first
  [/^image\/(?:png|apng|gif|webp|bmp|hei[cf](?:-sequence)?|avif|jxl|x-icon|vnd\.adobe\.photoshop)$/, 65_536],
];
const MAX_PIXELS = 2_147_483_647;

/** Width and height as a viewer shows them (a camera's turn included); null where the head does not tell. */
export async function dimensionsOf(file: string, contentType: string): Promise<Dimensions | null> {
  const length = IMAGE_HEADS.find(([types]) => types.test(contentType))?.[1];
  if (!length) return null;
  try {
    const { width, height, orientation = 1 } = imageSize(await headOf(file, length));
    if (![width, height].every((side) => Number.isInteger(side) && side > 0 && side <= MAX_PIXELS)) return null;
    return orientation >= 5 ? { width: height, height: width } : { width, height };
  } catch {
    return null; // whatever is wrong with it: a file like any other
  }
}

async function headOf(file: string, length: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Containers that hold sound alone as well as pictures: a recorder's voice message calls itself video. */
const MAY_BE_SOUND = /^video\/(webm|mp4|ogg|3gpp|quicktime)\b/;

/**
 * What was found, in the words of somebody who has declared a kind; null where the two contradict. Any file may be sent
 * as a document, and a film without pictures as sound.
 */
export function asDeclared(found: Sniffed, declared: MediaKind | undefined): Sniffed | null {
  if (!declared || declared === found.kind) return found;
  if (declared === 'document') return { ...found, kind: 'document' };
  const sound = MAY_BE_SOUND.exec(found.contentType)?.[1];
  return declared === 'audio' && sound ? { contentType: `audio/${sound}`, kind: 'audio' } : null;
}

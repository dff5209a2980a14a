import path from 'node:path';
import type { AttachmentView } from '@hub/model/views.js';

/** A file of a message. @param link what opens a file that the media store has, by its UUID */
export function attachmentOf(file: AttachmentView, link: (id: string) => string): object {
  const { id, number, name, stored, inline, contentType, extractionStatus } = file;
  const originalUrl = file.originalUrl === null ? undefined : uri(file.originalUrl);
  return {
    id: number,
    url: stored ? link(id) : originalUrl,
    name,
    size: file.size ?? undefined,
    width: file.width ?? undefined,
    height: file.height ?? undefined,
    inline,
    fileEnding: path.extname(name).slice(1).toLowerCase() || undefined,
    contentType,
    originalUrl,
    extractedData: file.extractedData ?? undefined,
    extractionStatus,
    extractionData: file.extractionData ?? undefined,
  };
}

/** A character that no URI has, and a percent sign that escapes nothing. */
const FOREIGN = /[^\w\-.~:/?#[\]@!$&'()*+,;=%]|%(?![\da-f]{2})/gi;

/** An address as a client with a strict parser takes it; undefined when it is none. */
function uri(address: string): string | undefined {
  return URL.canParse(address) ? new URL(address).href.replace(FOREIGN, encodeURIComponent) : undefined;
}

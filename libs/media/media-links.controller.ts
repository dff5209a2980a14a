import { Readable } from 'node:stream';
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { dispositionOf } from './file-name.js';
import { rangeOf } from './http-range.js';
import { MediaNotFoundError } from './media.errors.js';
import { MediaLinks } from './media-links.js';
import { MediaQueries } from './media.queries.js';
import type { MediaView } from './media.types.js';
import { keyOf, MediaStore } from './media-store.js';

/** What a browser shows in place; it does nothing with anything else but save it. */
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|video\/|audio\/)/;
const POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";

/**
 * Files, to whoever has a signed link. Their bytes come through here also where S3 keeps them: the bucket stays out of
 * everybody's reach, and no file is ever sent without the headers that keep it from running as a page of ours.
 */
@ApiExcludeController()
@Controller('media')
export class MediaLinksController {
  constructor(
    private readonly links: MediaLinks,
    private readonly queries: MediaQueries,
    private readonly store: MediaStore,
  ) {}

  @Get(':token')
  async serve(@Param('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const link = this.links.open(token);
    if (!link) throw new MediaNotFoundError();
    const file = await this.queries.getMedia(link.organizationId, link.id);
    if (!file.stored || file.size === null) throw new MediaNotFoundError();
    const etag = `"${file.id}"`;
    const headers = headersOf(file, etag, link.expiresAt);
    if (request.headers['if-none-match']?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) {
      return reply.headers(headers).status(304).send();
    }
    const ifRange = request.headers['if-range'];
    const range = ifRange && ifRange !== etag ? null : rangeOf(request.headers.range, file.size);
    if (range === 'unsatisfiable') {
      return reply
        .headers({ ...headers, 'content-range': `bytes */${file.size}` })
        .status(416)
        .send();
    }
    const isHead = request.method === 'HEAD'; // its length is told, nothing is read
    const stream = isHead
      ? Readable.from([])
      : await this.store.get(keyOf(link.organizationId, link.id), range ?? undefined);
    if (!stream) throw new MediaNotFoundError();
    reply.headers(headers).header('content-length', range ? range.end - range.start + 1 : file.size);
    if (range) reply.status(206).header('content-range', `bytes ${range.start}-${range.end}/${file.size}`);
    // a process that stops waits for what is being sent, and not for what might be asked next
    reply.raw.once('finish', () => request.server.server.listening || request.raw.socket.end());
    return reply.send(stream);
  }
}

function headersOf({ contentType, name }: MediaView, etag: string, expiresAt: Date): Record<string, string> {
  const seconds = Math.max(0, Math.floor((expiresAt.getTime() - Date.now()) / 1000));
  return {
    'content-type': contentType.startsWith('text/') ? `${contentType}; charset=utf-8` : contentType,
    'content-disposition': dispositionOf(SHOWN.test(contentType) ? 'inline' : 'attachment', name),
    'accept-ranges': 'bytes',
    etag,
    'cache-control': `private, max-age=${seconds}, immutable`,
    'content-security-policy': POLICY,
    'cross-origin-resource-policy': 'cross-origin', // pages of other origins show pictures, too
  };
}

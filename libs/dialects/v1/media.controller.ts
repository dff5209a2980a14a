import { Body, Delete, Get, Param, Post, UseGuards } from '@nestjs/common';
import type { Actor } from '@hub/identity/actor.js';
import { CurrentActor } from '@hub/http/request.js';
import { MediaLinks } from '@hub/media/media-links.js';
import { MediaQueries } from '@hub/media/media.queries.js';
import { MediaService } from '@hub/media/media.service.js';
import { MEDIA_KINDS } from '@hub/model/attachment.entity.js';
import { mediaResource, uploadAnswer } from './media.mapper.js';
import { UploadGuard, type Upload } from './media.upload.js';
import { flat, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

const FORM = {
  type: 'object',
  required: ['file'],
  properties: {
    file: {
      type: 'string',
      format: 'binary',
      description: '25 MiB at most, unless the operator has set another limit',
    },
    type: {
      type: 'string',
      enum: [...MEDIA_KINDS],
      description: 'What it is to be sent as; unset, what its bytes say. Any file may be a document.',
    },
  },
};

@V1Controller('media', 'Media')
export class MediaController {
  constructor(
    private readonly media: MediaService,
    private readonly queries: MediaQueries,
    private readonly links: MediaLinks,
  ) {}

  @Post('upload')
  @UseGuards(UploadGuard) // after those of the V1Controller
  @Operation({
    scope: 'messages:write',
    customer: true,
    summary: 'Upload a file',
    description:
      'For a message to carry; what no message carries within 24 hours is forgotten. Its type is told from the bytes. ' +
      '`url` opens the file without a key until `expiresAt`; `GET /media/{id}` gives a new one.',
    upload: FORM,
    status: 201,
    flat: 'MediaUpload',
  })
  async upload(@CurrentActor() actor: Actor, @Body() { file, name, type }: Upload): Promise<Envelope> {
    const view = await this.media.upload(actor, { file, name, kind: type });
    return flat(uploadAnswer(view, this.links.urlFor(view.organizationId, view.id)));
  }

  @Get(':id')
  @Operation({ scope: 'messages:read', summary: 'Get a file', one: 'Media', errors: ['RESOURCE_NOT_FOUND'] })
  async get(@CurrentActor() { organizationId }: Actor, @Param('id') id: string): Promise<Envelope> {
    const view = await this.queries.getMedia(organizationId, idOf('media', id));
    return one(mediaResource(view, view.stored ? this.links.urlFor(organizationId, view.id) : null));
  }

  @Delete(':id')
  @Operation({
    scope: 'messages:write',
    summary: 'Delete an upload',
    description: 'One that no message carries. A file of a message goes with the message.',
    status: 204,
    errors: ['RESOURCE_NOT_FOUND', 'MEDIA_IN_USE'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.media.remove(actor, idOf('media', id));
  }
}

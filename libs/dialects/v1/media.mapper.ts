import type { MediaLink } from '@hub/media/media-links.js';
import type { MediaView } from '@hub/media/media.types.js';
import { encodeId } from '@hub/platform/ids.js';
import type { Resource } from './v1.envelope.js';
import { partyId } from './v1.ids.js';

/** A file by itself. @param link how the media store opens it; null where it is kept elsewhere */
export function mediaResource(view: MediaView, link: MediaLink | null): Resource {
  const { id, organizationId: _, stored: __, messageId, createdBy, ...fields } = view;
  return {
    id: encodeId('media', id),
    type: 'media',
    attributes: {
      ...fields,
      messageId: messageId && encodeId('msg', messageId),
      url: link ? link.url : view.originalUrl,
      urlExpiresAt: link?.expiresAt ?? null,
      createdBy: { type: createdBy.type, id: partyId(createdBy), name: createdBy.name },
    },
  };
}

export const uploadAnswer = ({ id, kind, contentType, size, name, width, height }: MediaView, link: MediaLink) => ({
  id: encodeId('media', id),
  type: kind,
  url: link.url,
  mimeType: contentType,
  size,
  expiresAt: link.expiresAt,
  name,
  width,
  height,
});

import type { MediaKind } from '@hub/model/attachment.entity.js';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import type { AttachmentView } from '@hub/model/views.js';
import type { Spooled } from './spool.js';

/** A file that has come in, with what its sender says of it. */
export interface UploadMedia {
  readonly file: Spooled;
  /** As the sender calls it. */
  readonly name?: string | undefined;
  /** Absent: what its bytes say. */
  readonly kind?: MediaKind | undefined;
}

/** A file by itself. */
export interface MediaView extends AttachmentView {
  readonly organizationId: string;
  /** Null until a message carries it. */
  readonly messageId: string | null;
  readonly createdBy: PartyRef;
  readonly createdAt: Date;
}

import type { JsonObject } from '@hub/model/tenant-row.js';
import { Flag, Json, Nested, OneOf, Text, Timestamp, Whole } from '@hub/platform/dto.js';
import { WithContent } from './v1.content.js';
import { CursorQuery, EMAIL } from './v1.dto.js';

export class ListMessagesQuery extends CursorQuery {
  @Whole({ min: 1, max: 100, optional: true, default: 50 }) limit = 50;
  @OneOf(['before', 'after'], {
    optional: true,
    default: 'before',
    description: 'Back from the latest, or on from the first',
  })
  direction: 'before' | 'after' = 'before';
}

export class PostMessageBody extends WithContent {
  @Flag({ optional: true, default: false, description: 'A note that only the staff sees' }) private = false;
  @Flag({ optional: true, default: false, description: 'Not available in this version: true is refused' }) draft =
    false;
  @Text({ optional: true, description: 'Your own id of it; the same again gives the first message back' })
  clientMessageId?: string;
  @Json({ optional: true }) metadata?: JsonObject;
}

export class InboundContact {
  @Text({ description: 'The id by which your side knows the person' }) externalId: string;
  @Text({ optional: true }) name?: string;
  @Text({ max: 32, optional: true, description: 'E.164' }) phone?: string;
  @Text({ ...EMAIL, optional: true }) email?: string;
}

export class InboundMessageBody extends WithContent {
  @Text({ description: 'Your own id of the message; the same again gives the first message back with 200' })
  externalId: string;
  @Nested(() => InboundContact) contact: InboundContact;
  @Timestamp({ optional: true, description: 'When it was written; now unless set' }) occurredAt?: string;
  @Json({ optional: true }) metadata?: JsonObject;
}

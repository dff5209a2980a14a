import type { DraftState, MessageDirection, MessageStatus } from '@hub/model/message.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { Flag, Json, Nested, NestedList, OneOf, Text, TextList, Timestamp, Whole } from '@hub/platform/dto.js';
import { CONTENT_TYPES, WithContent } from './v1.content.js';
import { CursorQuery, EMAIL, WEB_URL } from './v1.dto.js';

export class ListMessagesQuery extends CursorQuery {
  @Whole({ min: 1, max: 100, optional: true, default: 50 }) limit = 50;
  @OneOf(['before', 'after'], {
    optional: true,
    default: 'before',
    description: 'Back from the latest, or on from the first',
  })
  direction: 'before' | 'after' = 'before';
}

export class SearchMessagesQuery extends CursorQuery {
  @Whole({ min: 1, max: 100, optional: true, default: 50 }) limit = 50;
  @Text({ optional: true, min: 1 }) conversationId?: string;
  @Text({ optional: true, min: 1 }) channelId?: string;
  @OneOf(['inbound', 'outbound', 'internal'], { optional: true }) direction?: MessageDirection;
  @OneOf(['pending', 'sent', 'delivered', 'read', 'failed'], { optional: true }) status?: MessageStatus;
  @OneOf([...CONTENT_TYPES, 'deleted'], { optional: true }) contentType?: string;
  @OneOf(['pending', 'approved', 'rejected'], { optional: true, description: 'Drafts in this state' })
  draft?: DraftState;
  @Timestamp({ optional: true, description: 'Created at or after' }) startDate?: string;
  @Timestamp({ optional: true, description: 'Created at or before; a date means its last instant' }) endDate?: string;
  @Text({ optional: true, min: 1, description: 'Part of its words' }) search?: string;
}

const ADDRESSES = { optional: true, maxItems: 50, max: 1_000 };

export class RecipientsBody {
  @TextList(ADDRESSES) to?: string[];
  @TextList(ADDRESSES) cc?: string[];
  @TextList(ADDRESSES) bcc?: string[];
}

/** What everything that is sent takes. */
class Post extends WithContent {
  @Flag({ optional: true, default: false, description: 'Goes nowhere until a supervisor has approved it' })
  draft = false;
  @Timestamp({ optional: true, description: 'When to send it: in the future, at most a year ahead' })
  scheduledAt?: string;
  @Nested(() => RecipientsBody, {
    optional: true,
    description: 'Who else it goes to: email addresses on an email channel, lines of text elsewhere',
  })
  recipients?: RecipientsBody;
  @TextList({ optional: true, maxItems: 20, description: 'Ids of uploads that no message carries yet' })
  attachments?: string[];
  @Text({ optional: true, description: 'Your own id of it; the same again gives the first message back' })
  clientMessageId?: string;
  @Json({ optional: true }) metadata?: JsonObject;
}

export class PostMessageBody extends Post {
  @Flag({ optional: true, default: false, description: 'A note that only the staff sees' }) private = false;
}

export class SendTo {
  @Text({ optional: true, min: 1, description: 'A known contact; without it, one of the addresses' })
  contactId?: string;
  @Text({ max: 32, optional: true, min: 1, description: 'E.164' }) phone?: string;
  @Text({ max: 320, optional: true, min: 1 }) email?: string;
  @Text({ optional: true, min: 1, description: "The channel's own id of the person" }) externalId?: string;
  @Text({ optional: true, min: 1 }) name?: string;
}

export class SendMessageBody extends Post {
  @Text({ optional: true, min: 1, description: 'Goes on with this one; without it, `channelId` and `to`' })
  conversationId?: string;
  @Text({ optional: true, min: 1 }) channelId?: string;
  @Nested(() => SendTo, { optional: true }) to?: SendTo;
}

export class DeleteMessageQuery {
  @Flag({ optional: true, default: false, description: 'Asks the other side to delete it, too' }) forEveryone = false;
}

export class BulkReadBody {
  @TextList({ optional: true, maxItems: 100 }) messageIds?: string[];
  @Text({ optional: true, min: 1 }) conversationId?: string;
  @Timestamp({ optional: true, description: 'Written at or before; everything unless set' }) beforeTimestamp?: string;
}

export class RejectBody {
  @Text({ max: 1_000, optional: true }) reason?: string;
}

export class ReceiptBody {
  @OneOf(['sent', 'delivered', 'read', 'failed']) status: 'sent' | 'delivered' | 'read' | 'failed';
  @Text({ max: 1_000, optional: true, description: 'Why it failed' }) error?: string;
  @Timestamp({ optional: true, description: 'Now unless set' }) timestamp?: string;
}

export class InboundContact {
  @Text({ description: 'The id by which your side knows the person' }) externalId: string;
  @Text({ optional: true }) name?: string;
  @Text({ max: 32, optional: true, description: 'E.164' }) phone?: string;
  @Text({ ...EMAIL, optional: true }) email?: string;
}

export class InboundAttachment {
  @Text({ optional: true, min: 1, description: 'An upload; or `url`, `name` and `contentType`' }) id?: string;
  @Text({ ...WEB_URL, optional: true, description: 'Where the file stays' }) url?: string;
  @Text({ optional: true, min: 1 }) name?: string;
  @Text({ optional: true, pattern: /^[\w.+-]+\/[\w.+-]+(;.*)?$/, hint: 'a media type such as image/png' })
  contentType?: string;
  @Whole({ optional: true, description: 'In bytes' }) size?: number;
}

export class InboundMessageBody extends WithContent {
  @Text({ description: 'Your own id of the message; the same again gives the first message back with 200' })
  externalId: string;
  @Nested(() => InboundContact) contact: InboundContact;
  @Timestamp({ optional: true, description: 'When it was written; now unless set' }) occurredAt?: string;
  @Nested(() => RecipientsBody, { optional: true, description: 'Whom it was addressed to' })
  recipients?: RecipientsBody;
  @NestedList(() => InboundAttachment, { optional: true, maxItems: 20 }) attachments?: InboundAttachment[];
  @Json({ optional: true }) metadata?: JsonObject;
  @Json({ optional: true, description: 'What it was made from, at most 256 KiB: kept apart and not shown here' })
  raw?: JsonObject;
}

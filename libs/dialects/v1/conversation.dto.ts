import { CONVERSATION_SORTS, type ConversationSort } from '@hub/conversations/conversations.queries.js';
import { CHANNEL_TYPES, type ChannelType } from '@hub/model/channel.entity.js';
import { ON_EXISTING, type OnExisting } from '@hub/conversations/conversations.types.js';
import {
  CONVERSATION_STATUSES,
  PRIORITIES,
  RESOLUTIONS,
  type ConversationStatus,
  type Priority,
  type Resolution,
} from '@hub/model/conversation.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { Flag, Json, Nested, OneOf, Text, TextList, Timestamp, Whole } from '@hub/platform/dto.js';
import { CursorQuery, EMAIL, PageQuery } from './v1.dto.js';

const SEARCH =
  "Part of the contact's name or of a message. What is very common, or shorter than three letters, is looked for in the " +
  'latest 50,000 messages and contacts; everything else in all of them';

export class ListConversationsQuery extends PageQuery {
  @OneOf(CONVERSATION_STATUSES, { optional: true }) status?: ConversationStatus;
  @Text({ optional: true, min: 1 }) channelId?: string;
  @OneOf(CHANNEL_TYPES, { optional: true }) channelType?: ChannelType;
  @Text({ optional: true, min: 1, description: 'A user or a bot' }) assigneeId?: string;
  @Text({ optional: true, min: 1 }) contactId?: string;
  @Text({ optional: true, min: 1, description: 'The attached bot' }) botId?: string;
  @Timestamp({ optional: true, description: 'Created at or after' }) startDate?: string;
  @Timestamp({ optional: true, description: 'Created at or before; a date means its last instant' }) endDate?: string;
  @Text({ optional: true, min: 1, description: SEARCH }) search?: string;
  @Text({ optional: true, min: 1, description: 'The ticket it hangs on' }) ticketId?: string;
  @Text({ optional: true, min: 1, description: 'The kind of record it is about' }) entityType?: string;
  @Text({ optional: true, min: 1, description: 'Goes with `entityType`' }) entityId?: string;
  @Flag({ optional: true, description: 'Only those put away, or only the others; both unless set' }) archived?: boolean;
  @TextList({ optional: true, description: 'Has all of them' }) tags?: string[];
  @OneOf(CONVERSATION_SORTS, { optional: true, default: 'updatedAt' }) sortBy: ConversationSort = 'updatedAt';
}

export class GetConversationQuery {
  @Flag({ optional: true, default: false }) includeMessages = false;
  @Whole({ min: 1, max: 100, optional: true, default: 20 }) messageLimit = 20;
}

export class ContactDetails {
  @Text({ max: 32, optional: true, description: 'E.164; this or the email is needed', example: '+5511999999999' })
  phone?: string;
  @Text({ ...EMAIL, optional: true }) email?: string;
  @Text({ optional: true }) name?: string;
}

const ON_EXISTING_TEXT =
  'Where the contact has a conversation on the channel – `conflict`: refuse; `return`: the live one; `reopen`: the live ' +
  'one, else the last one reopened; `create`: another one, where the channel takes several';

export class EntityBody {
  @Text({ description: 'What it is, such as work_order' }) type: string;
  @Text({ description: 'Its id in the other system' }) id: string;
}

export class CreateConversationBody {
  @Text() channelId: string;
  @Text({
    optional: true,
    min: 1,
    description: 'A known contact; without it, `contact`. In the internal channel, neither',
  })
  contactId?: string;
  @Nested(() => ContactDetails, { optional: true }) contact?: ContactDetails;
  @Text({ optional: true, min: 1, description: 'A user, a bot, a team or a queue' }) assigneeId?: string;
  @Text({ optional: true, min: 1, description: "The channel's default bot unless set" }) botId?: string;
  @Text({ optional: true, min: 1, description: 'The ticket to hang it on' }) ticketId?: string;
  @Nested(() => EntityBody, { optional: true, description: 'The record of another system that it is about' })
  entity?: EntityBody;
  @TextList({ optional: true, description: 'Users who take part from the start' }) userIds?: string[];
  @OneOf(ON_EXISTING, { optional: true, default: 'conflict', description: ON_EXISTING_TEXT })
  onExisting: OnExisting = 'conflict';
  @Text({ optional: true }) subject?: string;
  @OneOf(PRIORITIES, { optional: true, default: 'normal' }) priority: Priority = 'normal';
  @Json({ optional: true }) metadata?: JsonObject;
  @TextList({ optional: true }) tags?: string[];
}

/** What every change of a conversation takes. */
class Versioned {
  @Whole({ min: 1, optional: true, description: 'The version you have seen, as `If-Match`: another one is a 412' })
  expectedVersion?: number;
}

export class UpdateConversationBody extends Versioned {
  @OneOf(CONVERSATION_STATUSES, { optional: true }) status?: ConversationStatus;
  @Text({ optional: true, nullable: true }) subject?: string | null;
  @OneOf(PRIORITIES, { optional: true }) priority?: Priority;
  @Json({ optional: true, description: 'Merged; a key set to null is removed' }) metadata?: JsonObject;
  @TextList({ optional: true, description: 'Replaces the tags' }) tags?: string[];
  @Timestamp({ optional: true, description: 'In the future; snoozes' }) snoozedUntil?: string;
  @Text({ optional: true, nullable: true, min: 1, description: 'The ticket it hangs on; null: none' })
  ticketId?: string | null;
  @Nested(() => EntityBody, { optional: true, nullable: true, description: 'What it is about; null: nothing' })
  entity?: EntityBody | null;
  @Flag({ optional: true, description: 'Put away, which closes it; or taken out again, which leaves it closed' })
  archived?: boolean;
}

export class TagsBody extends Versioned {
  @TextList() tags: string[];
}

export class AddParticipantBody extends Versioned {
  @Text({ optional: true, min: 1, description: 'A user; this, the bot or both are needed' }) userId?: string;
  @Text({ optional: true, min: 1 }) botId?: string;
  @OneOf(['observer', 'agent'], { optional: true, description: 'Of a newcomer, observer unless set; of a bot, `bot`' })
  role?: 'observer' | 'agent';
}

export class ListParticipantsQuery {
  @Flag({ optional: true, default: false, description: 'Those who have left, too, with `leftAt`' }) includeLeft = false;
}

export class HistoryQuery extends CursorQuery {
  @Whole({ min: 1, max: 100, optional: true, default: 50 }) limit = 50;
}

export class CloseBody extends Versioned {
  @Text({ max: 1_000, optional: true }) reason?: string;
  @OneOf(RESOLUTIONS, { optional: true }) resolution?: Resolution;
  @Text({ max: 65_536, optional: true, description: 'Kept as a private note' }) notes?: string;
}

export class ChangeBody extends Versioned {}

export class SnoozeBody extends Versioned {
  @Timestamp() until: string;
}

export class AssignBody extends Versioned {
  @Text({ description: 'A user, a bot, a team or a queue' }) assigneeId: string;
  @OneOf(['user', 'bot', 'team', 'queue'], { optional: true, description: 'Told by the id' }) assigneeType?: string;
  @Text({ max: 65_536, optional: true, description: 'Kept as a private note' }) note?: string;
}

export class TransferBody extends Versioned {
  @Text({ description: 'A user, a bot, a team or a queue' }) toAssigneeId: string;
  @OneOf(['cold', 'warm'], {
    optional: true,
    default: 'cold',
    description: 'cold: at once; warm: offered to a user for a minute, until then it stays where it is',
  })
  mode: 'cold' | 'warm' = 'cold';
  @Text({ max: 1_000, optional: true }) reason?: string;
  @Text({ max: 65_536, optional: true, description: 'For the new assignee; kept as a private note' }) summary?: string;
  @Flag({ optional: true, default: false, description: 'Tells the contact in its own channel' }) notifyContact = false;
}

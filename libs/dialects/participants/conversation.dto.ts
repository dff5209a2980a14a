import { OneOf, Text, Uuid, UuidList, Whole } from '@hub/platform/dto.js';

export const MAX_PARTICIPANTS = 100;

/** What may be asked for; `open` is another word for `active`. */
export const WANTED_STATUSES = ['active', 'open', 'archived', 'closed'] as const;
export type WantedStatus = (typeof WANTED_STATUSES)[number];

export class ListConversationsQuery {
  @Uuid({
    optional: true,
    description:
      'Filter by organization (SUPER_ADMIN only): all its conversations. Of others, their own changes nothing',
  })
  organization_id?: string;
  @Text({ optional: true, min: 1, description: 'Filter by entity type' }) entity_type?: string;
  @Uuid({ optional: true, description: 'Filter by entity ID' }) entity_id?: string;
  @Whole({ min: 1, max: 1_000_000, optional: true, default: 1, description: 'Page number' }) page = 1;
  @Whole({ min: 1, max: 100, optional: true, default: 50, description: 'Items per page' }) limit = 50;
}

export class ConversationCreate {
  @Uuid({ optional: true, description: "The caller's own, which it is unless set" }) organization_id?: string;
  @Text({ optional: true, nullable: true, example: 'Work order discussion' }) subject?: string | null;
  @Text({ optional: true, min: 1, description: 'What it is about; goes with `entity_id`', example: 'work_order' })
  entity_type?: string;
  @Uuid({ optional: true, description: 'Goes with `entity_type`' }) entity_id?: string;
  @UuidList({
    optional: true,
    maxItems: MAX_PARTICIPANTS,
    description: 'Users of the organization. Naming one twice does no harm; the creator takes part anyway',
  })
  participant_user_ids?: string[];
}

export class ConversationUpdate {
  @Text({ optional: true, nullable: true, description: 'null: none' }) subject?: string | null;
  @OneOf(WANTED_STATUSES, {
    optional: true,
    description: '`archived` closes it, too; `active` or `open` reopens it',
  })
  status?: WantedStatus;
}

export class MessageCreate {
  @Text({ max: 65_536, example: 'This is a message' }) body: string;
}

export class ListMessagesQuery {
  @Whole({ min: 1, max: 500, optional: true, description: 'At most so many; all of them unless set' }) limit?: number;
  @Uuid({ optional: true, description: 'Only those after the message with this ID' }) after?: string;
}

import { CHANNEL_TYPES } from '@hub/model/channel.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { Json, OneOf, Text, TextList, Whole } from '@hub/platform/dto.js';
import { EMAIL, PageQuery, WEB_URL } from './v1.dto.js';

export class ListContactsQuery extends PageQuery {
  @Text({ optional: true, min: 1, description: 'Part of the name, email or phone' }) search?: string;
  @Text({ max: 320, optional: true }) email?: string;
  @Text({ max: 32, optional: true, description: 'E.164' }) phone?: string;
  @TextList({ optional: true, description: 'All of them, separated by commas' }) tags?: string[];
  @OneOf(CHANNEL_TYPES, { optional: true }) channelType?: string;
  @OneOf(['createdAt', 'updatedAt', 'name'], { optional: true, default: 'createdAt' })
  sortBy: 'createdAt' | 'updatedAt' | 'name' = 'createdAt';
}

const NULLABLE = { optional: true, nullable: true } as const;

export class ContactBody {
  @Text({ ...NULLABLE, description: 'Null forgets it' }) name?: string | null;
  @Text({ ...EMAIL, ...NULLABLE }) email?: string | null;
  @Text({ ...NULLABLE, max: 32, description: 'E.164' }) phone?: string | null;
  @Text({ ...WEB_URL, ...NULLABLE }) avatar?: string | null;
  @Text({ ...NULLABLE, description: 'Your own id of the person' }) externalId?: string | null;
  @Json({ optional: true, description: 'Merged on change; a key set to null is removed' }) metadata?: JsonObject;
  @TextList({ optional: true }) tags?: string[];
}

export class ContactTokenBody {
  @Whole({ min: 60, max: 86_400, optional: true, default: 3_600, description: 'Seconds' }) expiresIn = 3_600;
}

export class MergeContactsBody {
  @Text({ description: 'The contact that stays' }) primaryContactId: string;
  @TextList({ maxItems: 20, description: 'Contacts that become part of it, the first one being asked first; 1 to 20' })
  secondaryContactIds: string[];
}

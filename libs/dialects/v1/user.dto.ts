import { USER_ROLES, USER_STATUSES, type UserRole, type UserStatus } from '@hub/model/user.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { Json, Nested, NestedList, OneOf, Text } from '@hub/platform/dto.js';
import { CapacityPart, SkillPart } from './skills.dto.js';
import { EMAIL, PageQuery, PASSWORD, WEB_URL } from './v1.dto.js';

export class ListUsersQuery extends PageQuery {
  @OneOf(USER_ROLES, { optional: true }) role?: UserRole;
  @Text({ max: 320, optional: true }) email?: string;
}

export class CreateUserBody {
  @Text(EMAIL) email: string;
  @Text() name: string;
  @OneOf(USER_ROLES, { optional: true, default: 'agent' }) role: UserRole = 'agent';
  @Text({ ...WEB_URL, optional: true }) avatar?: string;
  @Text({ ...PASSWORD, optional: true, description: 'Without one they are invited by mail to set it' })
  password?: string;
  @Json({ optional: true }) metadata?: JsonObject;
  @NestedList(() => SkillPart, { optional: true }) skills?: SkillPart[];
  @Nested(() => CapacityPart, { optional: true }) capacity?: CapacityPart;
}

export class UpdateUserBody {
  @Text({ optional: true, min: 1 }) name?: string;
  @OneOf(USER_ROLES, { optional: true }) role?: UserRole;
  @OneOf(USER_STATUSES.filter((status) => status !== 'invited'), { optional: true })
  status?: UserStatus;
  @Text({ ...WEB_URL, optional: true, nullable: true }) avatar?: string | null;
  @Json({ optional: true, description: 'Merged; a key set to null is removed' }) metadata?: JsonObject;
  @NestedList(() => SkillPart, { optional: true, description: 'Replaces the skills' }) skills?: SkillPart[];
  @Nested(() => CapacityPart, { optional: true, description: 'What is absent in it stays' }) capacity?: CapacityPart;
}

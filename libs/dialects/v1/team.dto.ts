import type { JsonObject } from '@hub/model/tenant-row.js';
import { Json, Text } from '@hub/platform/dto.js';

export class CreateTeamBody {
  @Text() name: string;
  @Text({ max: 2_000, optional: true }) description?: string;
  @Json({ optional: true }) metadata?: JsonObject;
}

export class UpdateTeamBody {
  @Text({ optional: true, min: 1 }) name?: string;
  @Text({ max: 2_000, optional: true, nullable: true }) description?: string | null;
  @Json({ optional: true, description: 'Merged; a key set to null is removed' }) metadata?: JsonObject;
}

export class AddMemberBody {
  @Text({ description: 'Staff, active or invited' }) userId: string;
}

import { Flag, JsonList, Nested, Text, Whole } from '@hub/platform/dto.js';
import { HoursPart } from './queue.dto.js';
import { CONDITIONS, POSITION } from './rule.dto.js';

const MAX = 90 * 86_400;

const seconds = (what: string) => ({
  min: 1,
  max: MAX,
  optional: true,
  nullable: true,
  description: `Seconds of business time until ${what}; null: nothing is promised`,
});
const FIRST = seconds('staff has answered first');
const NEXT = seconds('staff has answered the first message since its latest answer');
const RESOLUTION = seconds('it is closed');
const WARN = {
  min: 0,
  max: MAX,
  optional: true,
  description: 'Seconds of business time before a breach at which it is warned of; 0, the default: never',
};
const HOURS = { optional: true, nullable: true, description: 'null: around the clock' };

class ServiceLevelFields {
  @Whole(POSITION) position?: number;
  @Flag({ optional: true, description: 'true unless set' }) enabled?: boolean;
  @JsonList(CONDITIONS) conditions?: object[];
  @Whole(FIRST) firstResponse?: number | null;
  @Whole(NEXT) nextResponse?: number | null;
  @Whole(RESOLUTION) resolution?: number | null;
  @Whole(WARN) warnBefore?: number;
  @Nested(() => HoursPart, HOURS) businessHours?: HoursPart | null;
}

export class CreateServiceLevelBody extends ServiceLevelFields {
  @Text() name: string;
}

export class UpdateServiceLevelBody extends ServiceLevelFields {
  @Text({ optional: true, min: 1 }) name?: string;
}

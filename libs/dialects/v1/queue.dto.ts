import { CLOSED_ACTIONS, STRATEGIES, type ClosedBehavior, type Strategy } from '@hub/model/queue.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { Json, Nested, NestedList, OneOf, Text, TextList, Whole, WholeList } from '@hub/platform/dto.js';
import { SkillPart } from './skills.dto.js';
import { PageQuery } from './v1.dto.js';

const DAY = 86_400;
const TIME_OF_DAY = { pattern: /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, hint: 'a time of day such as 09:00' };

const AGEING = {
  max: 30 * DAY,
  optional: true,
  description:
    'Seconds of waiting that weigh as much as one step of priority; 0, the default: a higher one always first',
};
const OFFER = {
  max: 3_600,
  optional: true,
  description: 'Seconds to accept in; 0, the default: assigned at once. A broadcast queue always offers',
};
const MISSES = {
  max: 100,
  optional: true,
  description: 'Offers left unanswered in a row before the agent is set away; 0: never; 3 unless set',
};
const RETURN = {
  max: 30 * DAY,
  optional: true,
  description: 'Seconds in which the agent must write before it goes back to its place; 0, the default: no limit',
};
const STICKY = {
  max: 365 * DAY,
  optional: true,
  description: 'Seconds for which the last agent is preferred; 0, the default: not at all',
};

export class WeeklyPart {
  @WholeList({ min: 1, max: 7, maxItems: 7, description: '1 is Monday' }) days: number[];
  @Text(TIME_OF_DAY) from: string;
  @Text({ ...TIME_OF_DAY, description: 'Later than `from`' }) to: string;
}

export class HoursPart {
  @Text({ max: 100, description: 'IANA', example: 'Europe/Berlin' }) timezone: string;
  @NestedList(() => WeeklyPart) weekly: WeeklyPart[];
  @TextList({ optional: true, maxItems: 400, description: 'Days off, as 2026-12-25' }) holidays?: string[];
}

export class ClosedPart {
  @OneOf(CLOSED_ACTIONS) action: ClosedBehavior['action'];
  @Text({ optional: true, description: 'Who gets it: with `bot`' }) botId?: string;
  @Text({ max: 4_096, optional: true, description: 'What the contact is told: needed with `reply`' }) text?: string;
}

class QueueFields {
  @OneOf(STRATEGIES, { optional: true, default: 'round_robin' }) strategy?: Strategy;
  @Whole(AGEING) priorityAgeing?: number;
  @Whole(OFFER) offerTimeout?: number;
  @Whole(MISSES) maxMisses?: number;
  @Whole(RETURN) returnTimeout?: number;
  @Whole(STICKY) stickyWindow?: number;
  @NestedList(() => SkillPart, { optional: true, maxItems: 20, description: 'What every agent needs' })
  skills?: SkillPart[];
  @Nested(() => HoursPart, { optional: true, nullable: true, description: 'null: always open' })
  businessHours?: HoursPart | null;
  @Nested(() => ClosedPart, { optional: true, nullable: true, description: 'null: they wait' })
  closedBehavior?: ClosedPart | null;
  @Json({ optional: true }) metadata?: JsonObject;
}

export class CreateQueueBody extends QueueFields {
  @Text() name: string;
  @Text() teamId: string;
}

export class UpdateQueueBody extends QueueFields {
  @Text({ optional: true, min: 1 }) name?: string;
  @Text({ optional: true, min: 1 }) teamId?: string;
}

export class ListQueuesQuery extends PageQuery {
  @Text({ optional: true, min: 1 }) teamId?: string;
}

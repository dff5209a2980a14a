import { CHANNEL_TYPES, type ChannelType } from '@hub/model/channel.entity.js';
import { NestedList, Numeric, OneOf, Text } from '@hub/platform/dto.js';

export class DeclineBody {
  @Text({ max: 1_000, optional: true }) reason?: string;
}

export class WantedSkill {
  @Text({ min: 1, max: 100 }) name: string;
  @Numeric({ min: 0, max: 100, optional: true, default: 1, description: 'At least so well' }) level = 1;
}

export class ExplainBody {
  @Text({ optional: true, min: 1, description: 'Unless set, any conversation' }) conversationId?: string;
  @NestedList(() => WantedSkill, { optional: true, description: "Instead of the conversation's; beside the queue's" })
  skills?: WantedSkill[];
  @OneOf(CHANNEL_TYPES, { optional: true, description: "Instead of the conversation's; `api` without one" })
  channelType?: ChannelType;
}

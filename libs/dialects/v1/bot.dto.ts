import type { BotProvider, BotStatus } from '@hub/model/bot.entity.js';
import { BOT_PROVIDERS } from '@hub/model/bot.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { Json, OneOf, Text, TextList } from '@hub/platform/dto.js';
import { PageQuery } from './v1.dto.js';

export class ListBotsQuery extends PageQuery {
  @OneOf(['inactive', 'active', 'error'], { optional: true }) status?: BotStatus;
  @OneOf(BOT_PROVIDERS, { optional: true }) provider?: BotProvider;
}

export class CreateBotBody {
  @Text() name: string;
  @Text({ max: 2_000, optional: true }) description?: string;
  @Text({ optional: true, default: 'custom', description: 'custom, openai or anthropic' }) provider = 'custom';
  @Text({ optional: true }) model?: string;
  @Json({ optional: true, description: 'Secrets are stored encrypted and shown masked' }) config?: JsonObject;
  @TextList({ optional: true }) channelIds?: string[];
}

export class UpdateBotBody {
  @Text({ optional: true, min: 1 }) name?: string;
  @Text({ max: 2_000, optional: true, nullable: true }) description?: string | null;
  @Text({ optional: true }) provider?: string;
  @Text({ optional: true, nullable: true }) model?: string | null;
  @Json({ optional: true, description: 'Merged; a key set to null is removed' }) config?: JsonObject;
  @TextList({ optional: true, description: 'Replaces the channels' }) channelIds?: string[];
}

import {
  STATS_GRANULARITIES,
  STATS_PERIODS,
  type StatsGranularity,
  type StatsPeriod,
} from '@hub/channels/channel-stats.queries.js';
import { CHANNEL_TYPES, type ChannelStatus, type ChannelType } from '@hub/model/channel.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { Flag, Json, OneOf, Text, Whole } from '@hub/platform/dto.js';
import { PageQuery } from './v1.dto.js';

const STATUSES: readonly ChannelStatus[] = ['inactive', 'active', 'error', 'pending'];
const WINDOW = {
  min: 0,
  max: 31_536_000,
  optional: true,
  description: 'For how long after its close a conversation is reopened when its contact writes; 24 h unless set',
};

export class ListChannelsQuery extends PageQuery {
  @OneOf(CHANNEL_TYPES, { optional: true }) type?: ChannelType;
  @OneOf(STATUSES, { optional: true }) status?: ChannelStatus;
  @Text({ optional: true, min: 1, description: 'Part of the name' }) search?: string;
}

export class CreateChannelBody {
  @Text() name: string;
  @Text({ description: 'whatsapp, facebook, instagram, telegram, sms, email, webchat or api' }) type: string;
  @Json({ optional: true, description: 'What the type needs; secrets are stored encrypted and shown masked' })
  config?: JsonObject;
  @Text({ optional: true, min: 1, description: 'The bot attached to every new conversation' }) defaultBotId?: string;
  @Whole(WINDOW) reopenWindowSeconds?: number;
  @Json({ optional: true }) metadata?: JsonObject;
}

export class UpdateChannelBody {
  @Text({ optional: true, min: 1 }) name?: string;
  @Json({ optional: true, description: 'Merged; a key set to null is removed' }) config?: JsonObject;
  @Text({ optional: true, min: 1, nullable: true }) defaultBotId?: string | null;
  @Whole(WINDOW) reopenWindowSeconds?: number;
  @Json({ optional: true, description: 'Merged; a key set to null is removed' }) metadata?: JsonObject;
}

export class DeleteChannelQuery {
  @Flag({ optional: true, default: false, description: 'Closes the conversations that are still live' }) force = false;
}

export class DeactivateBody {
  @Text({ max: 1_000, optional: true }) reason?: string;
  @Flag({ optional: true, default: false }) closeConversations = false;
}

export class ChannelStatsQuery {
  @OneOf(STATS_PERIODS, { optional: true, default: '24h', description: 'Up to now' }) period: StatsPeriod = '24h';
  @OneOf(STATS_GRANULARITIES, {
    optional: true,
    description: 'One point a minute, hour or day of UTC; at most 1,500 points. Unset: as fits the period',
  })
  granularity?: StatsGranularity;
}

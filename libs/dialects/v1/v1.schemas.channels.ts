import { CAPABILITIES } from '@hub/channels/capabilities.js';
import { STATS_GRANULARITIES, STATS_PERIODS } from '@hub/channels/channel-stats.queries.js';
import { CHANNEL_TYPES } from '@hub/model/channel.entity.js';
import { flag, id, integer, json, number, object, oneOf, orNull, text, time, times } from './v1.schemas.common.js';

export const channel = object({
  number,
  name: text,
  channelType: oneOf(CHANNEL_TYPES),
  status: oneOf(['inactive', 'active', 'error', 'pending']),
  config: json,
  capabilities: object(Object.fromEntries(CAPABILITIES.map((name) => [name, flag]))),
  defaultBot: orNull(object({ id: id('bot'), name: text })),
  reopenWindowSeconds: integer,
  stats: object({
    messagesLast24h: { ...integer, description: 'Exact below 10,000, which stands for that many or more' },
    lastMessageAt: orNull(time),
  }),
  health: object({
    status: {
      ...oneOf(['inactive', 'healthy', 'degraded', 'unhealthy']),
      description: 'degraded: active, but a message has failed within 24 hours',
    },
    lastFailure: orNull(object({ at: time, reason: orNull(text) })),
  }),
  metadata: json,
  ...times,
});

export const channelTest = object({
  channelId: id('ch'),
  success: { ...flag, description: 'Whether no test has failed' },
  tests: {
    type: 'array',
    items: object(
      {
        name: oneOf(['configuration', 'credentials', 'activation', 'connection']),
        status: oneOf(['passed', 'failed', 'skipped']),
        message: text,
        details: json,
      },
      ['details'],
    ),
  },
  testedAt: time,
});

const counts = {
  messagesReceived: integer,
  messagesSent: { ...integer, description: 'Gone out; neither failed nor waiting' },
  messagesDelivered: integer,
  messagesRead: integer,
  messagesFailed: integer,
  conversationsOpened: integer,
  conversationsClosed: { ...integer, description: 'Those that have not been reopened since' },
};

export const channelStats = object({
  channelId: id('ch'),
  period: oneOf(STATS_PERIODS),
  granularity: oneOf(STATS_GRANULARITIES),
  summary: object({
    ...counts,
    deliveryRate: orNull({
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'Delivered of all that went out or failed; null while the channel has reported neither',
    }),
    medianResponseTime: orNull({
      type: 'number',
      minimum: 0,
      description:
        'Median seconds from the first unanswered message of a contact to the answer, of the latest 20,000 messages',
    }),
  }),
  timeSeries: { type: 'array', items: object({ timestamp: time, ...counts }) },
});

import type { EndpointStatus } from '@hub/model/webhook.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { Json, OneOf, Text, TextList, Timestamp, Whole } from '@hub/platform/dto.js';
import {
  ENDPOINT_GRANULARITIES,
  ENDPOINT_PERIODS,
  type EndpointGranularity,
  type EndpointPeriod,
} from '@hub/webhooks/endpoint-stats.queries.js';
import { DELIVERY_STATUSES, type ShownDeliveryStatus } from '@hub/webhooks/webhooks.types.js';
import { MAX_OVERLAP_SECONDS, ROTATION_OVERLAP_SECONDS } from '@hub/webhooks/signing.js';
import { PageQuery } from './v1.dto.js';

const URL = { max: 2_048, description: 'https on port 443 or from 1024 up' };
/** Patterns of events. */
export const EVENTS = { maxItems: 100, description: 'Exact names, groups such as conversation.*, or *' };
const HEADERS = {
  optional: true,
  description: 'Sent with every delivery, at most 20 of 4 KiB; stored encrypted and shown masked',
};
const CONFIG = {
  optional: true,
  description:
    '`retryPolicy` standard (75 h), exponential or linktor (0, 1 min, 5 min, 30 min, 2 h), or custom with `steps` ' +
    '(seconds before each attempt); `maxRetries`; `timeout` in seconds, 1 to 30 (15); `ordering` conversation, none or strict; ' +
    '`signature` standard (always sent), or one or a list of what is added: v1a (ed25519, verified with `publicKey`), ' +
    'and linktor-docs or linktor-sdk (`X-Linktor-Signature` as the documentation or the SDKs check it; the latter ' +
    'does not cover the timestamp, so it does not stop replays); `rateLimit` requests per second, 0.1 to 10,000; ' +
    '`concurrency` requests at once and worker, 1 to 100 (10); `payload` full or thin (without attributes and changes, ' +
    'with where to get them; a body over 256 KiB is always thin); `channelIds`, `teamIds` only events of these: those ' +
    'that belong to no channel, or to no team, are not sent then',
};

export class ListWebhooksQuery extends PageQuery {
  @OneOf(['active', 'inactive', 'disabled'], { optional: true }) status?: EndpointStatus;
}

export class CreateWebhookBody {
  @Text(URL) url: string;
  @TextList(EVENTS) events: string[];
  @Text({ max: 2_000, optional: true }) description?: string;
  @Json(HEADERS) headers?: Record<string, string>;
  @Json(CONFIG) config?: JsonObject;
}

export class UpdateWebhookBody {
  @Text({ ...URL, optional: true, min: 1 }) url?: string;
  @TextList({ ...EVENTS, optional: true }) events?: string[];
  @Text({ max: 2_000, optional: true, nullable: true }) description?: string | null;
  @Json({ ...HEADERS, description: 'Replaces the headers' }) headers?: Record<string, string>;
  @Json({ ...CONFIG, description: 'Merged; a key set to null goes back to its default' }) config?: JsonObject;
  @OneOf(['active', 'inactive'], {
    optional: true,
    description: 'inactive holds what is unfinished; active delivers it after all, in order',
  })
  status?: 'active' | 'inactive';
}

export class TestWebhookBody {
  @Text({ optional: true, default: 'test.ping', description: 'An event of the catalogue' }) event = 'test.ping';
}

export class RotateSecretBody {
  @Whole({
    min: 0,
    max: MAX_OVERLAP_SECONDS,
    optional: true,
    default: ROTATION_OVERLAP_SECONDS,
    description: 'Seconds for which the old secrets go on signing; 0 ends them at once',
  })
  overlap = ROTATION_OVERLAP_SECONDS;
}

export class ListDeliveriesQuery extends PageQuery {
  @OneOf(DELIVERY_STATUSES, { optional: true }) status?: ShownDeliveryStatus;
  @Text({ optional: true, min: 1, description: 'An exact name, or a group such as conversation.*' }) event?: string;
  @Text({ optional: true, min: 1 }) conversationId?: string;
  @Text({ optional: true, min: 1, description: 'As in the `webhook-id` header' }) eventId?: string;
  @Timestamp({ optional: true, description: 'Of events from that time on' }) since?: string;
  @Timestamp({ optional: true, description: 'Of events before that time' }) until?: string;
}

export class WebhookStatsQuery {
  @OneOf(ENDPOINT_PERIODS, { optional: true, default: '24h', description: 'Up to now' }) period: EndpointPeriod = '24h';
  @OneOf(ENDPOINT_GRANULARITIES, {
    optional: true,
    description: 'One point an hour or day of UTC. Unset: an hour for 24h, else a day',
  })
  granularity?: EndpointGranularity;
}

import { ATTEMPT_TRIGGERS } from '@hub/model/webhook.entity.js';
import type { Schema } from '@hub/platform/dto.js';
import { ENDPOINT_GRANULARITIES, ENDPOINT_PERIODS } from '@hub/webhooks/endpoint-stats.queries.js';
import { RECOVERY_STATES, RECOVERY_STATUSES } from '@hub/webhooks/recovery.types.js';
import { DELIVERY_STATUSES } from '@hub/webhooks/webhooks.types.js';
import {
  flag,
  id,
  integer,
  json,
  object,
  oneOf,
  orNull,
  resource,
  text,
  texts,
  time,
  times,
} from './v1.schemas.common.js';

const deliveryStatus = oneOf(DELIVERY_STATUSES);
const headers: Schema = { type: 'object', additionalProperties: text };
const share: Schema = { type: 'number', minimum: 0, maximum: 1 };
const exchange = {
  request: orNull(object({ headers })),
  response: orNull(object({ statusCode: integer, body: text, truncated: flag })),
};

/** What a webhook and the events about it tell alike. */
const trouble = {
  url: text,
  status: oneOf(['active', 'inactive', 'disabled']),
  disabledReason: orNull(text),
  disableAt: {
    ...orNull(time),
    description: 'When it will be disabled unless it answers with a 2xx, and has failed at least 20 times',
  },
};
const failing = {
  failingSince: { ...orNull(time), description: 'The first failure since its last success' },
  consecutiveFailures: integer,
  lastSuccessAt: orNull(time),
};

const webhook = object(
  {
    ...trouble,
    events: texts,
    description: orNull(text),
    headers,
    config: json,
    health: object({
      breaker: { ...oneOf(['closed', 'open']), description: 'open: nothing is sent but a probe at `nextProbeAt`' },
      nextProbeAt: orNull(time),
      pausedUntil: {
        ...orNull(time),
        description: 'It has asked for a rest (429, or 503 with Retry-After) until then',
      },
      ...failing,
    }),
    publicKey: orNull({ type: 'string', pattern: '^whpk_' }),
    secret: { type: 'string', pattern: '^whsec_' },
    stats: object({
      deliveriesTotal: integer,
      deliveriesSucceeded: integer,
      deliveriesFailed: integer,
      successRate: orNull(share),
      avgLatency: orNull(integer),
    }),
    lastDelivery: orNull(
      object({ id: id('del'), event: text, status: deliveryStatus, statusCode: orNull(integer), timestamp: time }),
    ),
    ...times,
  },
  ['secret'],
);

/** The subject of `webhook.endpoint.*`. */
export const webhookState = resource('webhook', id('wh'), object({ ...trouble, ...failing }));

const delivery: Record<string, Schema> = {
  webhookId: id('wh'),
  eventId: id('evt'),
  event: text,
  conversationId: orNull(id('conv')),
  status: deliveryStatus,
  statusCode: orNull(integer),
  errorMessage: orNull(text),
  attempts: integer,
  payload: json,
  ...exchange,
  nextAttemptAt: orNull(time),
  createdAt: time,
  lastAttemptAt: orNull(time),
};

const attempt = object({
  number: integer,
  trigger: {
    ...oneOf(ATTEMPT_TRIGGERS),
    description: 'probe: to see whether a webhook that kept failing is back; replay: by a recovery',
  },
  outcome: text,
  statusCode: orNull(integer),
  latency: orNull(integer),
  errorMessage: orNull(text),
  ...exchange,
  startedAt: time,
  endedAt: orNull(time),
});

const recovery = object({
  webhookId: id('wh'),
  since: time,
  until: time,
  status: oneOf(RECOVERY_STATUSES),
  events: texts,
  state: oneOf(RECOVERY_STATES),
  matched: { ...integer, description: 'Of the deliveries looked at so far, those that are meant' },
  replayed: {
    ...integer,
    description:
      'Of these, those that are delivered again; the others are on their way already, or held for a webhook that is not active',
  },
  total: { ...orNull(integer), description: 'How many are meant in all; null until it is known' },
  progress: share,
  createdAt: time,
  finishedAt: orNull(time),
});

const counts = {
  attempts: { ...integer, description: 'Requests, each retry one of its own; tests are none' },
  succeeded: integer,
  failed: integer,
  avgLatency: { ...orNull(integer), description: 'Milliseconds of a request that succeeded' },
};
const sent = { status: deliveryStatus, statusCode: orNull(integer) };

/** Webhooks and what hangs on them, as the native API shows them. */
export const webhookSchemas: Readonly<Record<string, Schema>> = {
  Webhook: resource('webhook', id('wh'), webhook),
  WebhookTest: object({ deliveryId: id('del'), ...sent, latency: integer, timestamp: time }),
  WebhookStats: object({
    webhookId: id('wh'),
    period: oneOf(ENDPOINT_PERIODS),
    granularity: oneOf(ENDPOINT_GRANULARITIES),
    summary: object({ ...counts, successRate: orNull(share) }),
    timeSeries: { type: 'array', items: object({ timestamp: time, ...counts }) },
  }),
  Delivery: resource('delivery', id('del'), object(delivery)),
  DeliveryDetails: resource(
    'delivery',
    id('del'),
    object({ ...delivery, attemptLog: { type: 'array', items: attempt } }),
  ),
  DeliveryRetry: object({ id: id('del'), ...sent, attempts: integer, retriedAt: time }),
  Recovery: resource('recovery', id('rec'), recovery),
  EventType: resource(
    'event_type',
    text,
    object({
      description: text,
      emitted: { ...flag, description: 'false: a name to subscribe to that this version never sends' },
      schema: { ...orNull(json), description: 'JSON Schema 2020-12 of the body, full and thin' },
      example: orNull(json),
    }),
  ),
};

import type { JsonObject } from '@hub/model/tenant-row.js';
import type { EndpointConfig } from '@hub/model/webhook.entity.js';
import { toDate } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type {
  AttemptView,
  CreateWebhook,
  DeliveryDetails,
  DeliveryView,
  ListDeliveries,
  RetryResult,
  TestResult,
  UpdateWebhook,
  WebhookView,
} from '@hub/webhooks/webhooks.types.js';
import type { Resource } from './v1.envelope.js';
import { filterId } from './v1.ids.js';
import type { CreateWebhookBody, ListDeliveriesQuery, UpdateWebhookBody } from './webhook.dto.js';

/** @param secret only where it has just been made */
export function webhookResource(view: WebhookView, secret?: string): Resource {
  const { lastDelivery } = view;
  return {
    id: encodeId('wh', view.id),
    type: 'webhook',
    attributes: {
      url: view.url,
      events: view.events,
      description: view.description,
      headers: view.headers,
      config: publicConfig(view.config),
      publicKey: view.publicKey,
      status: view.status,
      disabledReason: view.disabledReason,
      disableAt: view.disableAt,
      health: view.health,
      ...(secret !== undefined && { secret }),
      stats: view.stats,
      lastDelivery: lastDelivery && { ...lastDelivery, id: encodeId('del', lastDelivery.id) },
      createdAt: view.createdAt,
      updatedAt: view.updatedAt,
    },
  };
}

export const deliveryResource = (view: DeliveryView): Resource => ({
  id: encodeId('del', view.id),
  type: 'delivery',
  attributes: {
    webhookId: encodeId('wh', view.webhookId),
    eventId: encodeId('evt', view.eventId),
    event: view.event,
    conversationId: view.sequence > 0 ? encodeId('conv', view.orderKey) : null,
    status: view.status,
    statusCode: view.statusCode,
    errorMessage: view.errorMessage,
    attempts: view.attempts,
    payload: view.payload,
    request: view.request,
    response: view.response,
    nextAttemptAt: view.nextAttemptAt,
    createdAt: view.createdAt,
    lastAttemptAt: view.lastAttemptAt,
  },
});

export function deliveryDetails(view: DeliveryDetails): Resource {
  const { attributes, ...resource } = deliveryResource(view);
  return { ...resource, attributes: { ...attributes, attemptLog: view.attemptLog.map(attempt) } };
}

const attempt = (view: AttemptView): object => ({
  number: view.n,
  trigger: view.trigger,
  outcome: view.outcome,
  statusCode: view.statusCode,
  latency: view.durationMs,
  errorMessage: view.error,
  request: view.requestHeaders && { headers: view.requestHeaders },
  response:
    view.statusCode === null
      ? null
      : { statusCode: view.statusCode, body: view.responseBody ?? '', truncated: view.responseTruncated },
  startedAt: view.startedAt,
  endedAt: view.endedAt,
});

export const testResult = ({ deliveryId, ...result }: TestResult): Record<string, unknown> => ({
  deliveryId: encodeId('del', deliveryId),
  ...result,
});

export const retryResult = ({ id, ...result }: RetryResult): Record<string, unknown> => ({
  id: encodeId('del', id),
  ...result,
});

export const toCreateWebhook = (body: CreateWebhookBody): CreateWebhook => ({
  url: body.url,
  events: body.events,
  description: body.description ?? null,
  headers: body.headers ?? {},
  config: toConfig(body.config ?? {}),
});

export const toUpdateWebhook = (id: string, { config, ...fields }: UpdateWebhookBody): UpdateWebhook => ({
  ...fields,
  id,
  ...(config && { config: toConfig(config) }),
});

export function toListDeliveries({ conversationId, eventId, ...query }: ListDeliveriesQuery): ListDeliveries {
  const { since, until, ...plain } = query;
  return {
    ...plain,
    ...(since !== undefined && { since: toDate(since) }),
    ...(until !== undefined && { until: toDate(until) }),
    ...(conversationId && { conversationId: filterId(['conv'], conversationId, 'conversationId') }),
    ...(eventId && { eventId: filterId(['evt'], eventId, 'eventId') }),
  };
}

const CONFIG_KEYS: ReadonlySet<string> = new Set<keyof EndpointConfig>([
  'retryPolicy',
  'steps',
  'maxRetries',
  'timeout',
  'ordering',
  'signature',
  'rateLimit',
  'payload',
  'channelIds',
  'teamIds',
  'concurrency',
]);
/** The settings that are lists of ids, and of what. */
const ID_LISTS = { channelIds: 'ch', teamIds: 'team' } as const;

const publicConfig = ({ channelIds, teamIds, ...config }: EndpointConfig): object => ({
  ...config,
  ...(channelIds && { channelIds: channelIds.map((id) => encodeId('ch', id)) }),
  ...(teamIds && { teamIds: teamIds.map((id) => encodeId('team', id)) }),
});

/** A key set to null asks for its default. @throws ValidationError naming `config.<key>`: the values are the service's to check */
function toConfig(given: JsonObject): EndpointConfig {
  const unknown = Object.keys(given).filter((key) => !CONFIG_KEYS.has(key) && given[key] !== null);
  if (unknown.length > 0) {
    throw new ValidationError(
      unknown.map((key) => ({ field: `config.${key}`, message: `config.${key} is not known` })),
    );
  }
  const config = Object.entries(given).filter(([key]) => CONFIG_KEYS.has(key));
  return Object.fromEntries(config.map(([key, value]) => [key, value === null ? undefined : uuidsIn(key, value)]));
}

function uuidsIn(key: string, value: unknown): unknown {
  if (!Object.hasOwn(ID_LISTS, key) || !Array.isArray(value)) return value;
  const kind = ID_LISTS[key as keyof typeof ID_LISTS];
  return [...new Set(value.map((id: unknown) => filterId([kind], String(id), `config.${key}`)))];
}

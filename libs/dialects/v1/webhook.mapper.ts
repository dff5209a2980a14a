import { describeEvent, EVENT_TYPES, type EventType } from '@hub/events/catalog.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { EndpointConfig } from '@hub/model/webhook.entity.js';
import { ValidationError, type FieldProblem } from '@hub/platform/errors.js';
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
import { V1_SCHEMAS } from './v1.schemas.js';
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
      config: { ...view.config, payload: 'full' },
      publicKey: view.publicKey,
      status: view.status,
      disabledReason: view.disabledReason,
      disableAt: null,
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

export function toListDeliveries({ conversationId, sortOrder: _, ...query }: ListDeliveriesQuery): ListDeliveries {
  return {
    ...query,
    ...(conversationId && { conversationId: filterId(['conv'], conversationId, 'conversationId') }),
  };
}

const SUPPORTED = ['retryPolicy', 'steps', 'maxRetries', 'timeout', 'ordering', 'signature'] as const;
/** Named by the contract, of which this version has one value or none. */
const LATER: Readonly<Record<string, string | null>> = {
  payload: 'full',
  rateLimit: null,
  channelIds: null,
  teamIds: null,
};

/** @throws ValidationError naming `config.<key>` for every key that would not be honoured */
function toConfig(given: JsonObject): EndpointConfig {
  const problems: FieldProblem[] = [];
  for (const [key, value] of Object.entries(given)) {
    if ((SUPPORTED as readonly string[]).includes(key) || value === null) continue;
    const only = LATER[key];
    if (only === undefined) problems.push({ field: `config.${key}`, message: `config.${key} is not known` });
    else if (value !== only) {
      const message = only === null ? 'is not available in this version' : `must be ${only} in this version`;
      problems.push({ field: `config.${key}`, message: `config.${key} ${message}` });
    }
  }
  if (problems.length > 0) throw new ValidationError(problems);
  const kept = SUPPORTED.filter((key) => key in given).map((key) => [key, given[key] ?? undefined]);
  return Object.fromEntries(kept) as EndpointConfig; // the service checks the values
}

const SUBJECTS: Readonly<Record<string, string>> = {
  conversation: 'Conversation',
  message: 'Message',
  contact: 'Contact',
  channel: 'Channel',
  bot: 'Bot',
  assignment: 'Offer',
};

/** The catalogue: each event with the schema of its body and an example. */
export const eventTypes = (exampleOf: (type: EventType) => unknown): Resource[] =>
  EVENT_TYPES.map((type) => ({
    id: type,
    type: 'event_type',
    attributes: { description: describeEvent(type), schema: bodySchema(type), example: exampleOf(type) },
  }));

/** Complete in itself: its references point into its own `components`. */
function bodySchema(type: EventType): object {
  const text = { type: 'string' };
  const subject = SUBJECTS[type.split('.')[0] ?? ''];
  return {
    type: 'object',
    required: ['id', 'type', 'event', 'timestamp', 'tenantId', 'data', 'meta'],
    properties: {
      id: text,
      type: { const: type },
      event: { const: type },
      timestamp: { type: 'string', format: 'date-time' },
      tenantId: text,
      data: subject ? V1_SCHEMAS[subject] : { type: 'object', required: ['id', 'type', 'attributes'] },
      meta: {
        type: 'object',
        required: ['organizationId', 'webhookId', 'sequence', 'actor'],
        properties: {
          organizationId: text,
          webhookId: text,
          sequence: { type: 'integer' },
          actor: { type: 'object' },
          changes: { type: 'object' },
        },
      },
    },
    components: { schemas: { MessageContent: V1_SCHEMAS['MessageContent'] } },
  };
}

import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { WebhooksQueries } from '@hub/webhooks/webhooks.queries.js';
import { WebhooksService } from '@hub/webhooks/webhooks.service.js';
import { flat, many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';
import {
  CreateWebhookBody,
  ListDeliveriesQuery,
  ListWebhooksQuery,
  RotateSecretBody,
  TestWebhookBody,
  UpdateWebhookBody,
} from './webhook.dto.js';
import {
  deliveryDetails,
  deliveryResource,
  eventTypes,
  retryResult,
  testResult,
  toCreateWebhook,
  toListDeliveries,
  toUpdateWebhook,
  webhookResource,
} from './webhook.mapper.js';

@V1Controller('webhooks', 'Webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly queries: WebhooksQueries,
  ) {}

  @Get()
  @Operation({ scope: 'webhooks:read', summary: 'List webhooks', query: ListWebhooksQuery, many: 'Webhook' })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListWebhooksQuery) query: ListWebhooksQuery): Promise<Envelope> {
    return many(await this.queries.listWebhooks(actor.organizationId, query), (view) => webhookResource(view));
  }

  @Post()
  @Operation({
    scope: 'webhooks:write',
    summary: 'Subscribe a webhook',
    description: 'Active at once. `secret` is shown this once; every delivery is signed with it (Standard Webhooks).',
    body: CreateWebhookBody,
    status: 201,
    one: 'Webhook',
    errors: ['INVALID_URL', 'INVALID_EVENTS'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateWebhookBody) body: CreateWebhookBody): Promise<Envelope> {
    const { webhook, secret } = await this.webhooks.create(actor, toCreateWebhook(body));
    return one(webhookResource(webhook, secret));
  }

  @Get('events')
  @Operation({
    scope: 'webhooks:read',
    summary: 'List the events',
    description: 'Each with the JSON Schema of its body and an example.',
    list: 'EventType',
  })
  events(@CurrentActor() actor: Actor): Envelope {
    return { data: eventTypes((type) => this.webhooks.example(actor, type)) };
  }

  @Get(':id')
  @Operation({
    scope: 'webhooks:read',
    summary: 'Get a webhook',
    one: 'Webhook',
    errors: ['WEBHOOK_NOT_FOUND'],
  })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(webhookResource(await this.queries.getWebhook(actor.organizationId, idOf('wh', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'webhooks:write',
    summary: 'Change a webhook',
    body: UpdateWebhookBody,
    one: 'Webhook',
    errors: ['WEBHOOK_NOT_FOUND', 'INVALID_URL', 'INVALID_EVENTS'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateWebhookBody) body: UpdateWebhookBody,
  ): Promise<Envelope> {
    return one(webhookResource(await this.webhooks.update(actor, toUpdateWebhook(idOf('wh', id), body))));
  }

  @Delete(':id')
  @Operation({
    scope: 'webhooks:write',
    summary: 'Remove a webhook',
    description: 'What has not been delivered yet is cancelled.',
    status: 204,
    errors: ['WEBHOOK_NOT_FOUND'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.webhooks.remove(actor, idOf('wh', id));
  }

  @Post(':id/test')
  @Operation({
    scope: 'webhooks:write',
    summary: 'Send a test event',
    description: 'An example of the event, sent once to this webhook alone; answers when it has answered.',
    body: TestWebhookBody,
    bodyOptional: true,
    flat: 'WebhookTest',
    errors: ['WEBHOOK_NOT_FOUND', 'INVALID_EVENTS'],
  })
  async test(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(TestWebhookBody) body: TestWebhookBody,
  ): Promise<Envelope> {
    return flat(testResult(await this.webhooks.test(actor, idOf('wh', id), body.event)));
  }

  @Post(':id/rotate-secret')
  @Operation({
    scope: 'webhooks:write',
    summary: 'Make a new secret',
    description:
      'Shown this once. For 24 hours, or as long as `overlap` says, every delivery carries a signature with each of the ' +
      'old ones, too, five in all at the most; `X-Linktor-Signature` is made with the new one. `publicKey` stays.',
    body: RotateSecretBody,
    bodyOptional: true,
    one: 'Webhook',
    errors: ['WEBHOOK_NOT_FOUND'],
  })
  async rotateSecret(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(RotateSecretBody) body: RotateSecretBody,
  ): Promise<Envelope> {
    const { webhook, secret } = await this.webhooks.rotateSecret(actor, idOf('wh', id), body.overlap);
    return one(webhookResource(webhook, secret));
  }

  @Get(':id/deliveries')
  @Operation({
    scope: 'webhooks:read',
    summary: 'List deliveries',
    description: 'Newest first.',
    query: ListDeliveriesQuery,
    many: 'Delivery',
    errors: ['WEBHOOK_NOT_FOUND'],
  })
  async deliveries(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(ListDeliveriesQuery) query: ListDeliveriesQuery,
  ): Promise<Envelope> {
    const request = toListDeliveries(query);
    return many(await this.queries.listDeliveries(actor.organizationId, idOf('wh', id), request), deliveryResource);
  }

  @Get(':id/deliveries/:deliveryId')
  @Operation({
    scope: 'webhooks:read',
    summary: 'Get a delivery and its attempts',
    one: 'DeliveryDetails',
    errors: ['WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND'],
  })
  async delivery(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Param('deliveryId') deliveryId: string,
  ): Promise<Envelope> {
    const view = await this.queries.getDelivery(actor.organizationId, idOf('wh', id), idOf('del', deliveryId));
    return one(deliveryDetails(view));
  }

  @Post(':id/deliveries/:deliveryId/retry')
  @Operation({
    scope: 'webhooks:write',
    summary: 'Deliver again now',
    description:
      'One attempt with the same id and the same bytes, whatever has become of it; the schedule goes on as it was.',
    flat: 'DeliveryRetry',
    errors: ['WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND', 'DELIVERY_IN_PROGRESS'],
  })
  async retry(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Param('deliveryId') deliveryId: string,
  ): Promise<Envelope> {
    return flat(retryResult(await this.webhooks.retry(actor, idOf('wh', id), idOf('del', deliveryId))));
  }
}

import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { encodeId } from '@hub/platform/ids.js';
import { DeliveriesService } from '@hub/webhooks/deliveries.service.js';
import { EndpointStatsQueries } from '@hub/webhooks/endpoint-stats.queries.js';
import { WebhooksQueries } from '@hub/webhooks/webhooks.queries.js';
import { WebhooksService } from '@hub/webhooks/webhooks.service.js';
import { flat, many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { eventTypes } from './v1.event-schemas.js';
import { Operation, V1Controller } from './v1.operation.js';
import {
  CreateWebhookBody,
  ListWebhooksQuery,
  RotateSecretBody,
  TestWebhookBody,
  UpdateWebhookBody,
  WebhookStatsQuery,
} from './webhook.dto.js';
import { testResult, toCreateWebhook, toUpdateWebhook, webhookResource } from './webhook.mapper.js';

@V1Controller('webhooks', 'Webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly queries: WebhooksQueries,
    private readonly deliveries: DeliveriesService,
    private readonly stats: EndpointStatsQueries,
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
    errors: ['INVALID_URL', 'INVALID_EVENTS', 'CHANNEL_NOT_FOUND', 'TEAM_NOT_FOUND'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateWebhookBody) body: CreateWebhookBody): Promise<Envelope> {
    const { webhook, secret } = await this.webhooks.create(actor, toCreateWebhook(body));
    return one(webhookResource(webhook, secret));
  }

  @Get('events')
  @Operation({
    scope: 'webhooks:read',
    summary: 'List the events',
    description:
      'Each with the JSON Schema (2020-12) of its body, full and thin, and an example; what is sent is held against it.',
    list: 'EventType',
  })
  events(@CurrentActor() actor: Actor): Envelope {
    return { data: eventTypes((type) => this.deliveries.example(actor, type)) };
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
    errors: ['WEBHOOK_NOT_FOUND', 'INVALID_URL', 'INVALID_EVENTS', 'CHANNEL_NOT_FOUND', 'TEAM_NOT_FOUND'],
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
    return flat(testResult(await this.deliveries.test(actor, idOf('wh', id), body.event)));
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

  @Get(':id/stats')
  @Operation({
    scope: 'webhooks:read',
    summary: 'Statistics of a webhook',
    query: WebhookStatsQuery,
    flat: 'WebhookStats',
    errors: ['WEBHOOK_NOT_FOUND'],
  })
  async getStats(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(WebhookStatsQuery) { period, granularity }: WebhookStatsQuery,
  ): Promise<Envelope> {
    const webhookId = idOf('wh', id);
    const stats = await this.stats.getStats(actor.organizationId, webhookId, period, granularity);
    return flat({ webhookId: encodeId('wh', webhookId), period, ...stats });
  }
}

import { Get, Param, Post } from '@nestjs/common';
import { CurrentActor, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { DeliveriesQueries } from '@hub/webhooks/deliveries.queries.js';
import { DeliveriesService } from '@hub/webhooks/deliveries.service.js';
import { flat, many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';
import { ListDeliveriesQuery } from './webhook.dto.js';
import { deliveryDetails, deliveryResource, retryResult, toListDeliveries } from './webhook.mapper.js';

@V1Controller('webhooks', 'Webhooks')
export class WebhookDeliveriesController {
  constructor(
    private readonly deliveries: DeliveriesService,
    private readonly queries: DeliveriesQueries,
  ) {}

  @Get(':id/deliveries')
  @Operation({
    scope: 'webhooks:read',
    summary: 'List deliveries',
    description: 'By the times of their events, the newest first unless `sortOrder` is asc.',
    query: ListDeliveriesQuery,
    many: 'Delivery',
    errors: ['WEBHOOK_NOT_FOUND'],
  })
  async list(
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
  async get(
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
    return flat(retryResult(await this.deliveries.retry(actor, idOf('wh', id), idOf('del', deliveryId))));
  }
}

import { Get, Param, Post } from '@nestjs/common';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { RecoveryQueries } from '@hub/webhooks/recovery.queries.js';
import { RecoveryService } from '@hub/webhooks/recovery.service.js';
import { RecoverBody } from './recovery.dto.js';
import { recoveryResource, toStartRecovery } from './recovery.mapper.js';
import { PageQuery } from './v1.dto.js';
import { many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('webhooks', 'Webhooks')
export class WebhookRecoveriesController {
  constructor(
    private readonly recoveries: RecoveryService,
    private readonly queries: RecoveryQueries,
  ) {}

  @Post(':id/recover')
  @Operation({
    scope: 'webhooks:write',
    summary: 'Deliver again what has failed or is held',
    description:
      'Of any number, by the times of their events: a job that goes on in the background, behind live traffic, and can ' +
      'be followed and cancelled. Every delivery keeps its id and its bytes, starts its retries anew and comes outside ' +
      'the order of its conversation. What is on its way already is left alone; events that came while the webhook was ' +
      'inactive, or not subscribed, were never meant for it and stay unsent. While the webhook is not active, what is ' +
      'recovered is held.',
    body: RecoverBody,
    one: 'Recovery',
    errors: ['WEBHOOK_NOT_FOUND', 'INVALID_EVENTS'],
  })
  async recover(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(RecoverBody) body: RecoverBody,
  ): Promise<Envelope> {
    return one(recoveryResource(await this.recoveries.start(actor, toStartRecovery(idOf('wh', id), body))));
  }

  @Get(':id/recoveries')
  @Operation({
    scope: 'webhooks:read',
    summary: 'List recoveries',
    query: PageQuery,
    many: 'Recovery',
    errors: ['WEBHOOK_NOT_FOUND'],
  })
  async list(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(PageQuery) query: PageQuery,
  ): Promise<Envelope> {
    return many(await this.queries.listRecoveries(actor.organizationId, idOf('wh', id), query), recoveryResource);
  }

  @Get(':id/recoveries/:recoveryId')
  @Operation({
    scope: 'webhooks:read',
    summary: 'See how far a recovery has come',
    one: 'Recovery',
    errors: ['WEBHOOK_NOT_FOUND', 'RESOURCE_NOT_FOUND'],
  })
  async get(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Param('recoveryId') recoveryId: string,
  ): Promise<Envelope> {
    const view = await this.queries.getRecovery(actor.organizationId, idOf('wh', id), idOf('rec', recoveryId));
    return one(recoveryResource(view));
  }

  @Post(':id/recoveries/:recoveryId/cancel')
  @Operation({
    scope: 'webhooks:write',
    summary: 'Cancel a recovery',
    description: 'What it has taken up is delivered; one that has ended stays as it is.',
    one: 'Recovery',
    errors: ['WEBHOOK_NOT_FOUND', 'RESOURCE_NOT_FOUND'],
  })
  async cancel(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Param('recoveryId') recoveryId: string,
  ): Promise<Envelope> {
    return one(recoveryResource(await this.recoveries.cancel(actor, idOf('wh', id), idOf('rec', recoveryId))));
  }
}

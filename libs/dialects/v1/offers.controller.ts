import { Get, Param, Post } from '@nestjs/common';
import { OffersQueries } from '@hub/assignment/offers/offers.queries.js';
import { OffersService } from '@hub/assignment/offers/offers.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { HistoryQuery } from './conversation.dto.js';
import { DeclineBody } from './offer.dto.js';
import { offerResource } from './offer.mapper.js';
import { one, stretch, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

const ERRORS = ['RESOURCE_NOT_FOUND', 'OFFER_EXPIRED', 'CONVERSATION_NOT_FOUND', 'CHANNEL_NOT_CONNECTED'] as const;

@V1Controller('offers', 'Assignment')
export class OffersController {
  constructor(private readonly offers: OffersService) {}

  @Post(':id/accept')
  @Operation({
    scope: 'conversations:write',
    summary: 'Accept an offer',
    description:
      'The conversation is the caller’s. An offer that was answered, taken back or ran out is an OFFER_EXPIRED; somebody ' +
      'else’s does not exist.',
    one: 'Offer',
    errors: ERRORS,
  })
  async accept(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(offerResource(await this.offers.accept(actor, idOf('offer', id))));
  }

  @Post(':id/decline')
  @Operation({
    scope: 'conversations:write',
    summary: 'Decline an offer',
    description: 'The next one is asked; of a transfer, the conversation stays with whoever has it.',
    body: DeclineBody,
    bodyOptional: true,
    one: 'Offer',
    errors: ERRORS,
  })
  async decline(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(DeclineBody) body: DeclineBody,
  ): Promise<Envelope> {
    return one(offerResource(await this.offers.decline(actor, idOf('offer', id), body.reason ?? null)));
  }
}

@V1Controller('me/offers', 'Assignment')
export class MyOffersController {
  constructor(private readonly offers: OffersQueries) {}

  @Get()
  @Operation({
    scope: 'conversations:read',
    summary: 'List the offers to the caller',
    description: 'Those that wait for an answer, the oldest first. A key that is no user’s own has none.',
    query: HistoryQuery,
    stretch: 'Offer',
  })
  async list(
    @CurrentActor() { organizationId, principal }: Actor,
    @WireQuery(HistoryQuery) query: HistoryQuery,
  ): Promise<Envelope> {
    if (principal.type !== 'user' || principal.id === null) {
      return stretch({ items: [], next: null, hasMore: false }, offerResource);
    }
    return stretch(await this.offers.listOpen(organizationId, principal.id, query), offerResource);
  }
}

import { Injectable } from '@nestjs/common';
import type { EventType } from '@hub/events/catalog.js';
import { Outbox, type Author } from '@hub/events/outbox.js';
import { ValidationError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { Claims } from './claims.js';
import { DeliveriesQueries } from './deliveries.queries.js';
import { isEmitted, sampleEvent } from './event-samples.js';
import { addressTo } from './sender.js';
import { SendNow } from './send-now.js';
import { DeliveryInProgressError, WebhookNotFoundError } from './webhooks.errors.js';
import type { RetryResult, TestResult } from './webhooks.types.js';

const EXAMPLE_ENDPOINT = '01900000-0000-7000-8000-000000000008';

/** What is sent because somebody has asked for it, by the process that was asked. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly queries: DeliveriesQueries,
    private readonly claims: Claims,
    private readonly engine: SendNow,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Sends an invented event of the type to this one endpoint, whatever its status and its subscriptions, and waits for
   * the answer. It is not retried, is no part of the event log and counts for no statistics.
   * @throws WebhookNotFoundError; ValidationError INVALID_EVENTS naming `event`
   */
  async test(author: Author, id: string, event = 'test.ping'): Promise<TestResult> {
    if (!isEmitted(event)) {
      const message = `${event} is not an event that this version sends`;
      throw new ValidationError([{ field: 'event', message }], 'The event is not valid', 'INVALID_EVENTS');
    }
    const sample = sampleEvent(event, author);
    const row = this.outbox.prepare(sample);
    const claim = await this.claims.claimTest(
      { organizationId: author.organizationId, endpointId: id },
      {
        id: newId(),
        eventId: row.id,
        eventType: event,
        subjectId: sample.subject.id,
        body: `${row.bodyBefore}0${row.bodyAfter}`,
      },
    );
    if (!claim) throw new WebhookNotFoundError();
    const { result, status } = await this.engine.send(claim);
    return {
      deliveryId: claim.id,
      status,
      statusCode: result.statusCode,
      latency: result.durationMs ?? 0,
      timestamp: new Date(claim.claimedAtMs),
    };
  }

  /**
   * One attempt now, by hand, with the same id and the same bytes. It takes nothing from the schedule: what fails stays
   * as it was.
   * @throws WebhookNotFoundError, DeliveryNotFoundError; DeliveryInProgressError while an attempt is under way
   */
  async retry({ organizationId }: Author, webhookId: string, deliveryId: string): Promise<RetryResult> {
    const claim = await this.claims.claimByHand({ organizationId, endpointId: webhookId }, deliveryId);
    if (!claim) {
      await this.queries.getDelivery(organizationId, webhookId, deliveryId); // tells which of the two is missing
      throw new DeliveryInProgressError();
    }
    const { result, status } = await this.engine.send(claim);
    return {
      id: claim.id,
      status,
      statusCode: result.statusCode,
      attempts: claim.attempts,
      retriedAt: new Date(claim.claimedAtMs),
    };
  }

  /** The body of an invented event of the type, as an endpoint of this organization would get it. */
  example(author: Author, type: EventType): unknown {
    const { bodyBefore, bodyAfter } = this.outbox.prepare(sampleEvent(type, author));
    return JSON.parse(addressTo(`${bodyBefore}0${bodyAfter}`, EXAMPLE_ENDPOINT));
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { SpanKind, SpanStatusCode, type Attributes, type Span } from '@opentelemetry/api';
import type { AttemptOutcome } from '@hub/model/webhook.entity.js';
import { encodeId } from '@hub/platform/ids.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { currentOrigin } from '@hub/platform/request-origin.js';
import type { SafeResult } from '@hub/platform/safe-fetch.js';
import { traceIdOf, Tracing } from '@hub/platform/tracing.js';
import type { Claim } from './claims.js';
import { EngineMetrics } from './engine-metrics.js';
import type { Verdict } from './retry-policy.js';

/** How an attempt ended. */
interface Ended {
  readonly outcome: AttemptOutcome;
  readonly verdict: Verdict;
  readonly result: SafeResult;
  /** Of the request's body. */
  readonly bytes: number;
  /** Milliseconds since it was begun. */
  readonly elapsed: number;
}

/** What is told of every attempt: its metrics, one wide log line and, where tracing is on, a span. */
@Injectable()
export class AttemptReport {
  constructor(
    private readonly metrics: EngineMetrics,
    private readonly tracing: Tracing,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * A trace of its own, linked to the request that has caused the event, which may have been days ago; part of the
   * request that waits for it where one does.
   */
  begin(claim: Claim): Span | null {
    if (!this.tracing.isOn) return null;
    return this.tracing.begin({
      name: `deliver ${claim.eventType}`,
      kind: SpanKind.CLIENT,
      parent: currentOrigin()?.traceparent ?? null,
      link: claim.trace,
      attributes: attributesOf(claim),
    });
  }

  end(claim: Claim, span: Span | null, { outcome, verdict, result, bytes, elapsed }: Ended): void {
    const eventAgeMs = claim.eventAgeMs + elapsed;
    const status = result.outcome === 'response' ? result.status : null;
    const remoteAddress = result.outcome === 'response' ? result.remoteAddress : null;
    this.metrics.attempted(outcome, claim.trigger, result.durationMs, eventAgeMs);
    const origin = currentOrigin();
    this.logger.info(
      {
        organization: claim.organizationId,
        endpoint: claim.endpointId,
        event: claim.eventId,
        type: claim.eventType,
        delivery: claim.id,
        attempt: claim.attempts,
        trigger: claim.trigger,
        outcome,
        status,
        ms: result.durationMs,
        verdict: verdict.kind,
        retryInMs: verdict.kind === 'retry' ? verdict.inMs : undefined,
        eventAgeMs: Math.round(eventAgeMs),
        remoteAddress,
        bytes,
        thin: claim.thin,
        requestId: origin?.requestId,
        traceId: traceIdOf(claim.trace ?? origin?.traceparent ?? null),
      },
      'delivery.attempted',
    );
    if (!span) return;
    span.setAttributes({
      'messaging.message.body.size': bytes,
      'switchboard.delivery.outcome': outcome,
      'switchboard.delivery.verdict': verdict.kind,
      ...(status !== null && { 'http.response.status_code': status }),
      ...(remoteAddress !== null && { 'network.peer.address': remoteAddress }),
    });
    if (outcome !== 'success') {
      span.setAttribute('error.type', status === null ? outcome : String(status));
      span.setStatus({ code: SpanStatusCode.ERROR, ...(result.outcome !== 'response' && { message: result.error }) });
    }
    span.end();
  }
}

/** In the words of OpenTelemetry's conventions for HTTP and messaging. The address comes without what may be secret. */
function attributesOf(claim: Claim): Attributes {
  const { origin, pathname, hostname, port, protocol } = new URL(claim.url);
  return {
    'http.request.method': 'POST',
    'http.request.resend_count': claim.attempts - 1,
    'url.full': `${origin}${pathname}`,
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
    'messaging.system': 'switchboard',
    'messaging.operation.name': 'deliver',
    'messaging.operation.type': 'send',
    'messaging.destination.name': encodeId('wh', claim.endpointId),
    'messaging.message.id': encodeId('evt', claim.eventId),
    'switchboard.organization.id': encodeId('org', claim.organizationId),
    'switchboard.event.type': claim.eventType,
    'switchboard.delivery.id': encodeId('del', claim.id),
    'switchboard.delivery.attempt': claim.attempts,
    'switchboard.delivery.trigger': claim.trigger,
  };
}

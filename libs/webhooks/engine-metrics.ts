import { Injectable } from '@nestjs/common';
import type { AttemptOutcome, AttemptTrigger } from '@hub/model/webhook.entity.js';
import { Metrics } from '@hub/platform/metrics.js';

/** From a delivery next door to one that was due for days. */
const LATENCY = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600, 36_000];
/** An attempt lasts 30 s at the most. */
const DURATION = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];
const BATCH = [1, 2, 5, 10, 20, 50, 100];

/** What the delivery engine counts and times in this process. No label names an endpoint or an organization. */
@Injectable()
export class EngineMetrics {
  /** A batch of events: its deliveries written and committed. */
  readonly fanOut;
  private readonly attempts;
  private readonly durations;
  private readonly latency;
  private readonly batches;
  private readonly expired;
  private readonly superseded;

  constructor(metrics: Metrics) {
    this.fanOut = metrics.histogram('webhook_fan_out_duration_seconds', 'Fanning out a batch of events');
    this.attempts = metrics.counter('webhook_delivery_attempts_total', 'Requests to subscribers, by how they ended', [
      'outcome',
      'trigger',
    ]);
    this.durations = metrics.histogram(
      'webhook_delivery_duration_seconds',
      'What a request to a subscriber takes',
      ['outcome'],
      DURATION,
    );
    this.latency = metrics.histogram(
      'webhook_event_to_delivery_seconds',
      'From an event to the 2xx of a subscriber',
      [],
      LATENCY,
    );
    this.batches = metrics.histogram(
      'webhook_settlement_batch_attempts',
      'Attempts whose ends are written down by one commit',
      [],
      BATCH,
    );
    this.expired = metrics.counter(
      'webhook_leases_expired_total',
      'Deliveries taken back from whoever was sending them',
    );
    this.superseded = metrics.counter(
      'webhook_results_superseded_total',
      'Results that came after their lease had ended',
    );
  }

  /** @param eventAgeMs the event's age at the end of the attempt */
  attempted(outcome: AttemptOutcome, trigger: AttemptTrigger, durationMs: number, eventAgeMs: number): void {
    this.attempts.inc({ outcome, trigger });
    this.durations.observe({ outcome }, durationMs / 1_000);
    if (outcome === 'success' && (trigger === 'auto' || trigger === 'probe')) this.latency.observe(eventAgeMs / 1_000);
  }

  /** @param results of one commit; `counts`: the lease was still the attempt's */
  settled(results: readonly { readonly outcome: AttemptOutcome; readonly counts: boolean }[]): void {
    this.batches.observe(results.length);
    this.expired.inc(results.filter(({ outcome, counts }) => counts && outcome === 'interrupted').length);
    this.superseded.inc(results.filter(({ outcome, counts }) => !counts && outcome !== 'interrupted').length);
  }
}

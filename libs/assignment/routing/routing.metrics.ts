import { Injectable } from '@nestjs/common';
import type { AssignmentKind } from '@hub/model/assignment.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { OfferState } from '@hub/model/views.js';
import { Metrics } from '@hub/platform/metrics.js';

const WAIT_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3_600, 14_400];

/** What the engine does, counted once it is committed. */
@Injectable()
export class RoutingMetrics {
  private readonly assignments;
  private readonly offers;
  private readonly waits;

  constructor(
    private readonly db: Database,
    metrics: Metrics,
  ) {
    this.assignments = metrics.counter('assignments_total', 'Changes of hands', ['kind', 'strategy']);
    this.offers = metrics.counter('offers_total', 'Offers, by what has become of them', ['state']);
    this.waits = metrics.histogram(
      'queue_wait_seconds',
      'From entering a queue to being assigned or offered',
      [],
      WAIT_BUCKETS,
    );
  }

  assigned(tx: Tx, kind: AssignmentKind, strategy: string): void {
    this.db.onCommit(tx, () => this.assignments.inc({ kind, strategy }));
  }

  offered(tx: Tx, state: OfferState, number = 1): void {
    this.db.onCommit(tx, () => this.offers.inc({ state }, number));
  }

  waited(tx: Tx, since: Date): void {
    const seconds = Math.max(0, (Date.now() - since.getTime()) / 1000);
    this.db.onCommit(tx, () => this.waits.observe(seconds));
  }
}

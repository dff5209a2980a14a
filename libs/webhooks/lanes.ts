import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { Claims, type Claim } from './claims.js';
import type { Lane } from './delivery-order.js';
import { Sender } from './sender.js';
import { Settlement } from './settlement.js';

/** Requests under way at once in this process: to one endpoint, and in all. */
const LANE_CAP = 10;
const PROCESS_CAP = 1_000;
/** Claims under way at once: the database's share of the lanes. */
const CLAIMERS = 4;
const DRAIN_MS = 10_000;

interface LaneState extends Lane {
  /** Slots taken, by requests under way and by claims that may still use them. */
  busy: number;
  /** The last claim was full, so there may be more. */
  more: boolean;
}

/**
 * Works off what is due, endpoint by endpoint: a lane that has due deliveries waits for its turn, claims as many as it
 * has slots, and comes again as slots get free. Lanes take turns, so that one with a backlog or a hanging subscriber
 * takes its own slots and nobody else's. Nothing here needs to survive: what is due is in the database, and any number
 * of processes may work on the same lane.
 */
@Injectable()
export class Lanes implements OnModuleDestroy {
  private readonly states = new Map<string, LaneState>();
  /** In the order in which they get their turn. */
  private readonly ready = new Set<LaneState>();
  private readonly underWay = new Set<Promise<void>>();
  private busy = 0;
  private claimers = 0;
  private scheduled = false;
  private stopped = false;

  constructor(
    private readonly claims: Claims,
    private readonly sender: Sender,
    private readonly settlement: Settlement,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Something may be due in this lane. Cheap, never throws, may be called at any time and twice.
   * @returns whether this process has a slot free for it; if not it comes to it later
   */
  kick({ organizationId, endpointId }: Lane): boolean {
    if (this.stopped) return false;
    const state = this.states.get(endpointId) ?? { organizationId, endpointId, busy: 0, more: false };
    this.states.set(endpointId, state);
    this.ready.add(state);
    this.soon();
    return state.busy < LANE_CAP && this.busy < PROCESS_CAP;
  }

  /** Takes on nothing more and waits for what is under way; what takes too long is left to the sweeper. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.ready.clear();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, DRAIN_MS)));
    await Promise.race([this.drained(), late]);
    clearTimeout(timer);
  }

  private async drained(): Promise<void> {
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
  }

  /** Deliveries are settled in batches: the slots that one batch frees make one claim, not one each. */
  private soon(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.dispatch();
    });
  }

  private dispatch(): void {
    while (this.claimers < CLAIMERS && this.busy < PROCESS_CAP && !this.stopped) {
      const [state] = this.ready;
      if (!state) return;
      this.ready.delete(state);
      const slots = Math.min(LANE_CAP - state.busy, PROCESS_CAP - this.busy);
      if (slots <= 0) {
        state.more = true; // whoever frees a slot comes back to it
        continue;
      }
      this.claimers += 1;
      this.take(state, slots);
      this.track(
        this.claimFor(state, slots).finally(() => {
          this.claimers -= 1;
          this.soon();
        }),
      );
    }
  }

  /** Turns `slots`, already taken, into requests under way and gives back those it has no delivery for. */
  private async claimFor(state: LaneState, slots: number): Promise<void> {
    state.more = false;
    let claimed: Claim[] = [];
    try {
      claimed = await this.claims.claimDue(state, slots);
    } catch (error) {
      this.logger.warn({ endpoint: state.endpointId, error: String(error) }, 'lane.claim');
    }
    state.more ||= claimed.length === slots;
    this.take(state, claimed.length - slots);
    for (const claim of claimed) this.track(this.work(state, claim));
    if (state.more && state.busy < LANE_CAP) this.ready.add(state);
    this.forget(state);
  }

  private async work(state: LaneState, claim: Claim): Promise<void> {
    const activated = await this.settlement.settle(await this.sender.send(claim));
    this.take(state, -1);
    if (state.more || activated.length > 0) this.kick(state);
    else {
      this.forget(state);
      this.soon();
    }
  }

  private take(state: LaneState, slots: number): void {
    state.busy += slots;
    this.busy += slots;
  }

  private forget(state: LaneState): void {
    if (state.busy === 0 && !state.more && !this.ready.has(state)) this.states.delete(state.endpointId);
  }

  private track(work: Promise<void>): void {
    const tracked = work.finally(() => this.underWay.delete(tracked));
    this.underWay.add(tracked);
  }
}

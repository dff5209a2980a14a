import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { Claims, DEFAULT_CONCURRENCY, type Claim } from './claims.js';
import type { Lane } from './delivery-order.js';
import { Sender } from './sender.js';
import { Settlement } from './settlement.js';

/** Requests under way at once in this process: for one tenant, and in all. What one endpoint may have is in its settings. */
const TENANT_CAP = 100;
const PROCESS_CAP = 1_000;
/** Of these, what lanes may take together whose endpoints take their time, or do not answer at all. */
const SLOW_CAP = PROCESS_CAP / 4;
const SLOW_MS = 2_000;
/** The same for one tenant, so that its own endpoints that hang leave its healthy ones room. */
const SLOW_TENANT_CAP = TENANT_CAP / 2;
/** The share of a lane's slots that replays may take, as a divisor: while there is live traffic, and while there is none. */
const REPLAY_SHARE = 5;
const QUIET_REPLAY_SHARE = 2;
/** A lane without a live delivery for so long is quiet. */
const QUIET_MS = 2_000;
/** Claims under way at once: the database's share of the lanes. */
const CLAIMERS = 4;
const DRAIN_MS = 10_000;
/** How soon a lane with a rate limit asks for more. */
const NEXT_TOKENS_MS = 50;

interface LaneState extends Lane {
  guarded: boolean;
  /** Requests at once that its endpoint may have here. */
  cap: number;
  /** Slots taken, by requests under way and by claims that may still use them. */
  busy: number;
  /** Of them, by replays. */
  replays: number;
  /** The last claim was full, so there may be more. */
  more: boolean;
  /** When a live delivery was last claimed here, on the process's monotonic clock in milliseconds. */
  liveAt: number;
  /** How long its requests take, the latest ones above all, in milliseconds. */
  pace: number;
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
  /** Lanes that have slots left, but whose tenant, or the process, has none. */
  private readonly parked = new Set<LaneState>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly tenants = new Map<string, number>();
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

  /** Requests under way in this process. */
  get underWayCount(): number {
    return this.busy;
  }

  /** Endpoints that this process has something to do for, or remembers as slow. */
  get openCount(): number {
    return this.states.size;
  }

  /**
   * Something may be due in this lane. Cheap, never throws, may be called at any time and twice.
   * @returns whether this process has a slot free for it; if not it comes to it later
   */
  kick({ organizationId, endpointId, guarded }: Lane): boolean {
    if (this.stopped) return false;
    const state = this.states.get(endpointId) ?? newState(organizationId, endpointId);
    this.states.set(endpointId, state);
    if (guarded !== undefined) state.guarded = guarded;
    this.ready.add(state);
    this.soon();
    return this.slotsFor(state) > 0;
  }

  /** Takes on nothing more and waits for what is under way; what takes too long is left to the sweeper. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.ready.clear();
    this.parked.clear();
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
    while (this.claimers < CLAIMERS && !this.stopped) {
      const [state] = this.ready;
      if (!state) return;
      this.ready.delete(state);
      const slots = this.slotsFor(state);
      if (slots <= 0) {
        state.more = true; // whoever frees a slot comes back to it
        if (state.busy < state.cap) this.parked.add(state);
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

  private slotsFor(state: LaneState): number {
    const left = Math.min(
      state.cap - state.busy,
      TENANT_CAP - (this.tenants.get(state.organizationId) ?? 0),
      PROCESS_CAP - this.busy,
    );
    if (left <= 0 || !isSlow(state)) return left;
    let [all, own] = [0, 0];
    for (const other of this.states.values()) {
      if (!isSlow(other)) continue;
      all += other.busy;
      if (other.organizationId === state.organizationId) own += other.busy;
    }
    return Math.min(left, SLOW_CAP - all, SLOW_TENANT_CAP - own);
  }

  /** Turns `slots`, already taken, into requests under way and gives back those it has no delivery for. */
  private async claimFor(state: LaneState, slots: number): Promise<void> {
    state.more = false;
    const { guarded } = state;
    let claimed: Claim[] = [];
    try {
      const share = performance.now() - state.liveAt > QUIET_MS ? QUIET_REPLAY_SHARE : REPLAY_SHARE;
      const replays = Math.max(0, Math.ceil(state.cap / share) - state.replays);
      claimed = await this.claims.claimDue(state, { slots, replays }, guarded);
    } catch (error) {
      this.logger.warn({ endpoint: state.endpointId, error: String(error) }, 'lane.claim');
    }
    state.cap = claimed[0]?.config.concurrency ?? state.cap;
    if (claimed.some(({ trigger }) => trigger !== 'replay')) state.liveAt = performance.now();
    state.more ||= claimed.length === slots;
    this.take(state, claimed.length - slots);
    for (const claim of claimed) this.track(this.work(state, claim));
    if (state.more && state.busy < state.cap) this.ready.add(state);
    if (guarded && claimed.length > 0) setTimeout(() => this.kick(state), NEXT_TOKENS_MS).unref();
    this.forget(state);
  }

  private async work(state: LaneState, claim: Claim): Promise<void> {
    const isReplay = claim.trigger === 'replay';
    if (isReplay) state.replays += 1;
    const result = await this.sender.send(claim);
    // one that does not answer in time is slow, however short its time is
    const ms = result.outcome === 'timeout' ? Math.max(4 * SLOW_MS, result.durationMs ?? 0) : (result.durationMs ?? 0);
    state.pace = 0.7 * state.pace + 0.3 * ms;
    const activated = await this.settlement.settle(result);
    if (isReplay) state.replays -= 1;
    this.take(state, -1);
    if (state.more || isReplay || activated.length > 0) this.kick(state);
    else {
      this.forget(state);
      this.soon();
    }
  }

  /** Slots that get free are offered to the lane that has waited longest for one of somebody else's. */
  private take(state: LaneState, slots: number): void {
    const tenant = (this.tenants.get(state.organizationId) ?? 0) + slots;
    if (tenant > 0) this.tenants.set(state.organizationId, tenant);
    else this.tenants.delete(state.organizationId);
    state.busy += slots;
    this.busy += slots;
    if (slots >= 0) return;
    const [waiting] = this.parked;
    if (!waiting) return;
    this.parked.delete(waiting);
    this.ready.add(waiting);
  }

  private forget(state: LaneState): void {
    if (state.busy === 0 && !state.more && !this.ready.has(state) && !isSlow(state))
      this.states.delete(state.endpointId);
  }

  private track(work: Promise<void>): void {
    const tracked = work.finally(() => this.underWay.delete(tracked));
    this.underWay.add(tracked);
  }
}

const newState = (organizationId: string, endpointId: string): LaneState => ({
  organizationId,
  endpointId,
  guarded: false,
  cap: DEFAULT_CONCURRENCY,
  busy: 0,
  replays: 0,
  more: false,
  liveAt: performance.now(),
  pace: 0,
});

const isSlow = ({ pace }: LaneState): boolean => pace > SLOW_MS;

import { RateLimiterMemory, type RateLimiterAbstract } from 'rate-limiter-flexible';

/** What is left of a limit, and from when on it is whole again. */
export interface Quota {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds of Unix time. */
  readonly resetAt: number;
}

export interface Counting {
  readonly limit: number;
  readonly windowSeconds: number;
  readonly timeoutMs: number;
  /** The shared counter is out of reach: told once, until {@link onRecovery}. */
  readonly onFailure: (error: unknown) => void;
  readonly onRecovery: () => void;
}

interface Holding {
  /** Requests that this process may still let through. */
  tokens: number;
  /** What nobody had taken when this process last asked. */
  elsewhere: number;
  resetAt: number;
  asking: Promise<void> | null;
}

/** A hundredth of the limit at a time: a limit of 6,000 asks the shared counter once in 60 requests. */
const BATCHES = 100;
const RETRY_MS = 1_000;
const SWEEP_MS = 10_000;

/**
 * A limit per window, shared by all processes through a store that is asked for tokens in batches. The limit is never
 * exceeded; what a process has taken and not used is lost to the others, at most a hundredth of the limit each. Where
 * the store fails or is slow, the process counts by itself, at the same rate, and asks again every second.
 */
export class TokenBatches {
  private readonly holdings = new Map<string, Holding>();
  private readonly local: RateLimiterMemory;
  private readonly batch: number;
  private readonly sweeper: NodeJS.Timeout;
  private isFailing = false;
  private retryAt = 0;

  constructor(
    private readonly store: RateLimiterAbstract,
    private readonly counting: Counting,
  ) {
    this.batch = Math.max(1, Math.floor(counting.limit / BATCHES));
    this.local = new RateLimiterMemory({ points: counting.limit, duration: counting.windowSeconds });
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  async take(id: string): Promise<Quota> {
    for (;;) {
      const held = this.holdings.get(id);
      if (held && held.resetAt > Date.now()) {
        if (held.tokens > 0) {
          held.tokens -= 1;
          return this.quota(held, true);
        }
        if (held.elsewhere === 0) return this.quota(held, false);
      }
      await this.ask(id);
    }
  }

  close(): void {
    clearInterval(this.sweeper);
  }

  /** One question at a time for each id; whoever comes meanwhile waits for the same answer. */
  private ask(id: string): Promise<void> {
    const held = this.holdings.get(id) ?? { tokens: 0, elsewhere: 0, resetAt: 0, asking: null };
    this.holdings.set(id, held);
    held.asking ??= this.refill(id, held).finally(() => {
      held.asking = null;
    });
    return held.asking;
  }

  private async refill(id: string, held: Holding): Promise<void> {
    const { consumedPoints, msBeforeNext } = await this.consume(id);
    const { limit } = this.counting;
    const before = consumedPoints - this.batch;
    held.tokens = Math.min(Math.max(limit - before, 0), this.batch); // the last batch may be a part of one
    held.elsewhere = Math.max(limit - consumedPoints, 0);
    held.resetAt = Date.now() + Math.max(msBeforeNext, 1);
  }

  private async consume(id: string): Promise<{ consumedPoints: number; msBeforeNext: number }> {
    if (Date.now() >= this.retryAt) {
      try {
        const taken = await within(this.store.penalty(id, this.batch), this.counting.timeoutMs);
        if (this.isFailing) this.counting.onRecovery();
        this.isFailing = false;
        return taken;
      } catch (error) {
        this.retryAt = Date.now() + RETRY_MS;
        if (!this.isFailing) this.counting.onFailure(error);
        this.isFailing = true;
      }
    }
    return this.local.penalty(id, this.batch);
  }

  private quota({ tokens, elsewhere, resetAt }: Holding, allowed: boolean): Quota {
    return { allowed, limit: this.counting.limit, remaining: tokens + elsewhere, resetAt };
  }

  private sweep(): void {
    const now = Date.now();
    for (const [id, { resetAt, asking }] of this.holdings) if (resetAt <= now && !asking) this.holdings.delete(id);
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

import { HubError } from './errors.js';

/** Refused at once rather than kept waiting: come back in a second. */
export class TooBusyError extends HubError {
  constructor(message: string) {
    super('rate_limited', 'RATE_LIMIT_EXCEEDED', message, [], { retryAfter: '1' });
  }
}

/** Lets a few pieces of heavy work run at a time, some more wait, and refuses the rest: time and memory stay bounded. */
export class Gate {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly concurrency: number,
    private readonly maxWaiting: number,
    private readonly refusal: string,
  ) {}

  /** @throws TooBusyError when too many wait already */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.concurrency) {
      if (this.waiting.length >= this.maxWaiting) throw new TooBusyError(this.refusal);
      await new Promise<void>((resolve) => this.waiting.push(resolve)); // whoever leaves hands its place over
    } else {
      this.running++;
    }
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The process's Prometheus registry and the few ways to add to it; one per process, shared by every module. */
export class Metrics {
  readonly registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** @param buckets upper bounds in the metric's unit, which its name carries (`_seconds`) */
  histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  ): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets: [...buckets], registers: [this.registry] });
  }

  /** @param collect called at every scrape; its figure becomes the gauge's */
  gauge(name: string, help: string, collect: () => Promise<number>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect: async () => {
        try {
          gauge.set(await collect());
        } catch {
          gauge.set(Number.NaN);
        }
      },
    });
  }

  /** The same with one figure for each value of a label, none while they cannot be told. */
  gauges(name: string, help: string, label: string, collect: () => Promise<Readonly<Record<string, number>>>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect: async () => {
        const figures = await collect().catch(() => ({}));
        gauge.reset();
        for (const [value, figure] of Object.entries(figures)) gauge.labels(value).set(figure);
      },
    });
  }
}

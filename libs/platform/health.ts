import { Controller, Get, Inject, Injectable, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Metrics } from './metrics.js';

const PROBE_TIMEOUT_MS = 2_000;

/** Gives a figure or just resolves when its part is well, and rejects when it is not. */
export type Probe = () => Promise<Record<string, unknown> | void>;

/** What readiness asks. Each room adds the probe of its own part when it starts. */
@Injectable()
export class Health {
  private readonly probes = new Map<string, Probe>();

  register(name: string, probe: Probe): void {
    this.probes.set(name, probe);
  }

  /** Every probe at once, two seconds each; `ready` only when all of them are well. */
  async check(): Promise<{ ready: boolean; checks: Record<string, Record<string, unknown>> }> {
    const checks = await Promise.all(
      [...this.probes].map(async ([name, probe]): Promise<[string, Record<string, unknown>]> => {
        try {
          return [name, { status: 'up', ...(await within(probe())) }];
        } catch (error) {
          return [name, { status: 'down', message: error instanceof Error ? error.message : String(error) }];
        }
      }),
    );
    return { ready: checks.every(([, check]) => check['status'] === 'up'), checks: Object.fromEntries(checks) };
  }
}

/** Open to everybody who can reach the port, as orchestrators and Prometheus expect; it shows no tenant's data. */
@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  live(): { status: string } {
    return { status: 'up' };
  }

  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    const { ready, checks } = await this.health.check();
    reply.status(ready ? 200 : 503);
    return { status: ready ? 'up' : 'down', checks };
  }

  @Get('metrics')
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    reply.header('content-type', this.metrics.registry.contentType);
    return this.metrics.registry.metrics();
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer within 2 s')), PROBE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

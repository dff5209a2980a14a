import pg from 'pg';
import type { Logger } from '@hub/platform/logger.js';

const RECONNECT_MS = 500;

export interface Hearing {
  readonly databaseUrl: string;
  /** A PostgreSQL notification channel. */
  readonly channel: string;
  /** Called with each payload; must not throw. */
  readonly heard: (payload: string) => void;
}

/**
 * Listens on a connection of its own: a pooler in transaction mode would lose the LISTEN. Reconnects by itself; what is
 * told in between is lost, so whoever listens also looks by a clock.
 */
export class Listener {
  private stopped = false;
  private client: pg.Client | null = null;

  constructor(
    private readonly hearing: Hearing,
    private readonly logger: Logger,
  ) {}

  /** Goes on until {@link stop}. */
  async listen(): Promise<void> {
    const { databaseUrl, channel, heard } = this.hearing;
    while (!this.stopped) {
      const client = new pg.Client({ connectionString: databaseUrl, keepAlive: true });
      const lost = new Promise<void>((resolve) => {
        client.once('end', resolve);
        client.on('error', () => resolve());
      });
      try {
        await client.connect();
        client.on('notification', ({ payload }) => heard(payload ?? ''));
        await client.query(`LISTEN ${channel}`);
        this.client = client;
        if (!this.stopped) await lost;
      } catch (error) {
        this.logger.debug({ channel, error: String(error) }, 'listener.lost');
      }
      await client.end().catch(() => undefined);
      if (!this.stopped) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS).unref());
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.client?.end().catch(() => undefined);
  }
}

import pg from 'pg';
import { sleep } from './processes.js';

const START_LOCK = 0x5_0b0a_0004;
const PATIENCE_MS = 2000; // the session of a starter that was just killed takes a moment to end

/**
 * One starter per embedded database: an advisory lock in it, which vanishes with its holder however that dies. The
 * session that holds it also tells at once when the server goes away.
 */
export class StartLock {
  private constructor(private readonly client: pg.Client) {}

  /** @returns null when another starter has it */
  static async take(url: string, onLost: () => void): Promise<StartLock | null> {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'switchboard-start',
      keepAlive: true,
    });
    let held = false;
    client.on('error', () => undefined);
    client.on('end', () => held && onLost());
    await client.connect();
    for (const until = Date.now() + PATIENCE_MS; ;) {
      const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [START_LOCK]);
      held = rows[0]?.held === true;
      if (held) return new StartLock(client);
      if (Date.now() > until) break;
      await sleep(100);
    }
    await client.end();
    return null;
  }

  async release(): Promise<void> {
    this.client.removeAllListeners('end');
    await this.client.end().catch(() => undefined);
  }
}

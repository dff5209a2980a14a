import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Database, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';

/** The PostgreSQL notification channel on which the relays listen. */
export const OUTBOX_CHANNEL = 'switchboard_outbox';
const COALESCE_MS = 2;

/**
 * Tells the relays that something was committed. A hint: sent after the commit, by itself (a NOTIFY inside the
 * transaction would serialise commits), at most once in two milliseconds a process. Lost, the relay's poll finds the row.
 */
@Injectable()
export class OutboxSignal implements OnModuleDestroy {
  private timer: NodeJS.Timeout | null = null;
  private sending: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Signals once the transaction has committed; not at all when it is rolled back.
   * @param tx null: after a statement that commits by itself
   */
  afterCommit(tx: Tx | null): void {
    this.db.onCommit(tx, this.send);
  }

  private readonly send = (): void => {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.sending = this.db.dataSource.query(`SELECT pg_notify('${OUTBOX_CHANNEL}', '')`).then(
        () => undefined,
        (error: unknown) => this.logger.debug({ error: String(error) }, 'outbox.signal'),
      );
    }, COALESCE_MS);
  };

  async onModuleDestroy(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    await this.sending;
  }
}

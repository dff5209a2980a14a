import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ROUTING_CHANNEL } from '@hub/identity/agent-state.js';
import { Database, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';

const COALESCE_MS = 2;

/** What may now go on: the queues of a user who can take more, or queues by their ids. */
export type Woken = { readonly userId: string } | { readonly queueIds: readonly string[] };

/**
 * Tells the workers that queues may drain. A hint, sent after the commit and at most once in two milliseconds a process
 * and organization: lost, the workers' sweep makes up for it.
 */
@Injectable()
export class QueueSignal implements OnModuleDestroy {
  private readonly woken = new Set<string>();
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
  afterCommit(tx: Tx | null, organizationId: string, _woken: Woken): void {
    this.db.onCommit(tx, () => this.send(organizationId));
  }

  private send(organizationId: string): void {
    this.woken.add(organizationId);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      const organizations = [...this.woken];
      this.woken.clear();
      const text = `SELECT pg_notify('${ROUTING_CHANNEL}', id) FROM unnest($1::text[]) AS id`;
      this.sending = this.db.dataSource.query(text, [organizations]).then(
        () => undefined,
        (error: unknown) => this.logger.debug({ error: String(error) }, 'routing.signal'),
      );
    }, COALESCE_MS);
  }

  async onModuleDestroy(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    await this.sending;
  }
}

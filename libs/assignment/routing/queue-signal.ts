import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Database, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';

/** The PostgreSQL notification channel on which the drainers listen. */
export const QUEUE_CHANNEL = 'switchboard_routing';
const COALESCE_MS = 2;
const MAX_LINES = 80; // a payload holds less than 8,000 bytes

/** Which queues have something to do: these, those of the teams of one user, or all of the organization. */
export type Woken = { readonly queueIds: readonly string[] } | { readonly userId: string } | 'all';

/** One queue, user or organization in the payload of a notification. */
export interface WakeUp {
  readonly what: 'queue' | 'user' | 'all';
  readonly organizationId: string;
  readonly id: string;
}

/**
 * Tells the drainers that a queue may have something for somebody. A hint: sent after the commit and coalesced, as the
 * outbox's; lost, the drainers' sweep finds the items.
 */
@Injectable()
export class QueueSignal implements OnModuleDestroy {
  private readonly lines = new Set<string>();
  private timer: NodeJS.Timeout | null = null;
  private sending: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Wakes once the transaction has committed; not at all when it is rolled back. @param tx null: at once */
  afterCommit(tx: Tx | null, organizationId: string, woken: Woken): void {
    this.db.onCommit(tx, () => {
      for (const line of linesOf(organizationId, woken)) this.lines.add(line);
      this.timer ??= setTimeout(() => this.send(), COALESCE_MS);
    });
  }

  async onModuleDestroy(): Promise<void> {
    if (this.timer) this.send();
    await this.sending;
  }

  private send(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const lines = [...this.lines];
    this.lines.clear();
    const payloads: string[] = [];
    for (let i = 0; i < lines.length; i += MAX_LINES) payloads.push(lines.slice(i, i + MAX_LINES).join(' '));
    this.sending = this.db.dataSource
      .query(`SELECT pg_notify('${QUEUE_CHANNEL}', payload) FROM unnest($1::text[]) AS payload`, [payloads])
      .then(
        () => undefined,
        (error: unknown) => this.logger.debug({ error: String(error) }, 'queue.signal'),
      );
  }
}

function linesOf(organizationId: string, woken: Woken): string[] {
  if (woken === 'all') return [`all:${organizationId}:`];
  if ('userId' in woken) return [`user:${organizationId}:${woken.userId}`];
  return woken.queueIds.map((id) => `queue:${organizationId}:${id}`);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What a payload names, an organization by its id alone, too; what is not one of ours is left out. */
export function readWakeUps(payload: string): WakeUp[] {
  return payload
    .split(' ')
    .map((line) => (UUID.test(line) ? ['all', line, ''] : line.split(':')))
    .flatMap(([what, organizationId = '', id = '']) =>
      (what === 'queue' || what === 'user' || what === 'all') && UUID.test(organizationId)
        ? [{ what, organizationId, id }]
        : [],
    );
}

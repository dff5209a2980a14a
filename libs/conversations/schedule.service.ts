import { Inject, Injectable } from '@nestjs/common';
import { Outbox, systemAuthor, type Author } from '@hub/events/outbox.js';
import { Database, type Prepared, type Tx } from '@hub/model/database.js';
import type { MessageView } from '@hub/model/views.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { lockMessage } from './message-view.js';
import { MessageWriter } from './message-writer.js';

/** How many go out at the same time; those of one conversation wait for each other. */
const AT_ONCE = 4;

interface Due {
  readonly organizationId: string;
  readonly id: string;
}

/** Sends messages at their time. */
@Injectable()
export class ScheduleService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly writer: MessageWriter,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Sends what is due, of all tenants, at most `limit`. What can no longer be sent – the conversation is closed, the
   * channel not active – has failed, and says why. Each message is looked at under its conversation's lock: it goes out
   * once, whoever else is at it. @returns how many are settled
   */
  async sendDue(limit: number): Promise<number> {
    const due = await this.db.lookup<Due>('schedule', DUE, [limit]);
    let settled = 0;
    const work = async (): Promise<void> => {
      for (let next = due.shift(); next; next = due.shift()) if (await this.sendSafely(next)) settled++;
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return settled;
  }

  private async sendSafely({ organizationId, id }: Due): Promise<boolean> {
    try {
      await this.db.transaction(organizationId, (tx) => this.sendIn(tx, systemAuthor(organizationId), id));
      return true;
    } catch (error) {
      this.logger.warn({ organization: organizationId, message: id, error: String(error) }, 'schedule.failed');
      return false;
    }
  }

  private async sendIn(tx: Tx, author: Author, id: string): Promise<void> {
    const { conversation, message } = await lockMessage(tx, author.organizationId, id);
    if (!isDue(message)) return;
    if (conversation.status === 'closed') {
      return this.fail(tx, author, message, 'The conversation was closed before the message was due');
    }
    const [channel] = await tx.query<{ active: boolean }[]>(
      `SELECT status = 'active' AS active FROM channel WHERE organization_id = $1 AND id = $2 FOR KEY SHARE`,
      [author.organizationId, conversation.channelId],
    );
    if (!channel?.active) {
      return this.fail(tx, author, message, 'The channel was not active when the message was due');
    }
    await this.writer.release(tx, author, message, false);
  }

  private async fail(tx: Tx, author: Author, message: MessageView, failedReason: string): Promise<void> {
    const { organizationId, id, conversationId, channelId } = message;
    const failedAt = new Date();
    await tx.query(
      `UPDATE message SET status = 'failed', failed_at = $3, failed_reason = $4 WHERE organization_id = $1 AND id = $2`,
      [organizationId, id, failedAt, failedReason],
    );
    const subject: MessageView = { ...message, status: 'failed', failedAt, failedReason };
    await this.outbox.append(tx, { type: 'message.failed', author, conversationId, channelId, subject });
  }
}

const DUE: Prepared = {
  name: 'message-due',
  text: 'SELECT organization_id AS "organizationId", id FROM messages_due($1)',
};

const isDue = ({ status, draft, deletedAt, scheduledAt }: MessageView): boolean =>
  status === 'pending' && deletedAt === null && scheduledAt !== null && (!draft || draft.state === 'approved');

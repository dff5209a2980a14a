import { Injectable } from '@nestjs/common';
import type { EventType } from '@hub/events/catalog.js';
import { Outbox, type Author } from '@hub/events/outbox.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { MessageView } from '@hub/model/views.js';
import { requireType, useChannel } from './channel-target.js';
import { MessageNotFoundError } from './conversations.errors.js';
import { movesOn } from './message-status.js';
import { loadMessage, lockMessage } from './message-view.js';
import type { Receipt } from './messages.types.js';

type Told = Receipt['status'];

const COLUMN: Record<Told, string> = {
  sent: 'sent_at',
  delivered: 'delivered_at',
  read: 'read_at',
  failed: 'failed_at',
};
const EVENT: Record<Told, Extract<EventType, `message.${string}`>> = {
  sent: 'message.sent',
  delivered: 'message.delivered',
  read: 'message.read',
  failed: 'message.failed',
};

/** What channels tell of messages that are on their way. */
@Injectable()
export class ReceiptsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Moves an outbound message on: pending, sent, delivered, read; failed is the end. A receipt that is late, repeated or
   * about what has not been sent changes and tells nothing. Any number at once leave the furthest, each step told once.
   * @returns the message as it stands @throws ChannelNotFoundError; ValidationError INVALID_CHANNEL_TYPE;
   *   MessageNotFoundError unless the channel carries such an outbound message
   */
  async receipt(author: Author, receipt: Receipt): Promise<MessageView> {
    return this.db.transaction(author.organizationId, async (tx) => {
      requireType(await useChannel(tx, author.organizationId, receipt.channelId), receipt.channelType);
      const id = await this.find(tx, author.organizationId, receipt);
      const { message } = await lockMessage(tx, author.organizationId, id);
      const isOnItsWay = message.deletedAt === null && (message.status !== 'pending' || !isSetAside(message));
      if (!isOnItsWay || !movesOn(message.status, receipt.status)) return message;
      return this.move(tx, author, message, receipt);
    });
  }

  private async move(
    tx: Tx,
    author: Author,
    message: MessageView,
    { status, at, error }: Receipt,
  ): Promise<MessageView> {
    const { organizationId, id, conversationId, channelId } = message;
    await tx.query(
      `UPDATE message SET status = $3, ${COLUMN[status]} = greatest($4::timestamptz, sent_at, delivered_at),
         failed_reason = coalesce($5, failed_reason), outcome_unknown = false
       WHERE organization_id = $1 AND id = $2`,
      [organizationId, id, status, at, status === 'failed' ? (error ?? 'The channel gave no reason') : null],
    );
    const subject = await loadMessage(tx, organizationId, id);
    await this.outbox.append(tx, { type: EVENT[status], author, conversationId, channelId, subject });
    return subject;
  }

  private async find(tx: Tx, organizationId: string, { channelId, message }: Receipt): Promise<string> {
    const [column, value] = 'id' in message ? ['id', message.id] : ['external_id', message.externalId];
    const [row] = await tx.query<{ id: string }[]>(
      `SELECT id FROM message
       WHERE organization_id = $1 AND channel_id = $2 AND ${column} = $3 AND direction = 'outbound'`,
      [organizationId, channelId, value],
    );
    if (!row) throw new MessageNotFoundError();
    return row.id;
  }
}

/** A draft, or what waits for its time: not handed to the channel yet. */
const isSetAside = ({ draft, scheduledAt }: MessageView): boolean => draft !== null || scheduledAt !== null;

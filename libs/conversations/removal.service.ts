import { Injectable } from '@nestjs/common';
import { Outbox, type Author } from '@hub/events/outbox.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { MessageView } from '@hub/model/views.js';
import { dropAttachments } from './attachments.js';
import { DeleteNotSupportedError, DeleteWindowExpiredError } from './conversations.errors.js';
import { loadMessage, lockMessage } from './message-view.js';

/** Channels where what was delivered can be taken away again. */
const CAN_DELETE: ReadonlySet<ChannelType> = new Set<ChannelType>(['api', 'webchat', 'internal']);
/** For how long a message can be taken back from those who have it. */
const WINDOW_HOURS = 48;

@Injectable()
export class RemovalService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Removes what a message says, with its files and its raw source; that there was one stays to be seen. What has not
   * gone out – a note, a draft, what waits for its time – can always be removed, and is then never sent. `forEveryone`
   * asks the channel's other side to remove it, too: it is told so by the event. Again, it changes and tells nothing.
   * @throws MessageNotFoundError, DeleteNotSupportedError, DeleteWindowExpiredError
   */
  async remove(author: Author, messageId: string, { forEveryone }: { forEveryone: boolean }): Promise<MessageView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      const { message } = await lockMessage(tx, organizationId, messageId);
      if (message.deletedAt) return message;
      const hasGoneOut = message.direction === 'inbound' || message.sentAt !== null;
      if (hasGoneOut) await this.requireRemovable(tx, message, forEveryone);
      await tx.query(
        `UPDATE message SET content = '{"type":"deleted"}', content_type = 'deleted', text = NULL, attachment_count = 0,
           deleted_at = now() WHERE organization_id = $1 AND id = $2`,
        [organizationId, messageId],
      );
      await dropAttachments(tx, organizationId, messageId);
      await tx.query('DELETE FROM message_raw WHERE organization_id = $1 AND message_id = $2', [
        organizationId,
        messageId,
      ]);
      const subject = await loadMessage(tx, organizationId, messageId);
      const { conversationId, channelId } = subject;
      const event = { type: 'message.deleted', author, conversationId, channelId, subject } as const;
      const changes = { forEveryone: { before: false, after: true } };
      await this.outbox.append(tx, forEveryone ? { ...event, changes } : event);
      return subject;
    });
  }

  private async requireRemovable(tx: Tx, message: MessageView, forEveryone: boolean): Promise<void> {
    const [channel] = await tx.query<{ type: ChannelType }[]>(
      'SELECT type FROM channel WHERE organization_id = $1 AND id = $2',
      [message.organizationId, message.channelId],
    );
    if (!channel || !CAN_DELETE.has(channel.type)) throw new DeleteNotSupportedError(channel?.type ?? 'unknown');
    const age = Date.now() - message.occurredAt.getTime();
    if (forEveryone && age > WINDOW_HOURS * 3_600_000) throw new DeleteWindowExpiredError(WINDOW_HOURS);
  }
}

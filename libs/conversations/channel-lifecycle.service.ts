import { Injectable } from '@nestjs/common';
import { ChannelsService } from '@hub/channels/channels.service.js';
import type { Author } from '@hub/events/outbox.js';
import { Conversation } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { ChannelView } from '@hub/model/views.js';
import { HubError } from '@hub/platform/errors.js';
import { Not } from 'typeorm';
import { ConversationsService } from './conversations.service.js';

/** The ends of a channel's life, which its conversations have a part in. */
@Injectable()
export class ChannelLifecycleService {
  constructor(
    private readonly db: Database,
    private readonly channels: ChannelsService,
    private readonly conversations: ConversationsService,
  ) {}

  /** Stops sending; with `closeConversations` its live conversations are closed for the given reason. */
  async deactivate(
    author: Author,
    id: string,
    { reason, closeConversations }: { reason: string | null; closeConversations: boolean },
  ): Promise<ChannelView> {
    return this.db.transaction(author.organizationId, async (tx) => {
      const channel = await this.channels.deactivateIn(tx, author, id);
      if (closeConversations) await this.closeAll(tx, author, id, reason ?? 'Channel deactivated');
      return channel;
    });
  }

  /** @throws HubError ACTIVE_CONVERSATIONS_EXIST unless `force`, which closes them */
  async remove(author: Author, id: string, force: boolean): Promise<void> {
    await this.db.transaction(author.organizationId, async (tx) => {
      await this.channels.lockIn(tx, author.organizationId, id);
      if (!force && (await tx.existsBy(Conversation, live(author, id)))) {
        throw new HubError(
          'validation',
          'ACTIVE_CONVERSATIONS_EXIST',
          'The channel has conversations that are not closed: close them, or repeat with ?force=true',
        );
      }
      await this.closeAll(tx, author, id, 'Channel deleted');
      await this.channels.removeIn(tx, author, id);
    });
  }

  private async closeAll(tx: Tx, author: Author, channelId: string, reason: string): Promise<void> {
    const open = await tx.find(Conversation, {
      where: live(author, channelId),
      order: { id: 'asc' },
      lock: { mode: 'pessimistic_write' },
    });
    for (const conversation of open) {
      await this.conversations.closeIn(tx, author, conversation, { reason, resolution: null, notes: null });
    }
  }
}

const live = ({ organizationId }: Author, channelId: string) => ({
  organizationId,
  channelId,
  status: Not('closed' as const),
});

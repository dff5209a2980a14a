import { Injectable } from '@nestjs/common';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { systemAuthor } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { HubError } from '@hub/platform/errors.js';
import { Hands } from '@hub/assignment/routing/hands.js';
import type { QueueRow } from '@hub/assignment/routing/routing.types.js';

/** What a queue does with a conversation that comes while nobody is there. */
@Injectable()
export class ClosedQueues {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly hands: Hands,
  ) {}

  /**
   * Deals with a locked conversation that has just come into a closed queue, where it is held until `opening`: tells the
   * contact so, gives it to the bot, or puts it to sleep. What cannot be done is left out, and it waits.
   */
  async receiveIn(tx: Tx, conversation: Conversation, queue: QueueRow, opening: Date): Promise<void> {
    const { action, botId, text } = queue.closedBehavior ?? { action: 'wait' };
    if (text) await this.tellIn(tx, conversation, queue, { text, opening });
    if (action === 'bot' && botId) await this.giveToBot(tx, conversation, queue, botId);
    if (action === 'snooze' && conversation.status === 'open') {
      const author = systemAuthor(conversation.organizationId);
      const fields = { status: 'snoozed' as const, snoozedUntil: opening };
      await this.conversations.change(tx, author, conversation, 'conversation.snoozed', fields);
    }
  }

  /** Once per conversation and closed period, which its end names. */
  private async tellIn(
    tx: Tx,
    { organizationId, id: conversationId }: Conversation,
    queue: QueueRow,
    { text, opening }: { readonly text: string; readonly opening: Date },
  ): Promise<void> {
    const clientMessageId = `closed:${queue.id}:${opening.toISOString()}`;
    const told = await tx.query<unknown[]>(
      'SELECT 1 FROM message WHERE organization_id = $1 AND conversation_id = $2 AND client_message_id = $3',
      [organizationId, conversationId, clientMessageId],
    );
    if (told.length > 0) return;
    try {
      await this.messages.notifyIn(tx, systemAuthor(organizationId), {
        conversationId,
        content: { type: 'text', text },
        clientMessageId,
        metadata: { notice: 'closed' },
      });
    } catch (error) {
      if (!(error instanceof HubError)) throw error; // the channel cannot send: nothing was written
    }
  }

  private async giveToBot(tx: Tx, conversation: Conversation, queue: QueueRow, botId: string): Promise<void> {
    const { organizationId } = conversation;
    const [bot] = await tx.query<{ name: string }[]>(
      `SELECT name FROM bot WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL AND status = 'active' FOR KEY SHARE`,
      [organizationId, botId],
    );
    if (!bot) return;
    await this.hands.hand(
      tx,
      systemAuthor(organizationId),
      conversation,
      { type: 'bot', id: botId, name: bot.name },
      { kind: 'auto', event: 'conversation.assigned', reason: 'closed', queue },
    );
  }
}

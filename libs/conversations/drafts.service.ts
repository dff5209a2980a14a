import { Injectable } from '@nestjs/common';
import { Outbox, type Author } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { MessageView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import {
  ChannelNotConnectedError,
  ConversationClosedError,
  DraftDecidedError,
  MessageNotFoundError,
} from './conversations.errors.js';
import { loadMessage, lockMessage } from './message-view.js';
import { MessageWriter } from './message-writer.js';
import { marksRead } from './messages.service.js';

/**
 * What a supervisor decides about drafts. Of any number of verdicts at once the first one counts: the same again changes
 * and tells nothing, the contrary is refused. Whether the caller may decide is asked before.
 */
@Injectable()
export class DraftsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly writer: MessageWriter,
  ) {}

  /**
   * Lets a draft go out: now, as the latest message of its conversation, or at its time where that lies ahead.
   * @throws MessageNotFoundError, DraftDecidedError, ConversationClosedError, ChannelNotConnectedError – nothing has
   *   changed then; ValidationError when the message is no draft
   */
  async approve(author: Author, messageId: string): Promise<MessageView> {
    return this.decide(author, messageId, 'approved', async (tx, conversation, draft) => {
      if (conversation.status === 'closed') throw new ConversationClosedError();
      const isLater = draft.scheduledAt !== null && draft.scheduledAt.getTime() > Date.now();
      if (!isLater) await requireActive(tx, conversation);
      const approved = await this.put(tx, author, draft, 'approved', null);
      return isLater ? approved : this.writer.release(tx, author, approved, marksRead(author));
    });
  }

  /**
   * It is never sent.
   * @throws MessageNotFoundError, DraftDecidedError; ValidationError when the message is no draft
   */
  async reject(author: Author, messageId: string, reason: string | null): Promise<MessageView> {
    return this.decide(author, messageId, 'rejected', (tx, _, draft) =>
      this.put(tx, author, draft, 'rejected', reason),
    );
  }

  private decide(
    author: Author,
    messageId: string,
    verdict: 'approved' | 'rejected',
    work: (tx: Tx, conversation: Conversation, draft: MessageView) => Promise<MessageView>,
  ): Promise<MessageView> {
    return this.db.transaction(author.organizationId, async (tx) => {
      const { conversation, message } = await lockMessage(tx, author.organizationId, messageId);
      if (!message.draft) throw ValidationError.of('id', 'this message is not a draft');
      if (message.draft.state === verdict) return message;
      if (message.draft.state !== 'pending') throw new DraftDecidedError(message.draft.state);
      if (message.deletedAt) throw new MessageNotFoundError();
      return work(tx, conversation, message);
    });
  }

  private async put(
    tx: Tx,
    author: Author,
    draft: MessageView,
    state: 'approved' | 'rejected',
    reason: string | null,
  ): Promise<MessageView> {
    const { organizationId, id, conversationId, channelId } = draft;
    await tx.query(
      `UPDATE message SET draft_state = $3, draft_reason = $4, draft_reviewed_by = $5, draft_reviewed_at = now()
       WHERE organization_id = $1 AND id = $2`,
      [organizationId, id, state, reason, author.principal],
    );
    const subject = await loadMessage(tx, organizationId, id);
    const type = state === 'approved' ? 'message.draft.approved' : 'message.draft.rejected';
    await this.outbox.append(tx, { type, author, conversationId, channelId, subject });
    return subject;
  }
}

async function requireActive(tx: Tx, { organizationId, channelId }: Conversation): Promise<void> {
  const [channel] = await tx.query<{ active: boolean }[]>(
    `SELECT status = 'active' AS active FROM channel WHERE organization_id = $1 AND id = $2 FOR KEY SHARE`,
    [organizationId, channelId],
  );
  if (!channel?.active) throw new ChannelNotConnectedError();
}

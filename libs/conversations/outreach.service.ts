import { Injectable } from '@nestjs/common';
import { ChannelNotFoundError } from '@hub/channels/channels.queries.js';
import { ContactsService } from '@hub/contacts/contacts.service.js';
import type { ContactHint } from '@hub/contacts/contacts.types.js';
import type { Author } from '@hub/events/outbox.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { ConversationView } from '@hub/model/views.js';
import { lockConversation } from './conversation-lock.js';
import { loadView } from './conversation-view.js';
import { ConversationExistsError } from './conversations.errors.js';
import { ConversationsService } from './conversations.service.js';

/** Somebody to talk to, over any channel of a type. */
export interface ReachContact {
  readonly channelType: ChannelType;
  readonly contact: ContactHint;
}

/** Rounds against others who open or close the same conversation. */
const MAX_TRIES = 4;

@Injectable()
export class OutreachService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly contacts: ContactsService,
  ) {}

  /**
   * The conversation with a person: the live one as it is, else the latest closed one, reopened, else a new one. On the
   * oldest active channel of the type, else the oldest. Of any number of callers at once all get the same one.
   * @throws ChannelNotFoundError when there is no channel of the type
   */
  async reach(author: Author, command: ReachContact): Promise<ConversationView> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.conversations.transaction(author, (tx) => this.reachIn(tx, author, command));
      } catch (error) {
        if (!(error instanceof ConversationExistsError) || attempt === MAX_TRIES) throw error;
      }
    }
  }

  private async reachIn(tx: Tx, author: Author, { channelType, contact }: ReachContact): Promise<ConversationView> {
    const { organizationId } = author;
    const channelId = await this.channelOf(tx, organizationId, channelType);
    const { id: contactId } = await this.contacts.resolveIn(tx, author, contact);
    const [found] = await tx.query<{ id: string }[]>(
      `SELECT id FROM conversation WHERE organization_id = $1 AND channel_id = $2 AND contact_id = $3
       ORDER BY status = 'closed', created_at DESC, id DESC LIMIT 1`,
      [organizationId, channelId, contactId],
    );
    if (!found) {
      const plain = { botId: null, subject: null, priority: 'normal', metadata: {}, tags: [] } as const;
      return this.conversations.openIn(tx, author, { channelId, contact: { id: contactId }, ...plain });
    }
    const conversation = await lockConversation(tx, organizationId, { conversationId: found.id });
    if (conversation.status !== 'closed') return loadView(tx, organizationId, conversation.id);
    return this.conversations.reopenIn(tx, author, conversation);
  }

  private async channelOf(tx: Tx, organizationId: string, type: ChannelType): Promise<string> {
    const [channel] = await tx.query<{ id: string }[]>(
      `SELECT id FROM channel WHERE organization_id = $1 AND type = $2 AND deleted_at IS NULL
       ORDER BY status <> 'active', created_at, id LIMIT 1`,
      [organizationId, type],
    );
    if (!channel) throw new ChannelNotFoundError();
    return channel.id;
  }
}

import { Injectable } from '@nestjs/common';
import { loadView } from '@hub/conversations/conversation-view.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { noteText, writeNote } from '@hub/conversations/notes.js';
import type { Author } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { ConversationView, OfferView } from '@hub/model/views.js';
import { Hands, type Assignee } from '@hub/assignment/routing/hands.js';

/** What a conversation is handed on with: a summary for whoever gets it, a word to the contact. */
@Injectable()
export class Handover {
  constructor(
    private readonly hands: Hands,
    private readonly messages: MessagesService,
  ) {}

  /** Hands a locked conversation on, as `transfer` says: whoever asked for it is the author of what it comes with. */
  async transferIn(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    to: Assignee,
    { by, reason, summary, notifyContact }: NonNullable<OfferView['transfer']>,
  ): Promise<ConversationView> {
    const from: Author = { organizationId: author.organizationId, principal: by };
    if (summary) await this.noteIn(tx, from, conversation, summary);
    const view = await this.hands.hand(tx, author, conversation, to, {
      kind: 'transfer',
      event: 'conversation.transferred',
      reason,
      summary,
      notifyContact,
    });
    if (!notifyContact) return view;
    await this.notifyIn(tx, from, conversation, `You are now talking to ${to.name}.`);
    return loadView(tx, author.organizationId, conversation.id);
  }

  /** A private note among the messages. */
  async noteIn(tx: Tx, author: Author, { id: conversationId, channelId }: Conversation, text: string): Promise<void> {
    await writeNote(tx, author, { conversationId, channelId, content: noteText(text) });
  }

  /** A word to the contact, in the conversation's own channel. @throws ChannelNotConnectedError */
  async notifyIn(tx: Tx, author: Author, conversation: Conversation, text: string): Promise<void> {
    await this.messages.notifyIn(tx, author, {
      conversationId: conversation.id,
      content: { type: 'text', text },
      clientMessageId: null,
      metadata: { notice: 'transfer' },
    });
  }
}

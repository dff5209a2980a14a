import { Injectable } from '@nestjs/common';
import { ConversationClosedError } from '@hub/conversations/conversations.errors.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import { MAX_TAGS } from '@hub/conversations/conversations.types.js';
import { MessagesService } from '@hub/conversations/messages.service.js';
import { noteText, writeNote } from '@hub/conversations/notes.js';
import type { Author } from '@hub/events/outbox.js';
import { PRIORITIES, type Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { ValidationError } from '@hub/platform/errors.js';
import { nextOpening } from '@hub/assignment/hours/business-hours.js';
import { Hands } from '@hub/assignment/routing/hands.js';
import { RoutingService } from '@hub/assignment/routing/routing.service.js';
import { RuleTargets } from '@hub/assignment/rules/rule-targets.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { Action } from './automation.types.js';

/** All but the calls, which are made after the commit. */
export type OwnAction = Exclude<Action, { readonly type: 'callWebhook' }>;

/** Does what a rule says to a conversation that the caller has just locked. */
@Injectable()
export class AutomationActions {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly hands: Hands,
    private readonly routing: RoutingService,
    private readonly targets: RuleTargets,
  ) {}

  /**
   * @param metadata what a message carries, so that it can be told where it comes from
   * @throws HubError when it cannot be done, whoever asks
   */
  async doIn(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    action: OwnAction,
    metadata: JsonObject,
  ): Promise<void> {
    switch (action.type) {
      case 'assign':
        assertLive(conversation);
        return this.targets.giveIn(tx, author, conversation, action.to);
      case 'unassign':
        assertLive(conversation);
        if (!conversation.assigneeId) return;
        await this.hands.hand(tx, author, conversation, null, UNASSIGN);
        return;
      case 'addTags':
      case 'removeTags':
        return this.changeTags(tx, author, conversation, action);
      case 'setPriority':
        return this.prioritize(tx, author, conversation, action.priority);
      case 'reply': {
        const { id: conversationId } = conversation;
        await this.messages.notifyIn(tx, author, {
          conversationId,
          content: { type: 'text', text: action.text },
          clientMessageId: null,
          metadata,
        });
        return;
      }
      case 'note':
        return this.note(tx, author, conversation, action.text);
      case 'snooze':
        return this.snooze(tx, author, conversation, action);
      case 'close':
        await this.conversations.closeIn(tx, author, conversation, { ...action, notes: null });
    }
  }

  private async changeTags(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    { type, tags }: Extract<OwnAction, { tags: unknown }>,
  ): Promise<void> {
    const before = conversation.tags;
    const after = type === 'addTags' ? [...new Set([...before, ...tags])] : before.filter((tag) => !tags.includes(tag));
    if (after.length === before.length) return;
    if (after.length > Math.max(MAX_TAGS, before.length)) {
      throw ValidationError.of('tags', `tags of a conversation must be no more than ${MAX_TAGS}`);
    }
    await this.conversations.change(tx, author, conversation, 'conversation.updated', { tags: after });
  }

  private async prioritize(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    priority: Conversation['priority'],
  ): Promise<void> {
    if (conversation.priority === priority) return;
    await this.conversations.change(tx, author, conversation, 'conversation.updated', { priority });
    await this.routing.reprioritizeIn(tx, conversation, PRIORITIES.indexOf(priority));
  }

  private async note(tx: Tx, author: Author, conversation: Conversation, text: string): Promise<void> {
    const { id: conversationId, channelId } = conversation;
    const note = await writeNote(tx, author, { conversationId, channelId, content: noteText(text) });
    const told = { note: { before: null, after: { id: note.id } } };
    await this.conversations.change(tx, author, conversation, 'conversation.updated', {}, told);
  }

  private async snooze(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    action: Extract<OwnAction, { type: 'snooze' }>,
  ): Promise<void> {
    assertLive(conversation);
    const now = new Date();
    const until =
      'seconds' in action ? new Date(now.getTime() + action.seconds * 1_000) : nextOpening(action.untilOpen, now);
    if (!until || until <= now) return; // it is open: there is nothing to wait for
    const fields = { status: 'snoozed' as const, snoozedUntil: until };
    await this.conversations.change(tx, author, conversation, 'conversation.snoozed', fields);
  }
}

const UNASSIGN = { kind: 'unassign', event: 'conversation.unassigned' } as const;

function assertLive({ status }: Conversation): void {
  if (status === 'closed') throw new ConversationClosedError();
}

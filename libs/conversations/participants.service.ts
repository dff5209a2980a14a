import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { Author } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { ParticipantKind } from '@hub/model/participant.entity.js';
import { NotFoundError, ValidationError } from '@hub/platform/errors.js';
import { lockConversation } from './conversation-lock.js';
import { requireBot, requireStaff } from './conversation-parties.js';
import { ConversationsService } from './conversations.service.js';
import type { ConversationCommand } from './conversations.types.js';
import { joinIn, leaveIn, loadParticipants, type ParticipantView } from './participants.js';

export interface AddParticipants extends ConversationCommand {
  readonly userId?: string;
  readonly botId?: string;
  /** Of a newcomer: observer unless set, and bot of a bot. Whoever takes part already gets it. */
  readonly role?: 'observer' | 'agent';
}

export interface RemoveParticipant extends ConversationCommand {
  readonly kind: ParticipantKind;
  readonly id: string;
}

/** Who takes part besides the contact and the assignee, who come and go with the conversation's own changes. */
@Injectable()
export class ParticipantsService {
  constructor(private readonly conversations: ConversationsService) {}

  /**
   * Makes a user, a bot or both participants. Whoever takes part already stays; nothing changed, nothing told.
   * @returns all who take part then
   * @throws ConversationNotFoundError, UserNotFoundError, BotNotFoundError; UnprocessableError ASSIGNEE_UNAVAILABLE;
   *   ValidationError naming `role` when it is not theirs to have
   */
  async add(author: Author, command: AddParticipants): Promise<readonly ParticipantView[]> {
    const { organizationId } = author;
    const { userId, botId, role } = command;
    return this.conversations.transaction(author, async (tx) => {
      const conversation = await lockConversation(tx, organizationId, command);
      if (userId) await requireStaff(tx, organizationId, [userId], 'userId');
      if (botId) await requireBot(tx, organizationId, botId);
      if (botId && role === 'agent') throw ValidationError.of('role', 'role of a bot can be observer only');
      return this.telling(tx, author, conversation, async (present) => {
        if (userId) await this.join(tx, conversation, present, { kind: 'user', id: userId }, role);
        if (botId) await this.join(tx, conversation, present, { kind: 'bot', id: botId }, role);
      });
    });
  }

  /**
   * Ends a participation.
   * @throws ConversationNotFoundError; NotFoundError when they do not take part; ValidationError naming `participantId`
   *   for the contact, the assignee and the attached bot
   */
  async remove(author: Author, command: RemoveParticipant): Promise<void> {
    const { organizationId } = author;
    const { kind, id } = command;
    await this.conversations.transaction(author, async (tx) => {
      const conversation = await lockConversation(tx, organizationId, command);
      await this.telling(tx, author, conversation, async (present) => {
        if (!present.some((one) => one.kind === kind && one.id === id)) {
          throw new NotFoundError(`${kind.toUpperCase()}_NOT_FOUND`, `The ${kind} does not take part`);
        }
        const held = whyHeld(conversation, kind, id);
        if (held) throw ValidationError.of('participantId', held);
        await leaveIn(tx, organizationId, { conversationId: conversation.id, kind, refId: id });
      });
    });
  }

  private async join(
    tx: Tx,
    conversation: Conversation,
    present: readonly ParticipantView[],
    { kind, id }: { readonly kind: 'user' | 'bot'; readonly id: string },
    role: AddParticipants['role'],
  ): Promise<void> {
    const { organizationId, id: conversationId } = conversation;
    const known = present.find((one) => one.kind === kind && one.id === id);
    if (!known) {
      const given = role ?? (kind === 'bot' ? 'bot' : 'observer');
      await joinIn(tx, organizationId, { conversationId, kind, refId: id, role: given });
      return;
    }
    if (!role || role === known.role) return;
    if (whyHeld(conversation, kind, id)) {
      throw ValidationError.of('role', 'role of the assignee and of the attached bot cannot be changed');
    }
    await tx.query(
      `UPDATE participant SET role = $5
       WHERE organization_id = $1 AND conversation_id = $2 AND kind = $3 AND ref_id = $4`,
      [organizationId, conversationId, kind, id, role],
    );
  }

  private async telling(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    work: (present: readonly ParticipantView[]) => Promise<void>,
  ): Promise<readonly ParticipantView[]> {
    const { organizationId, id } = conversation;
    const load = async () => (await loadParticipants(tx, organizationId, [id])).get(id) ?? [];
    const before = await load();
    await work(before);
    const after = await load();
    const participants = { before: before.map(brief), after: after.map(brief) };
    if (!isDeepStrictEqual(participants.before, participants.after)) {
      await this.conversations.change(tx, author, conversation, 'conversation.updated', {}, { participants });
    }
    return after;
  }
}

const brief = ({ id, kind, name, role }: ParticipantView) => ({ id, type: kind, name, role });

/** Why somebody cannot simply leave, or null. */
function whyHeld(conversation: Conversation, kind: ParticipantKind, id: string): string | null {
  if (kind === 'contact') return 'the contact of a conversation cannot be removed';
  if (conversation.assigneeType === kind && conversation.assigneeId === id) {
    return 'the assignee cannot be removed: unassign or transfer the conversation first';
  }
  return kind === 'bot' && conversation.botId === id ? 'the attached bot cannot be removed' : null;
}

import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { ContactsService } from '@hub/contacts/contacts.service.js';
import type { EventType } from '@hub/events/catalog.js';
import { Outbox, type Author, type Changes } from '@hub/events/outbox.js';
import { Conversation, type ConversationStatus } from '@hub/model/conversation.entity.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { updateRow } from '@hub/model/rows.js';
import type { ConversationView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { mergeJson } from '@hub/platform/json.js';
import { lockConversation } from './conversation-lock.js';
import {
  requireBot,
  requireChannel,
  requireContact,
  requireParties,
  requireTicket,
  requireUsers,
} from './conversation-parties.js';
import { transitionEvent } from './conversation-status.js';
import { loadView } from './conversation-view.js';
import { ConversationClosedError, ConversationExistsError } from './conversations.errors.js';
import {
  MAX_TAGS,
  type ChangeTags,
  type CloseConversation,
  type ConversationCommand,
  type OpenConversation,
  type UpdateConversation,
} from './conversations.types.js';
import { noteText, writeNote } from './notes.js';
import { joinIn } from './participants.js';

type ConversationEvent = Extract<EventType, `conversation.${string}`>;

@Injectable()
export class ConversationsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly contacts: ContactsService,
  ) {}

  /**
   * Opens a conversation in the caller's transaction. The channel must exist; it need not be active.
   * @throws ChannelNotFoundError, ContactNotFoundError, BotNotFoundError, TicketNotFoundError, UserNotFoundError;
   * ValidationError naming `contactId` where there is none and the channel is not internal; ConversationExistsError when
   * the contact has a live conversation on a channel that allows one only – of any number of callers at once exactly one
   * gets through
   */
  async openIn(tx: Tx, author: Author, command: OpenConversation): Promise<ConversationView> {
    const { organizationId } = author;
    const channel = await requireChannel(tx, organizationId, command.channelId);
    if (!command.contact && channel.type !== 'internal') {
      throw ValidationError.of('contactId', 'contactId or contact is required');
    }
    if (command.ticketId) await requireTicket(tx, organizationId, command.ticketId);
    const userIds = unique(command.userIds ?? []);
    const users = await requireUsers(tx, organizationId, userIds, 'userIds', command.anyRole ? 'any' : 'staff');
    const botId = command.botId ?? channel.defaultBotId;
    if (command.botId) await requireBot(tx, organizationId, command.botId);
    const contactId = await this.contactIn(tx, author, command);
    const id = newId();
    const [opened] = await tx.query<{ id: string }[]>(
      `INSERT INTO conversation (organization_id, id, channel_id, contact_id, status, priority, subject, bot_id, tags,
         metadata, single, ticket_id, entity_type, entity_id)
       VALUES ($1, $2, $3, $4, 'open', $5, $6, $7, $8, $9, $10, $11, $12, $13)
       ON CONFLICT (organization_id, channel_id, contact_id) WHERE single AND status <> 'closed' DO NOTHING RETURNING id`,
      [
        organizationId,
        id,
        command.channelId,
        contactId,
        command.priority,
        command.subject,
        botId,
        unique(command.tags),
        mergeJson({}, command.metadata),
        channel.single,
        command.ticketId ?? null,
        command.entity?.type ?? null,
        command.entity?.id ?? null,
      ],
    );
    if (!opened) throw await this.exists(tx, organizationId, command.channelId, contactId);
    if (contactId) {
      await joinIn(tx, organizationId, { conversationId: id, kind: 'contact', refId: contactId, role: 'customer' });
    }
    for (const { id: refId, role } of users.values()) {
      const part = role === 'customer' ? 'customer' : 'agent';
      await joinIn(tx, organizationId, { conversationId: id, kind: 'user', refId, role: part });
    }
    if (botId) await joinIn(tx, organizationId, { conversationId: id, kind: 'bot', refId: botId, role: 'bot' });
    return this.tellIn(tx, author, id, 'conversation.created');
  }

  /** The known contact of a command, or the person it describes, found or made. @throws ContactNotFoundError */
  async contactIn(tx: Tx, author: Author, { contact }: Pick<OpenConversation, 'contact'>): Promise<string | null> {
    if (!contact) return null;
    if (!('id' in contact)) return (await this.contacts.resolveIn(tx, author, contact)).id;
    await requireContact(tx, author.organizationId, contact.id);
    return contact.id;
  }

  /**
   * Changes what may be edited. Nothing changed, nothing told. A change of status alone is told as what it is
   * (`conversation.closed`, …); together with other fields there is a `conversation.updated` before it.
   * @throws ConversationNotFoundError, VersionMismatchError, ConversationClosedError, ConversationExistsError,
   * TicketNotFoundError
   */
  async update(author: Author, command: UpdateConversation): Promise<ConversationView> {
    if (command.archived && (command.snoozedUntil || (command.status ?? 'closed') !== 'closed')) {
      throw ValidationError.of('archived', 'archived goes with the status closed only');
    }
    return this.transaction(author, async (tx) => {
      const conversation = await lockConversation(tx, author.organizationId, command);
      await this.edit(tx, author, conversation, command);
      const status = command.status ?? (command.snoozedUntil ? 'snoozed' : undefined);
      if (status) await this.moveTo(tx, author, conversation, status, command.snoozedUntil);
      if (command.archived !== undefined) await this.archive(tx, author, conversation, command.archived);
      return loadView(tx, author.organizationId, conversation.id);
    });
  }

  /** Adds tags and takes tags away. @throws ValidationError naming `tags` when there would be too many */
  async changeTags(author: Author, { add = [], remove = [], ...command }: ChangeTags): Promise<ConversationView> {
    return this.transaction(author, async (tx) => {
      const conversation = await lockConversation(tx, author.organizationId, command);
      const tags = unique([...conversation.tags, ...add]).filter((tag) => !remove.includes(tag));
      if (tags.length > Math.max(MAX_TAGS, conversation.tags.length)) {
        throw ValidationError.of('tags', `tags of a conversation must be no more than ${MAX_TAGS}`);
      }
      await this.edit(tx, author, conversation, { ...command, tags });
      return loadView(tx, author.organizationId, conversation.id);
    });
  }

  /** Closing what is closed changes and tells nothing. */
  async close(author: Author, command: CloseConversation): Promise<ConversationView> {
    return this.transaction(author, async (tx) => {
      const conversation = await lockConversation(tx, author.organizationId, command);
      return this.closeIn(tx, author, conversation, command);
    });
  }

  /** As {@link close}, on a conversation that the caller has locked. */
  async closeIn(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    { reason, resolution, notes }: Omit<CloseConversation, keyof ConversationCommand>,
  ): Promise<ConversationView> {
    const { organizationId, principal } = author;
    if (conversation.status === 'closed') return loadView(tx, organizationId, conversation.id);
    if (notes) {
      const { id: conversationId, channelId } = conversation;
      await writeNote(tx, author, { conversationId, channelId, content: noteText(notes) });
    }
    return this.change(tx, author, conversation, 'conversation.closed', {
      status: 'closed',
      closedAt: new Date(),
      closedBy: principal,
      resolution,
      closureReason: reason,
      snoozedUntil: null,
    });
  }

  /** Reopening what is open or pending changes and tells nothing. @throws ConversationExistsError */
  async reopen(author: Author, command: ConversationCommand): Promise<ConversationView> {
    return this.transaction(author, async (tx) => {
      const conversation = await lockConversation(tx, author.organizationId, command);
      return this.reopenIn(tx, author, conversation);
    });
  }

  /** As {@link reopen}, on a conversation that the caller has locked. */
  async reopenIn(tx: Tx, author: Author, conversation: Conversation): Promise<ConversationView> {
    if (conversation.status === 'open' || conversation.status === 'pending') {
      return loadView(tx, author.organizationId, conversation.id);
    }
    await requireParties(tx, conversation);
    return this.change(tx, author, conversation, 'conversation.reopened', {
      status: 'open',
      snoozedUntil: null,
      closedAt: null,
      closedBy: null,
      resolution: null,
      closureReason: null,
      archivedAt: null,
      reopenedAt: new Date(),
      reopenedBy: author.principal,
    });
  }

  /** Wakes every conversation whose snooze is over, of all tenants, at most `limit`. @returns how many */
  async wakeDue(limit: number): Promise<number> {
    const due = await this.db.system('snooze', (tx) =>
      tx.query<{ organizationId: string; id: string }[]>(
        `SELECT organization_id AS "organizationId", id FROM snoozes_due($1)`,
        [limit],
      ),
    );
    for (const { organizationId, id } of due) {
      const author: Author = { organizationId, principal: { type: 'system', id: null, name: 'Switchboard' } };
      await this.transaction(author, async (tx) => {
        const conversation = await lockConversation(tx, organizationId, { conversationId: id });
        const over = conversation.snoozedUntil && conversation.snoozedUntil.getTime() <= Date.now();
        if (conversation.status === 'snoozed' && over) await this.reopenIn(tx, author, conversation);
      });
    }
    return due.length;
  }

  /**
   * Writes a change to a locked conversation and tells it, with each changed field before and after.
   * Raises the version; a caller's own transaction may hold several changes.
   */
  async change(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    type: ConversationEvent,
    fields: Partial<Conversation>,
    told: Partial<Changes> = {},
  ): Promise<ConversationView> {
    const changes: Record<string, { before: unknown; after: unknown }> = {};
    for (const [field, after] of Object.entries(fields)) {
      const before = conversation[field as keyof Conversation];
      if (VISIBLE.has(field) && JSON.stringify(before) !== JSON.stringify(after)) changes[field] = { before, after };
    }
    const version = conversation.version + 1;
    await updateRow(tx, Conversation, conversation, { ...fields, version });
    Object.assign(conversation, fields, { version });
    return this.tellIn(tx, author, conversation.id, type, { ...changes, ...told } as Changes);
  }

  /** Tells what has been done to a conversation, as it stands now. */
  async tellIn(
    tx: Tx,
    author: Author,
    id: string,
    type: ConversationEvent,
    changes?: Changes,
  ): Promise<ConversationView> {
    const subject = await loadView(tx, author.organizationId, id);
    const told = changes && Object.keys(changes).length > 0 ? { changes } : {};
    await this.outbox.append(tx, { type, author, conversationId: id, channelId: subject.channel.id, subject, ...told });
    return subject;
  }

  /** A transaction whose clash with another live conversation is told as such. */
  async transaction<T>(author: Author, work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.db.transaction(author.organizationId, work);
    } catch (error) {
      if (violatedUnique(error) === 'conversation_live') throw new ConversationExistsError();
      throw error;
    }
  }

  private async edit(tx: Tx, author: Author, conversation: Conversation, command: UpdateConversation): Promise<void> {
    const { entity, ticketId } = command;
    if (ticketId && ticketId !== conversation.ticketId) await requireTicket(tx, author.organizationId, ticketId);
    const wanted: Partial<Conversation> = {
      ...(command.subject !== undefined && { subject: command.subject }),
      ...(command.priority && { priority: command.priority }),
      ...(command.tags && { tags: unique(command.tags) }),
      ...(command.metadata && { metadata: mergeJson(conversation.metadata, command.metadata) }),
      ...(ticketId !== undefined && { ticketId }),
      ...(entity !== undefined && { entityType: entity?.type ?? null, entityId: entity?.id ?? null }),
    };
    const fields: Partial<Conversation> = Object.fromEntries(
      Object.entries(wanted).filter(
        ([field, value]) => !isDeepStrictEqual(conversation[field as keyof Conversation], value),
      ),
    );
    if (Object.keys(fields).length === 0) return;
    const moved = 'entityType' in fields || 'entityId' in fields;
    const told = moved && { entity: { before: entityOf(conversation), after: entity } };
    await this.change(tx, author, conversation, 'conversation.updated', fields, told || {});
  }

  private async moveTo(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    status: ConversationStatus,
    snoozedUntil: Date | undefined,
  ): Promise<void> {
    if (status === 'snoozed' && !(snoozedUntil && snoozedUntil.getTime() > Date.now())) {
      throw ValidationError.of('snoozedUntil', 'snoozedUntil must be a time in the future');
    }
    if (status !== 'snoozed' && snoozedUntil) {
      throw ValidationError.of('snoozedUntil', 'snoozedUntil goes with the status snoozed only');
    }
    if (status === 'closed') {
      await this.closeIn(tx, author, conversation, { reason: null, resolution: null, notes: null });
      return;
    }
    const isSame =
      status === conversation.status && (status !== 'snoozed' || sameTime(conversation.snoozedUntil, snoozedUntil));
    if (isSame) return;
    const event =
      status === conversation.status ? 'conversation.snoozed' : transitionEvent(conversation.status, status);
    if (!event) throw new ConversationClosedError();
    if (event === 'conversation.reopened') {
      await this.reopenIn(tx, author, conversation);
      return;
    }
    await this.change(tx, author, conversation, event, { status, snoozedUntil: snoozedUntil ?? null });
  }

  private async archive(tx: Tx, author: Author, conversation: Conversation, archived: boolean): Promise<void> {
    if (archived === (conversation.archivedAt !== null)) return;
    if (archived) await this.closeIn(tx, author, conversation, { reason: null, resolution: null, notes: null });
    const archivedAt = archived ? new Date() : null;
    await this.change(tx, author, conversation, 'conversation.updated', { archivedAt });
  }

  private async exists(tx: Tx, organizationId: string, channelId: string, contactId: string | null): Promise<Error> {
    const [live] = await tx.query<{ id: string }[]>(
      `SELECT id FROM conversation WHERE organization_id = $1 AND channel_id = $2 AND contact_id = $3
       AND status <> 'closed' LIMIT 1`,
      [organizationId, channelId, contactId],
    );
    return new ConversationExistsError(live?.id); // closed since, where there is none
  }
}

/** Fields whose change subscribers are shown; the rest is bookkeeping. */
const VISIBLE = new Set([
  'status',
  'subject',
  'priority',
  'tags',
  'metadata',
  'snoozedUntil',
  'unreadCount',
  'resolution',
  'closureReason',
  'archivedAt',
  'ticketId',
]);

const entityOf = ({ entityType: type, entityId: id }: Conversation): object | null => (type ? { type, id } : null);

const sameTime = (one: Date | null, other: Date | undefined): boolean => one?.getTime() === other?.getTime();
const unique = (tags: readonly string[]): string[] => [...new Set(tags)];

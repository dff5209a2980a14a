import { Injectable } from '@nestjs/common';
import { ContactNotFoundError } from '@hub/contacts/contacts.queries.js';
import { ContactsService } from '@hub/contacts/contacts.service.js';
import type { ContactHint } from '@hub/contacts/contacts.types.js';
import { toE164 } from '@hub/contacts/phone.js';
import type { Author } from '@hub/events/outbox.js';
import { canonicalEmail } from '@hub/identity/email.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import type { MessageView } from '@hub/model/views.js';
import { findContinuable, freshConversation, PERSON_RACES, useChannel, type ChannelInUse } from './channel-target.js';
import { ChannelNotConnectedError, ConversationExistsError, InvalidRecipientError } from './conversations.errors.js';
import { ConversationsService } from './conversations.service.js';
import { assertCarries } from './message-target.js';
import { MESSAGE_SELECT } from './message-view.js';
import { MessagesService } from './messages.service.js';
import type { AddressedTo, SendMessage } from './messages.types.js';

/** Rounds against other writers to the same person; one is enough unless they race. */
const MAX_TRIES = 4;

/** The addresses by which each type of channel reaches somebody; the contact's own identity on the channel always does. */
const REACHED_BY: Record<ChannelType, readonly (keyof AddressedTo)[]> = {
  whatsapp: ['phone'],
  sms: ['phone'],
  email: ['email'],
  facebook: ['externalId'],
  instagram: ['externalId'],
  telegram: ['externalId'],
  webchat: ['externalId', 'email'],
  api: ['externalId', 'phone', 'email'],
  internal: ['externalId', 'phone', 'email'],
};

/** Messages to somebody, whether they have written before or not. */
@Injectable()
export class OutboundService {
  constructor(
    private readonly db: Database,
    private readonly contacts: ContactsService,
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
  ) {}

  /**
   * Finds or makes the contact; continues their live conversation, reopens the last one within the channel's window, or
   * opens a new one; sends, or sets aside as {@link MessagesService.reply} does. All in one transaction. The same
   * `clientMessageId` in the same conversation again gives the first message back.
   * @throws ChannelNotFoundError, UnsupportedContentTypeError, ChannelNotConnectedError, InvalidRecipientError,
   *   ContactNotFoundError, and what `reply` throws
   */
  async send(author: Author, command: SendMessage): Promise<MessageView> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.db.transaction(author.organizationId, (tx) => this.sendIn(tx, author, command));
      } catch (error) {
        const raced = PERSON_RACES.has(violatedUnique(error) ?? '') || error instanceof ConversationExistsError;
        if (!raced || attempt === MAX_TRIES) throw error;
      }
    }
  }

  private async sendIn(tx: Tx, author: Author, { channelId, to, ...post }: SendMessage): Promise<MessageView> {
    const { organizationId } = author;
    const channel = await useChannel(tx, organizationId, channelId, 'channelId');
    assertCarries(channel.type, post.content.type);
    if (!post.draft && !post.scheduledAt && !channel.active) throw new ChannelNotConnectedError();
    const contactId =
      'contactId' in to
        ? await this.requireReachable(tx, organizationId, channel, to.contactId)
        : (await this.contacts.resolveIn(tx, author, hintOf(channel, to))).id;
    const conversation = await findContinuable(tx, organizationId, channel, contactId);
    if (conversation && post.clientMessageId) {
      const [known] = await tx.query<MessageView[]>(
        `${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.client_message_id = $3`,
        [organizationId, conversation.id, post.clientMessageId],
      );
      if (known) return known;
    }
    if (conversation?.status === 'closed') await this.conversations.reopenIn(tx, author, conversation);
    const { id: conversationId } =
      conversation ?? (await this.conversations.openIn(tx, author, freshConversation(channelId, contactId)));
    return this.messages.postIn(tx, author, { ...post, conversationId });
  }

  /** @throws ContactNotFoundError; InvalidRecipientError when the contact has no address for this channel */
  private async requireReachable(
    tx: Tx,
    organizationId: string,
    channel: ChannelInUse,
    contactId: string,
  ): Promise<string> {
    const [contact] = await tx.query<{ phone: boolean; email: boolean; externalId: boolean }[]>(
      `SELECT phone IS NOT NULL AS phone, email IS NOT NULL AS email, EXISTS (SELECT 1 FROM contact_identity i
         WHERE i.organization_id = $1 AND i.contact_id = $2 AND i.channel_id = $3) AS "externalId"
       FROM contact WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR SHARE`,
      [organizationId, contactId, channel.id],
    );
    if (!contact) throw new ContactNotFoundError('to.contactId');
    const ways = REACHED_BY[channel.type];
    const isKnown = contact.externalId || ways.some((way) => way !== 'name' && contact[way]);
    const needsNone = channel.type === 'api' || channel.type === 'internal';
    if (!isKnown && !needsNone) {
      throw new InvalidRecipientError(
        'to.contactId',
        `has no ${ways.join(' or ')} to reach on a ${channel.type} channel`,
      );
    }
    return contactId;
  }
}

/** The person as the channel can reach them. @throws InvalidRecipientError naming `to.…` */
function hintOf(channel: ChannelInUse, to: AddressedTo): ContactHint {
  const ways = REACHED_BY[channel.type];
  if (!ways.some((way) => to[way] !== undefined)) {
    throw new InvalidRecipientError(
      `to.${ways[0] ?? 'contactId'}`,
      `is needed: a ${channel.type} channel reaches people by ${ways.join(', ')} or contactId`,
    );
  }
  const phone = to.phone === undefined ? null : toE164(to.phone);
  if (to.phone !== undefined && !phone) {
    throw new InvalidRecipientError('to.phone', 'must be a phone number in E.164, such as +5511999999999');
  }
  if (to.email !== undefined && !canonicalEmail(to.email)) {
    throw new InvalidRecipientError('to.email', 'must be an email address');
  }
  const { externalId } = to;
  return {
    name: to.name ?? null,
    email: to.email ?? null,
    phone,
    identity: externalId ? { channelId: channel.id, channelType: channel.type, identifier: externalId } : null,
  };
}

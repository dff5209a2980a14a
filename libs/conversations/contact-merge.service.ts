import { Injectable } from '@nestjs/common';
import { ContactMerging, type MergingContacts } from '@hub/contacts/contact-merging.js';
import type { Author } from '@hub/events/outbox.js';
import { Conversation } from '@hub/model/conversation.entity.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import type { ContactView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { In, Not } from 'typeorm';
import { ConversationsService } from './conversations.service.js';

export interface MergeContacts {
  readonly primaryId: string;
  readonly secondaryIds: readonly string[];
}

/** Rounds against somebody who reopens one of the conversations meanwhile. */
const MAX_TRIES = 4;

/** Two records of one person become one, with everything that hangs on them. */
@Injectable()
export class ContactMergeService {
  constructor(
    private readonly db: Database,
    private readonly merging: ContactMerging,
    private readonly conversations: ConversationsService,
  ) {}

  /**
   * Makes the secondaries part of the primary, in one transaction: identities, tickets, participations and conversations
   * become its own. Of several live conversations on a channel that allows one the most recently active goes on; the
   * others are closed for the reason `merged`. Whoever writes as a secondary from then on is the primary.
   *
   * Locks contacts, then tickets, then conversations, each in the order of their ids.
   * @throws ContactNotFoundError naming the field; ValidationError when a contact is to be merged with itself
   */
  async merge(author: Author, command: MergeContacts): Promise<ContactView> {
    const secondaryIds = [...new Set(command.secondaryIds)];
    if (secondaryIds.includes(command.primaryId)) {
      throw ValidationError.of('secondaryContactIds', 'a contact cannot be merged with itself');
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.db.transaction(author.organizationId, (tx) =>
          this.mergeIn(tx, author, { ...command, secondaryIds }),
        );
      } catch (error) {
        if (violatedUnique(error) !== 'conversation_live' || attempt === MAX_TRIES) throw error;
      }
    }
  }

  private async mergeIn(tx: Tx, author: Author, { primaryId, secondaryIds }: MergeContacts): Promise<ContactView> {
    const { organizationId } = author;
    const contacts = await this.merging.lockIn(tx, organizationId, primaryId, secondaryIds);
    const before = await this.merging.absorbIn(tx, contacts);
    await tx.query(
      `UPDATE ticket SET contact_id = $2, updated_at = clock_timestamp()
       WHERE organization_id = $1 AND id IN (SELECT id FROM ticket
         WHERE organization_id = $1 AND contact_id = ANY ($3::uuid[]) ORDER BY id FOR UPDATE)`,
      [organizationId, primaryId, secondaryIds],
    );
    await this.moveConversations(tx, author, contacts);
    return this.merging.tellIn(tx, author, before, secondaryIds);
  }

  private async moveConversations(tx: Tx, author: Author, { primary, secondaries }: MergingContacts): Promise<void> {
    const { organizationId } = author;
    const former = new Map(secondaries.map((contact) => [contact.id, contact]));
    const ids = [...former.keys()];
    const found = await tx.find(Conversation, {
      where: [
        { organizationId, contactId: In(ids) },
        { organizationId, contactId: primary.id, single: true, status: Not('closed' as const) },
      ],
      order: { id: 'asc' },
      lock: { mode: 'pessimistic_write' },
    });
    await this.moveParticipations(tx, organizationId, primary.id, ids);
    for (const conversation of inTheWay(found)) {
      const why = { reason: 'merged', resolution: null, notes: null };
      await this.conversations.closeIn(tx, author, conversation, why);
    }
    const after = { id: primary.id, name: primary.name ?? secondaries.find(({ name }) => name)?.name ?? null };
    for (const conversation of found) {
      const was = former.get(conversation.contactId ?? '');
      if (!was) continue;
      const contact = { before: { id: was.id, name: was.name }, after };
      const moved = { contactId: primary.id };
      await this.conversations.change(tx, author, conversation, 'conversation.updated', moved, { contact });
    }
  }

  /** Where both take part the primary's own participation stays. */
  private async moveParticipations(
    tx: Tx,
    organizationId: string,
    primaryId: string,
    secondaryIds: readonly string[],
  ): Promise<void> {
    await tx.query(
      `WITH places AS (
         SELECT id FROM conversation WHERE organization_id = $1 AND contact_id = ANY ($3::uuid[])
         UNION
         SELECT conversation_id FROM participant
         WHERE organization_id = $1 AND kind = 'contact' AND ref_id = ANY ($3::uuid[]) AND left_at IS NULL
       ), gone AS (
         DELETE FROM participant p USING places
         WHERE p.organization_id = $1 AND p.conversation_id = places.id AND p.kind = 'contact'
           AND p.ref_id = ANY ($3::uuid[])
         RETURNING p.conversation_id, p.role, p.joined_at, p.left_at
       )
       INSERT INTO participant (organization_id, conversation_id, kind, ref_id, role, joined_at, left_at)
       SELECT DISTINCT ON (conversation_id) $1::uuid, conversation_id, 'contact', $2::uuid, role, joined_at, left_at
       FROM gone ORDER BY conversation_id, left_at DESC NULLS FIRST
       ON CONFLICT (organization_id, conversation_id, kind, ref_id) DO UPDATE SET left_at = NULL
         WHERE participant.left_at IS NOT NULL AND excluded.left_at IS NULL`,
      [organizationId, primaryId, secondaryIds],
    );
  }
}

/** Of each channel's live conversations that must be the only one: all but the most recently active. */
function inTheWay(conversations: readonly Conversation[]): Conversation[] {
  const staying = new Map<string, Conversation>();
  const live = conversations.filter(({ single, status }) => single && status !== 'closed');
  const activity = ({ lastMessageAt, createdAt }: Conversation): number => (lastMessageAt ?? createdAt).getTime();
  for (const one of live) {
    const best = staying.get(one.channelId);
    if (!best || activity(one) >= activity(best)) staying.set(one.channelId, one);
  }
  return live.filter((one) => staying.get(one.channelId) !== one);
}

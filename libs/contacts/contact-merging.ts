import { Injectable } from '@nestjs/common';
import { Outbox, type Author, type Changes } from '@hub/events/outbox.js';
import { Contact, ContactIdentity } from '@hub/model/contact.entity.js';
import type { Tx } from '@hub/model/database.js';
import { updateRow } from '@hub/model/rows.js';
import type { ContactView } from '@hub/model/views.js';
import { changesOf } from '@hub/events/audit.js';
import { mergeJson } from '@hub/platform/json.js';
import { In } from 'typeorm';
import { ContactNotFoundError, ContactsQueries } from './contacts.queries.js';

/** What one contact is filled with, in this order, where it has nothing of its own. */
const FILLED = ['name', 'email', 'phone', 'avatar', 'externalId'] as const;
const TOLD = [...FILLED, 'metadata', 'tags', 'lastSeenAt', 'identifiers'] as const;

export interface MergingContacts {
  readonly primary: Contact;
  /** As the caller has named them. */
  readonly secondaries: readonly Contact[];
}

/** A merge's share in the contacts themselves; their conversations are moved by the floor above. */
@Injectable()
export class ContactMerging {
  constructor(
    private readonly outbox: Outbox,
    private readonly queries: ContactsQueries,
  ) {}

  /**
   * Locks all of them in the order of their ids: nobody writes as one of them, opens a conversation for one or merges
   * one until the transaction ends. Whoever hangs something on a contact locks it FOR SHARE or stronger first.
   * @throws ContactNotFoundError naming the field: unknown, deleted, or part of another contact already
   */
  async lockIn(tx: Tx, organizationId: string, primaryId: string, secondaryIds: readonly string[]) {
    const found = await tx.find(Contact, {
      where: { organizationId, id: In([primaryId, ...secondaryIds]) },
      order: { id: 'asc' },
      lock: { mode: 'for_no_key_update' }, // not FOR UPDATE: every change of a conversation checks its foreign key
    });
    const live = new Map(found.filter(({ deletedAt }) => deletedAt === null).map((contact) => [contact.id, contact]));
    const require = (id: string, field: string): Contact => {
      const contact = live.get(id);
      if (!contact) throw new ContactNotFoundError(field);
      return contact;
    };
    const primary = require(primaryId, 'primaryContactId');
    const secondaries = secondaryIds.map((id, i) => require(id, `secondaryContactIds.${i}`));
    return { primary, secondaries } satisfies MergingContacts;
  }

  /**
   * Makes the secondaries part of the primary: their identities become its own, what it lacks is filled from them, tags
   * are united, its own metadata wins. They keep their numbers and addresses, under which they now are the primary.
   * @returns the primary as it was before
   */
  async absorbIn(tx: Tx, { primary, secondaries }: MergingContacts): Promise<ContactView> {
    const { organizationId, id } = primary;
    const before = await this.queries.getContact(organizationId, id, tx);
    const ids = secondaries.map((secondary) => secondary.id);
    await tx.query(
      `UPDATE contact SET merged_into = $2, updated_at = clock_timestamp(),
         deleted_at = coalesce(deleted_at, clock_timestamp())
       WHERE organization_id = $1 AND (id = ANY ($3::uuid[]) OR merged_into = ANY ($3::uuid[]))`,
      [organizationId, id, ids],
    );
    await tx.update(ContactIdentity, { organizationId, contactId: In(ids) }, { contactId: id });
    await updateRow(tx, Contact, primary, united(primary, secondaries));
    return before;
  }

  /** Tells the merge, with the primary as it stands at its end. */
  async tellIn(tx: Tx, author: Author, before: ContactView, secondaryIds: readonly string[]): Promise<ContactView> {
    const after = await this.queries.getContact(author.organizationId, before.id, tx);
    const changes: Changes = {
      mergedContacts: { before: [], after: secondaryIds },
      ...(changesOf(before, after, [...TOLD]) as Changes),
    };
    const told = { type: 'contact.merged', conversationId: null, channelId: null } as const;
    await this.outbox.append(tx, { ...told, author, subject: after, changes });
    return after;
  }
}

/** The primary's values where it has any, else the first secondary's that has. */
function united(primary: Contact, secondaries: readonly Contact[]): Partial<Contact> {
  const all = [primary, ...secondaries];
  const first = <F extends (typeof FILLED)[number]>(field: F): Contact[F] =>
    all.find((contact) => contact[field] !== null && contact[field] !== '')?.[field] ?? null;
  const seen = all.map(({ lastSeenAt }) => lastSeenAt?.getTime() ?? 0);
  return {
    ...Object.fromEntries(FILLED.map((field) => [field, first(field)])),
    tags: [...new Set(all.flatMap(({ tags }) => tags))],
    metadata: all.map(({ metadata }) => metadata).reduceRight((filled, own) => mergeJson(filled, own), {}),
    lastSeenAt: Math.max(...seen) > 0 ? new Date(Math.max(...seen)) : null,
  };
}

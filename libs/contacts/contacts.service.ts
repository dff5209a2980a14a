import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { appendAudit } from '@hub/events/audit.js';
import { Outbox, type Author } from '@hub/events/outbox.js';
import { Contact, ContactIdentity } from '@hub/model/contact.entity.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import type { ContactView } from '@hub/model/views.js';
import { HubError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { mergeJson } from '@hub/platform/json.js';
import { ContactNotFoundError, ContactsQueries } from './contacts.queries.js';
import type { ContactHint, CreateContact, UpdateContact } from './contacts.types.js';
import {
  addressTaken,
  findKnown,
  lockAddresses,
  requireFree,
  UNIQUE_FIELDS,
  type KnownContact,
} from './known-contacts.js';

@Injectable()
export class ContactsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly queries: ContactsQueries,
  ) {}

  /** @throws HubError RESOURCE_ALREADY_EXISTS naming which of email, phone and externalId is whose */
  async create(author: Author, command: CreateContact): Promise<ContactView> {
    return this.wording(() =>
      this.db.transaction(author.organizationId, async (tx) => {
        await lockAddresses(tx, author.organizationId, command);
        await requireFree(tx, author.organizationId, command);
        return this.insert(tx, author, {
          ...command,
          metadata: mergeJson({}, command.metadata),
          tags: [...command.tags],
        });
      }),
    );
  }

  async update(author: Author, command: UpdateContact): Promise<ContactView> {
    const { organizationId } = author;
    return this.wording(() =>
      this.db.transaction(organizationId, async (tx) => {
        await lockAddresses(tx, organizationId, command);
        await this.lock(tx, organizationId, command.id);
        await requireFree(tx, organizationId, command, command.id);
        const before = await this.queries.getContact(organizationId, command.id, tx);
        const { id, metadata, tags, ...rest } = command;
        const wanted: Partial<Contact> = {
          ...rest,
          ...(tags && { tags: [...tags] }),
          ...(metadata && { metadata: mergeJson(before.metadata, metadata) }),
        };
        const changed = Object.entries(wanted).filter(
          ([field, value]) => value !== undefined && !isDeepStrictEqual(before[field as keyof ContactView], value),
        );
        if (changed.length === 0) return before;
        await updateRow(tx, Contact, { organizationId, id }, Object.fromEntries(changed));
        const after = await this.queries.getContact(organizationId, id, tx);
        await this.outbox.append(tx, {
          ...this.event(author, 'contact.updated', after),
          changes: Object.fromEntries(
            changed.map(([field]) => {
              const key = field as keyof ContactView;
              return [field, { before: before[key], after: after[key] }];
            }),
          ),
        });
        return after;
      }),
    );
  }

  /**
   * Forgets a person, and what has been merged into them: name, addresses, identities and metadata are erased, closed
   * conversations stay without them.
   * @throws HubError ACTIVE_CONVERSATIONS_EXIST while a conversation of theirs is not closed
   */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      await this.lock(tx, organizationId, id);
      const [busy] = await tx.query<unknown[]>(
        `SELECT 1 FROM conversation WHERE organization_id = $1 AND contact_id = $2 AND status <> 'closed' LIMIT 1`,
        [organizationId, id],
      );
      if (busy) {
        throw new HubError(
          'validation',
          'ACTIVE_CONVERSATIONS_EXIST',
          'The contact has conversations that are not closed: close them first',
        );
      }
      await tx.delete(ContactIdentity, { organizationId, contactId: id });
      const erased = { name: null, email: null, phone: null, avatar: null, externalId: null, metadata: {}, tags: [] };
      await updateRow(tx, Contact, { organizationId, id }, { ...erased, deletedAt: new Date() });
      await tx.update(Contact, { organizationId, mergedInto: id }, { ...erased, mergedInto: null });
      await appendAudit(tx, { author, action: 'contact.deleted', subjectId: id });
    });
  }

  /** From the commit on no token that the contact has been given is worth anything; new ones can be made. */
  async revokeTokens(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      const [, count] = await tx.query<[unknown[], number]>(
        `UPDATE contact SET token_epoch = token_epoch + 1
         WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`,
        [organizationId, id],
      );
      if (count === 0) throw new ContactNotFoundError();
      await appendAudit(tx, { author, action: 'contact.tokens_revoked', subjectId: id });
    });
  }

  /**
   * The contact that `hint` means, made if nobody is known by its identity, phone or email. Names and addresses that
   * are still unknown are filled in, known ones are kept. Any number of callers at once get one and the same.
   */
  async resolveIn(tx: Tx, author: Author, hint: ContactHint): Promise<{ id: string; created: boolean }> {
    const { organizationId } = author;
    await lockAddresses(tx, organizationId, hint);
    const known = await findKnown(tx, organizationId, hint);
    const id = known?.id ?? (await this.insert(tx, author, fromHint(hint))).id;
    if (known) await this.complete(tx, author, known, hint);
    if (hint.identity && !known?.identified) {
      await insertRow(tx, ContactIdentity, {
        ...hint.identity,
        organizationId,
        id: newId(),
        contactId: id,
        displayName: hint.name,
      });
    }
    return { id, created: !known };
  }

  /** Fills in what was unknown, unless the address is another contact's already. */
  private async complete(tx: Tx, author: Author, known: KnownContact, hint: ContactHint): Promise<void> {
    const { organizationId } = author;
    const [set] = await tx.query<{ name: boolean; email: boolean; phone: boolean }[]>(
      `SELECT $2::text IS NULL AND $3::text IS NOT NULL AS name,
         $4::text IS NULL AND $5::text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM contact
           WHERE organization_id = $1 AND email_key = lower($5) AND deleted_at IS NULL) AS email,
         $6::text IS NULL AND $7::text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM contact
           WHERE organization_id = $1 AND phone = $7 AND deleted_at IS NULL) AS phone`,
      [organizationId, known.name, hint.name, known.email, hint.email, known.phone, hint.phone],
    );
    const fields = (['name', 'email', 'phone'] as const).filter((field) => set?.[field]);
    if (fields.length === 0) return;
    const key = { organizationId, id: known.id };
    await updateRow(tx, Contact, key, Object.fromEntries(fields.map((field) => [field, hint[field]])));
    await this.outbox.append(tx, {
      ...this.event(author, 'contact.updated', await this.queries.getContact(organizationId, known.id, tx)),
      changes: Object.fromEntries(fields.map((field) => [field, { before: null, after: hint[field] }])),
    });
  }

  private async insert(tx: Tx, author: Author, values: Partial<Contact>): Promise<ContactView> {
    const { organizationId } = author;
    const id = newId();
    await insertRow(tx, Contact, { ...values, organizationId, id });
    const view = await this.queries.getContact(organizationId, id, tx);
    await this.outbox.append(tx, this.event(author, 'contact.created', view));
    return view;
  }

  private event<T extends 'contact.created' | 'contact.updated'>(author: Author, type: T, subject: ContactView) {
    return { type, author, conversationId: null, channelId: null, subject };
  }

  private async lock(tx: Tx, organizationId: string, id: string): Promise<void> {
    const [row] = await tx.query<unknown[]>(
      'SELECT 1 FROM contact WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE',
      [organizationId, id],
    );
    if (!row) throw new ContactNotFoundError();
  }

  private async wording<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const field = UNIQUE_FIELDS[violatedUnique(error) ?? ''];
      if (!field) throw error;
      throw addressTaken(field);
    }
  }
}

const fromHint = (hint: ContactHint): Partial<Contact> => ({ name: hint.name, email: hint.email, phone: hint.phone });

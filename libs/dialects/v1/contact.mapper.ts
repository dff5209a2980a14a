import type { ListContacts } from '@hub/contacts/contacts.queries.js';
import type { MergeContacts } from '@hub/conversations/contact-merge.service.js';
import type { CreateContact, UpdateContact } from '@hub/contacts/contacts.types.js';
import type { ContactView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type { ContactBody, ListContactsQuery, MergeContactsBody } from './contact.dto.js';
import { phoneOf } from './conversation.mapper.js';
import type { Resource } from './v1.envelope.js';
import { idOf } from './v1.ids.js';

export const contactResource = (view: ContactView): Resource => ({
  id: encodeId('contact', view.id),
  type: 'contact',
  attributes: {
    number: view.number,
    name: view.name,
    email: view.email,
    phone: view.phone,
    avatar: view.avatar,
    externalId: view.externalId,
    metadata: view.metadata,
    tags: view.tags,
    identifiers: publicIdentifiers(view.identifiers),
    lastSeenAt: view.lastSeenAt,
    conversationCount: view.conversationCount,
    createdAt: view.createdAt,
    updatedAt: view.updatedAt,
  },
});

export const publicIdentifiers = (identifiers: ContactView['identifiers']): object[] =>
  identifiers.map((identity) => ({ ...identity, channelId: encodeId('ch', identity.channelId) }));

export const toListContacts = ({ tags, phone, ...query }: ListContactsQuery): ListContacts => ({
  ...query,
  ...(tags && tags.length > 0 && { tags }),
  ...(phone && { phone: phoneOf(phone, 'phone') ?? phone }),
});

export function toCreateContact(body: ContactBody): CreateContact {
  if (!body.name && !body.email && !body.phone && !body.externalId) {
    const message = 'one of name, email, phone and externalId is required';
    throw new ValidationError(['name', 'email', 'phone', 'externalId'].map((field) => ({ field, message })));
  }
  return {
    name: body.name ?? null,
    email: body.email ?? null,
    phone: phoneOf(body.phone ?? undefined, 'phone'),
    avatar: body.avatar ?? null,
    externalId: body.externalId ?? null,
    metadata: body.metadata ?? {},
    tags: body.tags ?? [],
  };
}

export const toUpdateContact = (id: string, { phone, ...fields }: ContactBody): UpdateContact => ({
  ...fields,
  id,
  ...(phone !== undefined && { phone: phone === null ? null : phoneOf(phone, 'phone') }),
});

export function toMergeContacts({ primaryContactId, secondaryContactIds }: MergeContactsBody): MergeContacts {
  if (secondaryContactIds.length === 0) throw ValidationError.of('secondaryContactIds', 'name at least one contact');
  return {
    primaryId: idOf('contact', primaryContactId, 'primaryContactId'),
    secondaryIds: secondaryContactIds.map((id, i) => idOf('contact', id, `secondaryContactIds.${i}`)),
  };
}

import type { ListContacts } from '@hub/contacts/contacts.queries.js';
import type { CreateContact, UpdateContact } from '@hub/contacts/contacts.types.js';
import type { ContactView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type { ContactBody, ListContactsQuery } from './contact.dto.js';
import { phoneOf } from './conversation.mapper.js';
import type { Resource } from './v1.envelope.js';

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
    identifiers: view.identifiers.map((identity) => ({ ...identity, channelId: encodeId('ch', identity.channelId) })),
    lastSeenAt: view.lastSeenAt,
    conversationCount: view.conversationCount,
    createdAt: view.createdAt,
    updatedAt: view.updatedAt,
  },
});

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

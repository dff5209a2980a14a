import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { ContactsQueries } from '@hub/contacts/contacts.queries.js';
import { ContactsService } from '@hub/contacts/contacts.service.js';
import { ContactMergeService } from '@hub/conversations/contact-merge.service.js';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { Tokens } from '@hub/identity/tokens.js';
import { ContactBody, ContactTokenBody, ListContactsQuery, MergeContactsBody } from './contact.dto.js';
import {
  contactResource,
  toCreateContact,
  toListContacts,
  toMergeContacts,
  toUpdateContact,
} from './contact.mapper.js';
import { conversationResource } from './conversation.mapper.js';
import { PageQuery } from './v1.dto.js';
import { flat, many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('contacts', 'Contacts')
export class ContactsController {
  constructor(
    private readonly contacts: ContactsService,
    private readonly queries: ContactsQueries,
    private readonly merging: ContactMergeService,
    private readonly conversations: ConversationsQueries,
    private readonly tokens: Tokens,
  ) {}

  @Get()
  @Operation({ scope: 'contacts:read', summary: 'List contacts', query: ListContactsQuery, many: 'Contact' })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListContactsQuery) query: ListContactsQuery): Promise<Envelope> {
    return many(await this.queries.listContacts(actor.organizationId, toListContacts(query)), contactResource);
  }

  @Post()
  @Operation({
    scope: 'contacts:write',
    summary: 'Add a contact',
    body: ContactBody,
    status: 201,
    one: 'Contact',
    errors: ['RESOURCE_ALREADY_EXISTS'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(ContactBody) body: ContactBody): Promise<Envelope> {
    return one(contactResource(await this.contacts.create(actor, toCreateContact(body))));
  }

  @Post('merge')
  @Operation({
    scope: 'contacts:write',
    summary: 'Merge contacts',
    description:
      'The secondary contacts become part of the primary one: identities, conversations, tickets and tags are its own ' +
      'from then on, what it lacks is filled from them in their order, and its own metadata wins. Of several live ' +
      'conversations on a channel that allows one, the most recently active goes on; the others are closed for the ' +
      'reason `merged`. Whoever writes from an address of a secondary contact is the primary one.',
    body: MergeContactsBody,
    one: 'Contact',
    errors: ['CONTACT_NOT_FOUND'],
  })
  async merge(@CurrentActor() actor: Actor, @WireBody(MergeContactsBody) body: MergeContactsBody): Promise<Envelope> {
    return one(contactResource(await this.merging.merge(actor, toMergeContacts(body))));
  }

  @Get(':id')
  @Operation({ scope: 'contacts:read', summary: 'Get a contact', one: 'Contact', errors: ['CONTACT_NOT_FOUND'] })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(contactResource(await this.queries.getContact(actor.organizationId, idOf('contact', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'contacts:write',
    summary: 'Change a contact',
    description: 'Metadata is merged, tags are replaced.',
    body: ContactBody,
    one: 'Contact',
    errors: ['CONTACT_NOT_FOUND', 'RESOURCE_ALREADY_EXISTS'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(ContactBody) body: ContactBody,
  ): Promise<Envelope> {
    return one(contactResource(await this.contacts.update(actor, toUpdateContact(idOf('contact', id), body))));
  }

  @Delete(':id')
  @Operation({
    scope: 'contacts:write',
    summary: 'Forget a contact',
    description: 'Erases what is known of the person; their closed conversations stay.',
    status: 204,
    errors: ['CONTACT_NOT_FOUND', 'ACTIVE_CONVERSATIONS_EXIST'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.contacts.remove(actor, idOf('contact', id));
  }

  @Post(':id/token')
  @Operation({
    scope: 'contacts:write',
    summary: "Make a contact's token",
    description: 'It reads and writes the conversations of this contact, and nothing else.',
    body: ContactTokenBody,
    bodyOptional: true,
    flat: 'ContactToken',
    errors: ['CONTACT_NOT_FOUND'],
  })
  async token(
    @CurrentActor() { organizationId }: Actor,
    @Param('id') id: string,
    @WireBody(ContactTokenBody) { expiresIn }: ContactTokenBody,
  ): Promise<Envelope> {
    const contactId = idOf('contact', id);
    const epoch = await this.queries.getTokenEpoch(organizationId, contactId);
    const expiresAt = new Date((Math.floor(Date.now() / 1000) + expiresIn) * 1000);
    return flat({ token: await this.tokens.contact(organizationId, contactId, epoch, expiresAt), expiresAt });
  }

  @Delete(':id/token')
  @Operation({
    scope: 'contacts:write',
    summary: "Revoke a contact's tokens",
    description: 'All that it has been given stop working at once, at every process; new ones can be made.',
    status: 204,
    errors: ['CONTACT_NOT_FOUND'],
  })
  async revokeTokens(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.contacts.revokeTokens(actor, idOf('contact', id));
  }

  @Get(':id/conversations')
  @Operation({
    scope: 'conversations:read',
    summary: 'List the conversations of a contact',
    query: PageQuery,
    many: 'Conversation',
    errors: ['CONTACT_NOT_FOUND'],
  })
  async listConversations(
    @CurrentActor() { organizationId }: Actor,
    @Param('id') id: string,
    @WireQuery(PageQuery) query: PageQuery,
  ): Promise<Envelope> {
    const contactId = idOf('contact', id);
    await this.queries.getContact(organizationId, contactId);
    const request = { ...query, contactId, sortBy: 'updatedAt' as const };
    const page = await this.conversations.listConversations(organizationId, request);
    return many(page, (view) => conversationResource(view, false));
  }
}

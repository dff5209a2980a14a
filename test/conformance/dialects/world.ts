import { colleague, type Session } from '../../e2e/auth-fixtures.js';
import * as v1 from '../../dialects/v1/v1-fixtures.js';
import type { ApiClient, Resource } from '../../support/api-client.js';
import type { Hub } from '../../support/harness.js';

/** Somebody by every id that any dialect knows them by. */
export interface Person {
  readonly name: string;
  readonly id: string;
  readonly number: number;
  readonly api: ApiClient;
}

/** One organization with whatever a conversation needs. */
export interface World {
  readonly hub: Hub;
  /** The number of the organization. */
  readonly company: number;
  /** A client with an API key. */
  readonly key: ApiClient;
  readonly staff: Person;
  readonly other: Person;
  /** A participant of every conversation: the reader of a dialect that shows them to participants only. */
  readonly reader: Person;
  readonly channels: { readonly internal: string; readonly whatsapp: string; readonly api: string };
}

/** What a conversation is of: each is opened by another dialect. */
export const KINDS = ['ticket', 'team', 'phone', 'chat'] as const;
export type Kind = (typeof KINDS)[number];

/** A conversation by every id that any dialect knows it by. */
export interface Known {
  readonly id: string;
  readonly uuid: string;
  readonly number: number;
}

/** One conversation and what belongs to it. */
export interface Life {
  readonly world: World;
  readonly kind: Kind;
  /** Who does natively what a dialect does not offer, so that the same person has done everything. */
  readonly author: ApiClient;
  readonly subject: string;
  readonly phone: string;
  readonly entityId: string;
  ticket: { readonly id: string; readonly number: number } | null;
  contact: Person | null;
  conversation: Known;
  /** The file of one of its messages. */
  file: string;
}

export const numberOf = (resource: Resource): number => resource.attributes['number'] as unknown as number;

async function person(hub: Hub, owner: ApiClient, role: string, name: string): Promise<Person> {
  const { userId, api } = await colleague(hub, { api: owner } as Session, role);
  return { name, id: userId, number: numberOf(v1.ok(await owner.patch(`/v1/users/${userId}`, { name }))), api };
}

/** The contact with a token. */
async function contactOf(hub: Hub, owner: ApiClient, contact: Resource): Promise<Person> {
  const { token } = v1.ok(await owner.post<{ token: string }>(`/v1/contacts/${contact.id}/token`, {}));
  return { name: 'Casey', id: contact.id, number: numberOf(contact), api: hub.as(token) };
}

const WHATSAPP = {
  phoneNumberId: '1',
  accessToken: 'token',
  businessAccountId: '2',
  verifyToken: 'verify',
  appSecret: 'secret',
};

/** @param owner a client with an admin's key of the organization */
export async function newWorld(hub: Hub, owner: ApiClient): Promise<World> {
  const organizationId = v1.uuid(owner.organizationId);
  const [organization] = await hub.sql<{ number: string }>('SELECT number FROM organization WHERE id = $1', [
    organizationId,
  ]);
  const staff = await person(hub, owner, 'agent', 'Ann');
  const other = await person(hub, owner, 'agent', 'Ben');
  const reader = await person(hub, owner, 'agent', 'Rea');
  await hub.sql(`UPDATE users SET capacity = '{"total":1000,"perChannel":{}}' WHERE organization_id = $1`, [
    organizationId,
  ]);
  const whatsapp = await v1.channel(owner, { name: 'WhatsApp', type: 'whatsapp', config: WHATSAPP }, false);
  const api = await v1.channel(owner, { name: 'Chat' });
  // the built-in channel is made with the first conversation in it
  const ticket = await v1.ticket(owner);
  v1.ok(await staff.api.post(`/conversation/ticket/${numberOf(ticket)}`));
  const [first] = v1.ok(await owner.get<Resource[]>(`/v1/tickets/${ticket.id}/conversations`));
  return {
    hub,
    company: Number(organization?.number),
    key: owner,
    staff,
    other,
    reader,
    channels: { internal: v1.at(first?.attributes, 'channel.id') as string, whatsapp: whatsapp.id, api: api.id },
  };
}

let lives = 0;

/** What is there before the conversation of this kind is opened. */
export async function newLife(world: World, kind: Kind, author: ApiClient): Promise<Life> {
  const { hub, key, staff } = world;
  const subject = 'Broken lamp';
  const phone = v1.newPhone();
  const hasTicket = kind === 'ticket' || kind === 'chat';
  const made = hasTicket ? await v1.contact(key, { name: 'Casey', phone }) : null;
  const ticket = made && (await v1.ticket(key, { contactId: made.id, staffId: staff.id, subject }));
  return {
    world,
    kind,
    author,
    subject,
    phone,
    entityId: `00000000-0000-4000-8000-${String(++lives).padStart(12, '0')}`,
    ticket: ticket && { id: ticket.id, number: numberOf(ticket) },
    contact: made && (await contactOf(hub, key, made)),
    conversation: { id: '', uuid: '', number: 0 },
    file: '',
  };
}

/** After it has been opened, by whomever: under which ids it is known, and with whom it is. */
export async function learn(life: Life, opened: Resource): Promise<void> {
  const { hub, key } = life.world;
  life.conversation = { id: opened.id, uuid: v1.uuid(opened.id), number: numberOf(opened) };
  const contactId = v1.at(opened.attributes, 'contact.id') as string | undefined;
  if (contactId && !life.contact) {
    const contact = v1.ok(await key.patch(`/v1/contacts/${contactId}`, { name: 'Casey' }));
    life.contact = await contactOf(hub, key, contact);
  }
}

/** The name of whoever has this id: a native one, a UUID or a number. */
export function nameOf({ world, contact }: Life, id: unknown): string | null {
  if (id === null || id === undefined) return null;
  const people = [world.staff, world.other, world.reader, ...(contact ? [contact] : [])];
  return people.find((one) => [one.id, v1.uuid(one.id), one.number].includes(id as never))?.name ?? 'no person';
}

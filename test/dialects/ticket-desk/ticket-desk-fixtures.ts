import { colleague, type Session } from '../../e2e/auth-fixtures.js';
import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import type { Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';

/** Somebody who calls: a member of the staff, or a contact with its token. */
export interface Person {
  readonly id: string;
  readonly number: number;
  readonly api: ApiClient;
}

export const numberOf = (resource: Resource): number => resource.attributes['number'] as unknown as number;

export async function staff(hub: Hub, name: string, role = 'agent', owner = hub.admin): Promise<Person> {
  const { userId, api } = await colleague(hub, { api: owner } as Session, role);
  const user = v1.ok(await owner.patch(`/v1/users/${userId}`, { name }));
  return { id: userId, number: numberOf(user), api };
}

export async function customer(hub: Hub, name: string, owner = hub.admin): Promise<Person> {
  const contact = await v1.contact(owner, { name });
  const { token } = v1.ok(await owner.post<{ token: string }>(`/v1/contacts/${contact.id}/token`, {}));
  return { id: contact.id, number: numberOf(contact), api: hub.as(token) };
}

/** A ticket, and its conversation once the desk has started one. */
export interface Desk {
  readonly ticket: Resource;
  readonly ticketNumber: number;
  /** The conversation, by its number and by its native id. */
  readonly number: number;
  readonly id: string;
}

/** A ticket of `user` in the hands of `agent`, who has started the conversation. */
export async function desk(hub: Hub, user: Person, agent: Person): Promise<Desk> {
  const ticket = await v1.ticket(hub.admin, { contactId: user.id, staffId: agent.id });
  v1.ok(await agent.api.post(`/conversation/ticket/${numberOf(ticket)}`));
  return { ticket, ticketNumber: numberOf(ticket), ...(await conversationOf(hub, ticket)) };
}

export async function conversationOf(hub: Hub, ticket: Resource): Promise<Pick<Desk, 'id' | 'number'>> {
  const { data } = await hub.admin.get<Resource[]>(`/v1/tickets/${ticket.id}/conversations`);
  const [found] = data;
  if (!found) throw new Error('The ticket has no conversation');
  const row = await hub.sql<{ number: string }>('SELECT number::text FROM conversation WHERE id = $1', [
    v1.uuid(found.id),
  ]);
  return { id: found.id, number: Number(row[0]?.number) };
}

export const say = (who: Person, conversation: number, content: unknown): Promise<Answer<unknown>> =>
  who.api.post<unknown>(`/conversation/${conversation}/message`, { content });

/** The elements of a conversation as `who` gets them. */
export async function read(who: Person, conversation: number): Promise<v1.Json[]> {
  const answer = await who.api.get(`/conversation/${conversation}`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return JSON.parse(answer.text) as v1.Json[];
}

export const bodyOf = ({ text }: Answer<unknown>): unknown => JSON.parse(text) as unknown;

/** Holds a refusal to `{message}` and nothing else. */
export function expectRefusal(answer: Answer<unknown>, status: number, message?: RegExp): void {
  expect([answer.status, answer.text]).toEqual([status, expect.any(String)]);
  expect(bodyOf(answer)).toEqual({ message: message ? expect.stringMatching(message) : expect.any(String) });
}

import { jest } from '@jest/globals';
import { colleague, register, type Session } from '../../e2e/auth-fixtures.js';
import type { Answer } from '../../support/api-client.js';
import type { Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';

jest.setTimeout(60_000);

export const BASE = '/api/v2/conversations';
export const NOT_FOUND = { detail: 'Conversation not found or user is not a participant' };

/** A conversation as this contract answers it. */
export interface Conversation {
  readonly id: string;
  readonly organization_id: string;
  readonly subject: string | null;
  readonly entity_type: string | null;
  readonly entity_id: string | null;
  readonly status: string;
  readonly participants: readonly { id: string; type: string; name: string; joined_at: string }[];
  readonly messages: readonly Message[];
  readonly created_at: string;
  readonly updated_at: string;
}

export interface Message {
  readonly id: string;
  readonly conversation_id: string;
  readonly sender_id: string;
  readonly body: string;
  readonly created_at: string;
}

/** One organization: its owner, who is its super_admin, and two agents. */
export interface Company {
  readonly id: string;
  readonly owner: Session;
  readonly ann: Session;
  readonly ben: Session;
}

export async function company(hub: Hub): Promise<Company> {
  const owner = await register(hub);
  const [ann, ben] = [await colleague(hub, owner, 'agent'), await colleague(hub, owner, 'agent')];
  return { id: v1.uuid(owner.organizationId), owner, ann, ben };
}

export const userId = (who: Session): string => v1.uuid(who.userId);

/** The body of an answer as it was sent; what it is, its document has checked. */
export const body = <T = Conversation>(answer: Answer<unknown>, as = (sent: unknown): T => sent as T): T =>
  as(JSON.parse(answer.text));

/** The body of an answer that succeeded. */
export function ok<T = Conversation>(answer: Answer<unknown>, as = (sent: unknown): T => sent as T): T {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return body(answer, as);
}

/** What `who` opens. */
export const open = async (who: Session, fields: v1.Json = {}): Promise<Conversation> =>
  ok(await who.api.post(BASE, { subject: 'Talk', ...fields }));

export const say = async (who: Session, id: string, text: string): Promise<Message> =>
  ok<Message>(await who.api.post(`${BASE}/${id}/messages`, { body: text }));

export const list = async (who: Session, query = ''): Promise<Conversation[]> =>
  ok<Conversation[]>(await who.api.get(`${BASE}${query}`));

/** Where the input was wrong. */
export const places = (answer: Answer<unknown>): unknown => {
  const { detail } = body<{ detail: { loc: unknown[] }[] | string }>(answer);
  return [answer.status, typeof detail === 'string' ? detail : detail.map(({ loc }) => loc.join('.'))];
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ids that `names` does not name as `<uuid>` and times as `<time>`. */
export function golden(value: unknown, names: Readonly<Record<string, string>> = {}): unknown {
  if (typeof value === 'string' && UUID.test(value)) return `<${names[value] ?? 'uuid'}>`;
  if (Array.isArray(value)) return value.map((item) => golden(item, names));
  if (typeof value !== 'object' || value === null) return v1.golden(value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, golden(inner, names)]));
}

import { jest } from '@jest/globals';
import { decodeId, encodeId, newId } from '@hub/platform/ids.js';
import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import type { Hub } from '../../support/harness.js';

// each test starts or asks a whole product: on a busy machine that takes its time
jest.setTimeout(60_000);

/** Where the native API answers: S3's hosted base and its self-hosted one. */
export const BASES = ['/v1', '/api/v1'] as const;

/** A JSON object as tests look into it. */
export interface Json {
  readonly [name: string]: unknown;
}

let made = 0;
/** A number that no other test of this process has used. */
export const next = (): number => ++made;
export const newPhone = (): string => `+55119${String(10_000_000 + next())}`;
export const newEmail = (): string => `person${next()}@example.com`;

/** The answer's resource. @throws Error unless the call succeeded */
export function ok<D = Resource>(answer: Answer<D>): D {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return answer.data;
}

/** The value at a dotted path, or undefined. */
export const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, key) => (inner as Json | null | undefined)?.[key], value);

export const attributes = (answer: Answer | Resource): Json => ('data' in answer ? answer.data : answer).attributes;

/** A channel, active unless `activate` is false. */
export async function channel(api: ApiClient, fields: Json = {}, activate = true): Promise<Resource> {
  const created = ok(await api.post('/v1/channels', { name: 'Channel', type: 'api', ...fields }));
  return activate ? ok(await api.post(`/v1/channels/${created.id}/activate`)) : created;
}

export const contact = async (api: ApiClient, fields: Json = {}): Promise<Resource> =>
  ok(await api.post('/v1/contacts', { name: 'John Doe', phone: newPhone(), ...fields }));

export const user = async (api: ApiClient, fields: Json = {}): Promise<Resource> =>
  ok(await api.post('/v1/users', { name: 'Support Agent', email: newEmail(), ...fields }));

export const team = async (api: ApiClient, fields: Json = {}): Promise<Resource> =>
  ok(await api.post('/v1/teams', { name: `Team ${next()}`, ...fields }));

/** A queue of `teamId` or of a new team. */
export async function queue(api: ApiClient, fields: Json = {}): Promise<Resource> {
  const teamId = fields['teamId'] ?? (await team(api)).id;
  return ok(await api.post('/v1/queues', { name: `Queue ${next()}`, ...fields, teamId }));
}

/** A level for conversations with a tag that none has. */
export const serviceLevel = async (api: ApiClient, fields: Json = {}): Promise<Resource> => {
  const conditions = [{ field: 'tags', operator: 'contains', value: 'level' }];
  return ok(await api.post('/v1/service-levels', { name: `Level ${next()}`, resolution: 60, conditions, ...fields }));
};

/** A rule that gives everything to a new queue, unless `targets` say otherwise. */
export async function routingRule(api: ApiClient, fields: Json = {}): Promise<Resource> {
  const targets = fields['targets'] ?? [{ to: (await queue(api)).id }];
  return ok(await api.post('/v1/routing-rules', { name: 'Rule', ...fields, targets }));
}

export const automationRule = async (api: ApiClient, fields: Json = {}): Promise<Resource> =>
  ok(
    await api.post('/v1/automation-rules', {
      name: 'Rule',
      event: 'conversation.created',
      actions: [{ type: 'unassign' }],
      ...fields,
    }),
  );

export async function bot(api: ApiClient, fields: Json = {}): Promise<Resource> {
  const created = ok(await api.post('/v1/bots', { name: 'Support Bot', ...fields }));
  return ok(await api.post(`/v1/bots/${created.id}/activate`));
}

/** A conversation of a new contact, on `channelId` or a new channel. */
export async function conversation(api: ApiClient, fields: Json = {}): Promise<Resource> {
  const channelId = fields['channelId'] ?? (await channel(api)).id;
  return ok(await api.post('/v1/conversations', { contact: { phone: newPhone() }, ...fields, channelId }));
}

/** A ticket of `contactId` or a new contact. */
export async function ticket(api: ApiClient, fields: Json = {}): Promise<Resource> {
  const contactId = fields['contactId'] ?? (await contact(api)).id;
  return ok(await api.post('/v1/tickets', { subject: 'Broken lamp', ...fields, contactId }));
}

/** What `person` writes into an api channel. */
export const inbound = (api: ApiClient, channelId: string, fields: Json = {}): Promise<Answer> =>
  api.post(`/v1/channels/${channelId}/messages`, {
    externalId: `ext-${next()}`,
    contact: { externalId: `person-${next()}` },
    content: { type: 'text', text: 'Hello' },
    ...fields,
  });

export const say = (api: ApiClient, conversationId: string, text: string, more: Json = {}): Promise<Answer> =>
  api.post(`/v1/conversations/${conversationId}/messages`, { content: { type: 'text', text }, ...more });

/** An upload that no message carries yet, as the media store leaves it behind. @returns its public id */
export async function upload(
  hub: Hub,
  organization = uuid(hub.admin.organizationId),
  more: Json = {},
): Promise<string> {
  const id = newId();
  const file = { kind: 'image', name: 'photo.png', contentType: 'image/png', createdBy: { type: 'system' }, ...more };
  await hub.sql(
    `INSERT INTO attachment (organization_id, id, kind, name, content_type, size, storage_key, created_by)
     VALUES ($1, $2::uuid, $3, $4, $5, 5, $2::uuid::text, $6)`,
    [organization, id, file.kind, file.name, file.contentType, file.createdBy],
  );
  return encodeId('media', id);
}

/** The UUID behind a public id. */
export function uuid(id: string): string {
  const found = decodeId(id.slice(0, id.lastIndexOf('_')), id);
  if (!found) throw new Error(`${id} is not a public id`);
  return found;
}

export interface StoredEvent {
  readonly type: string;
  readonly sequence: number;
  readonly order_key: string;
  readonly body: Json;
}

/** The events of the log after `position`, in order; of one conversation, contact, … where `of` names it. */
export async function events(hub: Hub, of?: string, position = 0): Promise<StoredEvent[]> {
  const rows = await hub.sql<{ type: string; sequence: number; order_key: string; body: string }>(
    `SELECT type, sequence::int AS sequence, order_key, body FROM event
     WHERE position > $1 AND ($2::uuid IS NULL OR order_key = $2) ORDER BY position`,
    [position, of === undefined ? null : uuid(of)],
  );
  return rows.map((row) => ({ ...row, body: JSON.parse(row.body) as Json }));
}

/** Where the event log ends now: what {@link events} takes as `position`. */
export async function logEnd(hub: Hub): Promise<number> {
  const [row] = await hub.sql<{ end: number }>('SELECT coalesce(max(position), 0)::int AS end FROM event');
  return row?.end ?? 0;
}

/** What a command has written into the log. */
export async function told<T>(hub: Hub, work: () => Promise<T>): Promise<{ answer: T; events: StoredEvent[] }> {
  const before = await logEnd(hub);
  const answer = await work();
  return { answer, events: await events(hub, undefined, before) };
}

const ID = /^(org|user|bot|contact|ch|conv|msg|key|evt|ticket)_[0-9a-z]+$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/;

/** Ids as their prefix and times as `<time>`, so that an answer compares with the seed's example word for word. */
export function golden(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(ID, '<$1>').replace(TIME, '<time>');
  if (Array.isArray(value)) return value.map(golden);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, golden(inner)]));
}

const TABLES = [
  'organization',
  'users',
  'contact',
  'contact_identity',
  'bot',
  'bot_channel',
  'channel',
  'conversation',
  'message',
  'message_raw',
  'attachment',
  'read_mark',
  'participant',
  'ticket',
  'assignment',
  'event',
  'webhook_endpoint',
  'webhook_delivery',
  'team',
  'team_member',
  'queue',
  'agent_state',
  'routing_rule',
  'automation_rule',
];

/** A checksum of every row a caller could have written: equal before and after where nothing was. */
export async function checksum(hub: Hub): Promise<Record<string, string>> {
  const parts = TABLES.map(
    (table) =>
      `SELECT '${table}' AS name, coalesce(md5(string_agg(x::text, '|' ORDER BY x::text)), '') AS sum FROM ${table} x`,
  );
  const rows = await hub.sql<{ name: string; sum: string }>(parts.join(' UNION ALL '));
  return Object.fromEntries(rows.map(({ name, sum }) => [name, sum]));
}

/** Holds an answer to the documented error envelope. */
export function expectError(answer: Answer<unknown>, status: number, code: string, field?: string): void {
  const seen = {
    status: answer.status,
    code: answer.error?.code,
    fields: answer.error?.details?.map((one) => one.field),
  };
  expect(seen).toMatchObject({
    status,
    code,
    ...(field !== undefined && { fields: expect.arrayContaining([field]) as unknown }),
  });
  expect(answer.error.message).toEqual(expect.any(String));
  expect(answer.meta['requestId']).toBe(answer.headers.get('x-request-id'));
}

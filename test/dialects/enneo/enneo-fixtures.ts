import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { colleague, type Session } from '../../e2e/auth-fixtures.js';
import type { ApiClient, Resource } from '../../support/api-client.js';
import type { Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';

// each test starts or asks a whole product: on a busy machine that takes its time
jest.setTimeout(60_000);

export interface EnneoAttachment {
  readonly [field: string]: unknown;
  readonly id: number;
  readonly url: string;
}

export interface EnneoConversation {
  readonly [field: string]: unknown;
  readonly id: number;
  readonly content: { readonly message: string };
  readonly sender: { readonly [field: string]: unknown };
  readonly attachments: readonly EnneoAttachment[];
}

export interface EnneoAnswer {
  readonly http: number;
  readonly headers: Headers;
  readonly text: string;
  readonly conversations: readonly EnneoConversation[];
  readonly success: boolean;
  readonly error: string;
  readonly details: string;
  readonly txId: string;
}

interface Schema {
  readonly [key: string]: unknown;
  readonly type?: string;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The published document of enneo.MIND, OpenAPI 3.0. */
const CONTRACT = JSON.parse(readFileSync('test/dialects/enneo/contract.json', 'utf8')) as {
  paths: Record<string, { get: { responses: Record<number, { content: Record<string, { schema: Schema }> }> } }>;
  components: { schemas: Readonly<Record<string, Schema>> };
};

/** What one of our answers has beyond the published document. */
const BEYOND: Readonly<Record<string, Schema>> = { Conversation: { rawData: { type: 'object' } } };

/** An OpenAPI 3.0 schema as JSON Schema: null only where it is `nullable`, and no field that is not described. */
function strict(schema: unknown, more: Schema = {}): unknown {
  if (Array.isArray(schema)) return schema.map((one) => strict(one));
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, example: _, deprecated: __, properties, ...rest } = schema as Schema;
  const inner = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, strict(value)]));
  const fields = properties && Object.entries({ ...properties, ...more }).map(([key, value]) => [key, strict(value)]);
  return {
    ...inner,
    ...(nullable && { type: [rest['type'], 'null'] }),
    ...(fields && { properties: Object.fromEntries(fields) as object, additionalProperties: false }),
  };
}

const [PATH] = Object.values(CONTRACT.paths);
const COMPONENTS = {
  schemas: Object.fromEntries(
    Object.entries(CONTRACT.components.schemas).map(([name, schema]) => [name, strict(schema, BEYOND[name])]),
  ),
};

function validator(status: 200 | 500): ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors: true, formats: { DateTime: true } });
  formats.default(ajv);
  const schema = PATH?.get.responses[status]?.content['application/json']?.schema;
  return ajv.compile({ ...(strict(schema) as object), components: COMPONENTS });
}

const VALID = { ok: validator(200), error: validator(500) };

/** What an answer breaks of the published document. */
export function breaches(status: number, body: unknown): unknown[] {
  const validate = status === 200 ? VALID.ok : VALID.error;
  return validate(body) ? [] : (validate.errors ?? []);
}

/** A client of enneo.MIND, which holds every answer against the published document as well as the served one. */
export class Enneo {
  constructor(private readonly api: ApiClient) {}

  static async as(hub: Hub, role: string, owner = hub.admin): Promise<Enneo> {
    return new Enneo((await colleague(hub, { api: owner } as Session, role)).api);
  }

  async get(ticket: number | string, query = '', headers: Record<string, string> = {}): Promise<EnneoAnswer> {
    const at = `/api/mind/ticket/${ticket}/conversation${query && `?${query}`}`;
    const { status, headers: got, text } = await this.api.call('GET', at, { headers });
    const body = JSON.parse(text) as Omit<EnneoAnswer, 'http' | 'headers' | 'text'>;
    expect({ text, breaches: breaches(status, body) }).toEqual({ text, breaches: [] });
    return { ...body, http: status, headers: got, text };
  }
}

/** The number of a record, by which this contract knows it. */
export const numberOf = (resource: Resource): number => resource.attributes['number'] as unknown as number;

/** A ticket of a contact, with one conversation on a new `api` channel in which the contact has written nothing yet. */
export async function thread(hub: Hub, contactFields: v1.Json = {}) {
  const contact = await v1.contact(hub.admin, { name: 'Ada Lovelace', ...contactFields });
  const ticket = await v1.ticket(hub.admin, { contactId: contact.id });
  const channel = await v1.channel(hub.admin, { name: 'The app' });
  const conversation = await v1.conversation(hub.admin, {
    channelId: channel.id,
    contactId: contact.id,
    contact: undefined,
    ticketId: ticket.id,
  });
  return { contact, ticket, channel, conversation, number: numberOf(ticket) };
}

/** From now on the channel is one of email: no adapter of ours speaks it yet, but its records can be there. */
export const turnIntoEmail = (hub: Hub, channel: Resource, fromEmail: string): Promise<object[]> =>
  hub.sql(`UPDATE channel SET type = 'email', config = $2 WHERE id = $1`, [v1.uuid(channel.id), { fromEmail }]);

import { jest } from '@jest/globals';
import type { ApiClient } from '../../support/api-client.js';
import type { Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';

// each test starts or asks a whole product: on a busy machine that takes its time
jest.setTimeout(60_000);

export interface PactConversation {
  readonly external_id: number;
  readonly name: string;
  readonly channel_id: number;
  readonly channel_type: string;
  readonly created_at: string;
  readonly created_at_timestamp: number;
  readonly avatar: string;
  readonly sender_external_id: string;
  readonly meta: v1.Json;
}

export interface PactAnswer {
  readonly http: number;
  readonly headers: Headers;
  readonly text: string;
  readonly status: 'ok' | 'error';
  readonly data: {
    readonly conversation: PactConversation;
    readonly conversations: PactConversation[];
    readonly next_page: string | null;
  };
  readonly error: { code: string; message: string; details?: { field: string; message: string }[] };
}

interface Call {
  readonly form?: string;
  readonly json?: unknown;
  readonly headers?: Record<string, string>;
}

/** A client of Pact's API with one company's key, as Pact's documentation has it: forms unless told otherwise. */
export class Pact {
  constructor(
    private readonly api: ApiClient,
    readonly company: number | string,
  ) {}

  get at(): string {
    return `/p1/companies/${this.company}/conversations`;
  }

  static async of(hub: Hub, api: ApiClient): Promise<Pact> {
    const [row] = await hub.sql<{ number: string }>('SELECT number FROM organization WHERE id = $1', [
      v1.uuid(api.organizationId),
    ]);
    return new Pact(api, Number(row?.number));
  }

  list = (query = ''): Promise<PactAnswer> => this.call('GET', query && `?${query}`);
  one = (id: number | string): Promise<PactAnswer> => this.call('GET', `/${id}`);
  create = (phone: string, provider = 'whatsapp'): Promise<PactAnswer> =>
    this.call('POST', '', { form: new URLSearchParams({ provider, phone }).toString() });
  assign = (id: number, form?: string): Promise<PactAnswer> =>
    this.call('PUT', `/${id}/assign`, form === undefined ? {} : { form });

  /** Held against the served document, as every call of the client. */
  async call(method: string, below: string, { form, json, headers = {} }: Call = {}): Promise<PactAnswer> {
    const answer = await this.api.call(method, this.at + below, {
      ...(json !== undefined && { body: json }),
      ...(form !== undefined && { raw: form }),
      headers: {
        authorization: '',
        'x-private-api-token': this.api.key,
        ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
    });
    const body = JSON.parse(answer.text) as Omit<PactAnswer, 'http' | 'headers' | 'text'>;
    return { ...body, http: answer.status, headers: answer.headers, text: answer.text };
  }
}

let accounts = 0;

/** A WhatsApp channel of an account of its own: it stays inactive. */
export const whatsapp = (api: ApiClient, name = 'WhatsApp') =>
  v1.channel(
    api,
    {
      name,
      type: 'whatsapp',
      config: {
        phoneNumberId: String(++accounts),
        accessToken: 'token',
        businessAccountId: '2',
        verifyToken: 'verify',
        appSecret: 'secret',
      },
    },
    false,
  );

/** The number of a record, by which this contract knows it. */
export const numberOf = (resource: { readonly attributes: object }): number =>
  (resource.attributes as { number: number }).number;

let made = 0;
/** A phone that no other test of this process has used, as Pact writes it. */
export const newPhone = (): string => `7925${String(1_000_000 + ++made)}`;

/** Holds a failure to Pact's envelope. */
export function expectRefused({ http, text }: PactAnswer, status: number, code: string, field?: string): void {
  const { error, ...rest } = JSON.parse(text) as Pick<PactAnswer, 'status' | 'error'>;
  expect({ http, ...rest, code: error.code }).toEqual({ http: status, status: 'error', code });
  expect(error.message).toMatch(/\w/);
  if (field !== undefined) expect(error.details?.map((one) => one.field)).toContain(field);
}

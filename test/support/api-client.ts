import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

export interface Attributes {
  readonly [name: string]: never;
}

/** A resource as tests read it: loosely, because the OpenAPI document has already checked its shape. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly attributes: Record<string, never>;
  readonly relationships?: Record<string, never>;
}

export interface Answer<D = Resource> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly data: D;
  readonly meta: Record<string, never>;
  readonly error: { code: string; message: string; details?: { field: string; message: string }[] };
}

interface Call {
  readonly body?: unknown;
  /** The body as it is, instead of JSON. */
  readonly raw?: string | Buffer;
  readonly headers?: Record<string, string>;
}

type Document = { components: object; paths: Record<string, Record<string, { responses: Record<string, unknown> }>> };

const validators = new WeakMap<object, Map<string, ValidateFunction>>();

/**
 * A client that holds every answer against the served OpenAPI documents: an answer that the document of its address does
 * not describe fails the test that caused it.
 */
export class ApiClient {
  private readonly documents: readonly Document[];

  constructor(
    readonly url: string,
    readonly key: string,
    documents: object | readonly object[],
    readonly organizationId: string,
  ) {
    this.documents = [documents].flat() as Document[];
  }

  get = <D = Resource>(path: string, call?: Call): Promise<Answer<D>> => this.call<D>('GET', path, call);
  post = <D = Resource>(path: string, body?: unknown, call?: Call): Promise<Answer<D>> =>
    this.call<D>('POST', path, { body, ...call });
  put = <D = Resource>(path: string, body?: unknown, call?: Call): Promise<Answer<D>> =>
    this.call<D>('PUT', path, { body, ...call });
  patch = <D = Resource>(path: string, body?: unknown, call?: Call): Promise<Answer<D>> =>
    this.call<D>('PATCH', path, { body, ...call });
  delete = (path: string, call?: Call): Promise<Answer> => this.call('DELETE', path, call);

  async call<D = Resource>(method: string, path: string, { body, raw, headers = {} }: Call = {}): Promise<Answer<D>> {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(payload !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(payload !== undefined && { body: payload as BodyInit }),
    });
    const text = await response.text();
    const json = text === '' ? {} : (JSON.parse(text) as object);
    this.hold(method, path, response.status, json);
    return { ...json, status: response.status, headers: response.headers, text } as Answer<D>;
  }

  /** @throws Error when no document knows the answer */
  private hold(method: string, path: string, status: number, json: object): void {
    const address = path.split('?')[0]?.replace(/^\/api\/v1\//, '/v1/') ?? '';
    const document = this.documents.find((one) => templateOf(one, method, address));
    if (!document) {
      if (status === 404) return;
      throw new Error(`${method} ${path} answered ${status}, but no document has such a path`);
    }
    const template = templateOf(document, method, address) ?? '';
    const key = `${method} ${template} ${status}`;
    const known = validators.get(document) ?? new Map<string, ValidateFunction>();
    validators.set(document, known);
    const validate = known.get(key) ?? compile(document, method, template, status);
    known.set(key, validate);
    if (!validate(json))
      throw new Error(`${key} is not as documented: ${JSON.stringify(validate.errors?.slice(0, 5))}`);
  }
}

function templateOf({ paths }: Document, method: string, path: string): string | undefined {
  return Object.keys(paths)
    .filter((template) => paths[template]?.[method.toLowerCase()])
    .filter((template) => new RegExp(`^${template.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path))
    .sort((a, b) => a.split('{').length - b.split('{').length)[0];
}

function compile({ paths, components }: Document, method: string, template: string, status: number): ValidateFunction {
  const { responses } = paths[template]?.[method.toLowerCase()] ?? { responses: {} };
  const response = responses[status] as { content?: Record<string, { schema: object }> } | undefined;
  if (!response) throw new Error(`${method} ${template} answered ${status}, which the document does not name`);
  const schema = response.content?.['application/json']?.schema ?? { type: 'object', maxProperties: 0 };
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  return ajv.compile({ ...schema, components });
}

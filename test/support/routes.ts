import type { Hub } from './harness.js';

export interface Schema {
  readonly type?: string | string[];
  readonly enum?: unknown[];
  readonly format?: string;
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

/** One operation of the served document: a new route is covered by being there. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly query: readonly { readonly name: string; readonly schema: Schema }[];
  readonly body: Schema | null;
  readonly statuses: readonly string[];
  readonly scope: string;
}

interface Operation {
  readonly parameters?: { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, unknown>;
  readonly description?: string;
}

/** The operations of a document: of the native API, unless another is named. */
export async function routesOf(hub: Hub, documentAt = '/docs/openapi.json'): Promise<Route[]> {
  const document = (await (await fetch(hub.url + documentAt)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      query: (operation.parameters ?? []).filter((one) => one.in === 'query'),
      body: operation.requestBody?.content['application/json']?.schema ?? null,
      statuses: Object.keys(operation.responses),
      scope: /Scope: `([^`]+)`/.exec(operation.description ?? '')?.[1] ?? '',
    })),
  );
}

import type { INestApplication, Type } from '@nestjs/common';
import { SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { Dialect } from './dialect.js';

/** The document of the routes of one module. @param head what a `DocumentBuilder` has built */
export function documentOf(app: INestApplication, module: Type, head: Omit<OpenAPIObject, 'paths'>): OpenAPIObject {
  const operationIdFactory = (controller: string, method: string): string =>
    `${controller.replace(/Controller$/, '')}.${method}`;
  return SwaggerModule.createDocument(app, head, { include: [module], operationIdFactory });
}

/** Where the document of a dialect is served: the first one's at `/docs/openapi.json`. */
export const documentPath = (dialects: readonly Dialect[], { name }: Dialect): string =>
  dialects[0]?.name === name ? '/docs/openapi.json' : `/docs/${name}/openapi.json`;

/** Serves every document, and a page at `/docs` to read and try them. */
export function serveDocuments(app: INestApplication, dialects: readonly [Dialect, ...Dialect[]]): void {
  const [first, ...others] = dialects;
  const urls = dialects.map((dialect) => ({ name: dialect.name, url: documentPath(dialects, dialect) }));
  for (const dialect of others) {
    SwaggerModule.setup(`docs/${dialect.name}`, app, () => dialect.document(app), {
      ui: false,
      raw: ['json'],
      jsonDocumentUrl: documentPath(dialects, dialect),
    });
  }
  SwaggerModule.setup('docs', app, () => first.document(app), {
    jsonDocumentUrl: documentPath(dialects, first),
    customSiteTitle: 'Switchboard API',
    explorer: others.length > 0,
    swaggerOptions: { persistAuthorization: true, ...(others.length > 0 && { urls }) },
  });
}

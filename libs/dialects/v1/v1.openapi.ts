import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { documentCommon } from './v1.openapi.common.js';
import { V1_SCHEMAS } from './v1.schemas.js';

const DESCRIPTION = `Conversations between a company and its customers, over every channel.

Send your API key or access token as \`Authorization: Bearer <it>\` or as \`X-API-Key\`. A list comes in pages (\`page\`, \`perPage\`) or by
\`cursor\`. An error names its \`code\` and the fields at fault. The same paths answer under \`/api/v1\`.

Send an \`Idempotency-Key\` with a POST, and it can be repeated safely; the public ones (registering, signing in, a lost
password) belong to nobody yet and ignore it. \`X-RateLimit-*\` tell how your limit stands.`;

/** The OpenAPI 3.1 document of the native API, made from the routes themselves. */
export function v1Document(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Switchboard')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .setOpenAPIVersion('3.1.0')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key, or an access token' }, 'bearer')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key' }, 'apiKey')
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('apiKey')
    .build();
  const operationIdFactory = (controller: string, method: string): string =>
    `${controller.replace(/Controller$/, '')}.${method}`;
  const document = SwaggerModule.createDocument(app, builder, { operationIdFactory });
  document.paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => path.startsWith('/v1/')));
  document.components = { ...document.components, schemas: V1_SCHEMAS };
  documentCommon(document);
  return document;
}

/** Serves the document at `/docs/openapi.json` and a page to read and try it at `/docs`. */
export function serveV1Docs(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => v1Document(app), {
    jsonDocumentUrl: 'docs/openapi.json',
    customSiteTitle: 'Switchboard API',
    swaggerOptions: { persistAuthorization: true },
  });
}

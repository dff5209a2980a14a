import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject } from '@nestjs/swagger';
import { documentCommon } from '@hub/http/document.common.js';
import { documentOf } from '@hub/http/document.js';
import { V1Module } from './v1.module.js';
import { V1_SCHEMAS } from './v1.schemas.js';
import { V1_WORDING } from './v1.wording.js';

const DESCRIPTION = `Conversations between a company and its customers, over every channel.

Send your API key or access token as \`Authorization: Bearer <it>\` or as \`X-API-Key\`. A list comes in pages (\`page\`, \`perPage\`) or by
\`cursor\`; a page that lies behind 100,000 entries is refused: narrow the list, or turn it round by \`sortOrder\`. An error names its \`code\` and the fields at fault. The same paths answer under \`/api/v1\`.

Send an \`Idempotency-Key\` with a POST, and it can be repeated safely; the public ones (registering, signing in, a lost
password) belong to nobody yet and ignore it. \`X-RateLimit-*\` tell how your limit stands.`;

/** The OpenAPI 3.1 document of the native API, made from the routes themselves. */
export function v1Document(app: INestApplication): OpenAPIObject {
  const head = new DocumentBuilder()
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
  const document = documentOf(app, V1Module, head);
  document.paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => path.startsWith('/v1/')));
  document.components = { ...document.components, schemas: V1_SCHEMAS };
  documentCommon(document, V1_WORDING);
  return document;
}

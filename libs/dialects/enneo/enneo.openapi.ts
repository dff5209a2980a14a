import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject } from '@nestjs/swagger';
import { documentCommon } from '@hub/http/document.common.js';
import { documentOf } from '@hub/http/document.js';
import { EnneoModule } from './enneo.module.js';
import { ENNEO_SCHEMAS } from './enneo.schemas.js';
import { ENNEO_WORDING } from './enneo.wording.js';

const DESCRIPTION = `The conversations of a ticket, for clients of enneo.MIND.

Send the access token of a user as \`Authorization: Bearer <it>\`, or the cookie \`connect.sid\` of one who has signed in;
API keys are not taken. Every id is an integer. What is absent is left out; only what may be null is null.`;

/** The OpenAPI 3.1 document of this contract, made from its routes. */
export function enneoDocument(app: INestApplication): OpenAPIObject {
  const head = new DocumentBuilder()
    .setTitle('Switchboard for enneo.MIND clients')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .setOpenAPIVersion('3.1.0')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearerAuth')
    .addCookieAuth('connect.sid', { type: 'apiKey', in: 'cookie', name: 'connect.sid' }, 'cookieAuth')
    .addSecurityRequirements('bearerAuth')
    .addSecurityRequirements('cookieAuth')
    .build();
  const document = documentOf(app, EnneoModule, head);
  document.components = { ...document.components, schemas: ENNEO_SCHEMAS };
  documentCommon(document, ENNEO_WORDING);
  return document;
}

import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject } from '@nestjs/swagger';
import { documentCommon } from '@hub/http/document.common.js';
import { documentOf } from '@hub/http/document.js';
import { PactModule } from './pact.module.js';
import { PACT_SCHEMAS } from './pact.schemas.js';
import { PACT_WORDING } from './pact.wording.js';

const DESCRIPTION = `Conversations for clients of Pact's API, version p1.

Send an API key as \`X-Private-Api-Token\`, or as \`private_api_token\` in the query. COMPANY_ID is the number of the key's
organization; every id is an integer. An error names its \`code\` and the fields at fault.`;

/** The OpenAPI 3.1 document of this contract, made from its routes. */
export function pactDocument(app: INestApplication): OpenAPIObject {
  const head = new DocumentBuilder()
    .setTitle('Switchboard for Pact clients')
    .setDescription(DESCRIPTION)
    .setVersion('p1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .setOpenAPIVersion('3.1.0')
    .addServer('/')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Private-Api-Token' }, 'header')
    .addApiKey({ type: 'apiKey', in: 'query', name: 'private_api_token' }, 'query')
    .addSecurityRequirements('header')
    .addSecurityRequirements('query')
    .build();
  const document = documentOf(app, PactModule, head);
  document.components = { ...document.components, schemas: PACT_SCHEMAS };
  documentCommon(document, PACT_WORDING);
  return document;
}

import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject } from '@nestjs/swagger';
import { documentCommon } from '@hub/http/document.common.js';
import { documentOf } from '@hub/http/document.js';
import type { Schema } from '@hub/platform/dto.js';
import { TicketDeskModule } from './ticket-desk.module.js';
import { TICKET_DESK_SCHEMAS } from './ticket-desk.schemas.js';
import { TICKET_DESK_WORDING } from './ticket-desk.wording.js';

const DESCRIPTION = `The chat of a ticket desk: one conversation for each ticket, between its user and the staff.

Send a token as \`Authorization: Bearer <it>\`: a customer's own (\`POST /v1/contacts/{id}/token\`) or the access token of a
member of the staff (\`POST /v1/auth/login\`). Every id is an integer. An error says its \`message\`.`;

/** The OpenAPI 3.1 document of this contract, made from its routes. */
export function ticketDeskDocument(app: INestApplication): OpenAPIObject {
  const head = new DocumentBuilder()
    .setTitle('Switchboard ticket desk')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .setOpenAPIVersion('3.1.0')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: "A customer's token, or an access token" }, 'bearer')
    .addSecurityRequirements('bearer')
    .build();
  const document = documentOf(app, TicketDeskModule, head);
  const schemas: Record<string, Schema> = TICKET_DESK_SCHEMAS;
  document.components = { ...document.components, schemas };
  documentCommon(document, TICKET_DESK_WORDING);
  return document;
}

import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject } from '@nestjs/swagger';
import { documentCommon } from '@hub/http/document.common.js';
import { documentOf } from '@hub/http/document.js';
import { ParticipantsModule } from './participants.module.js';
import { PARTICIPANTS_SCHEMAS } from './participants.schemas.js';
import { PARTICIPANTS_WORDING } from './participants.wording.js';

const DESCRIPTION = `Conversations of the users who take part in them.

Send the access token of a user as \`Authorization: Bearer <it>\` (\`POST /v1/auth/login\` gives one). Whoever does not take
part in a conversation gets the answer as if it did not exist. \`detail\` of an error says what is wrong, and where.`;

/** The OpenAPI 3.1 document of this contract, made from its routes. */
export function participantsDocument(app: INestApplication): OpenAPIObject {
  const head = new DocumentBuilder()
    .setTitle('Switchboard for participants')
    .setDescription(DESCRIPTION)
    .setVersion('2')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .setOpenAPIVersion('3.1.0')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .addSecurityRequirements('bearer')
    .build();
  const document = documentOf(app, ParticipantsModule, head);
  document.components = { ...document.components, schemas: PARTICIPANTS_SCHEMAS };
  documentCommon(document, PARTICIPANTS_WORDING);
  return document;
}

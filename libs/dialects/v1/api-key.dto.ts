import { SCOPES } from '@hub/identity/actor.js';
import { API_KEY_KINDS, type ApiKeyKind } from '@hub/model/api-key.entity.js';
import { OneOf, Text, TextList, Timestamp } from '@hub/platform/dto.js';
import { PageQuery } from './v1.dto.js';

export class ListApiKeysQuery extends PageQuery {
  @Text({ optional: true, min: 1, description: 'How the key begins' }) prefix?: string;
  @OneOf(API_KEY_KINDS, { optional: true }) kind?: ApiKeyKind;
}

export class CreateApiKeyBody {
  @Text() name: string;
  @TextList({ maxItems: SCOPES.length, description: `Any of ${SCOPES.join(', ')}` }) permissions: string[];
  @OneOf(API_KEY_KINDS, {
    optional: true,
    description:
      'A `user` key is your own: it ends with your access. Unless set, `service` for admins, `user` for others',
  })
  kind?: ApiKeyKind;
  @Timestamp({ optional: true, nullable: true, description: 'In the future; never unless set' }) expiresAt?:
    string | null;
}

import { Flag } from '@hub/platform/dto.js';

export class ConversationsQuery {
  @Flag({ optional: true, default: false, description: 'Whether each item tells what it was made from, as `rawData`' })
  includeRawData = false;
}

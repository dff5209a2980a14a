import { Text, Timestamp, Whole } from '@hub/platform/dto.js';
import { CursorQuery } from './v1.dto.js';

const ACTION = {
  max: 100,
  pattern: /^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$/,
  hint: 'an action such as conversation.closed, or a group such as conversation.*',
};

export class ListAuditQuery extends CursorQuery {
  @Whole({ min: 1, max: 100, optional: true, default: 50 }) limit = 50;
  @Text({ optional: true, min: 1, description: 'A user, bot, contact or API key' }) actorId?: string;
  @Text({ ...ACTION, optional: true, description: 'Exact, or a group such as `conversation.*`' }) action?: string;
  @Text({ optional: true, min: 1, description: 'What it was done to' }) subjectId?: string;
  @Timestamp({ optional: true, description: 'Done at or after' }) startDate?: string;
  @Timestamp({ optional: true, description: 'Done at or before; a date means its last instant' }) endDate?: string;
}

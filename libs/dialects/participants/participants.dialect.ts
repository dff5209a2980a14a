import type { Dialect } from '@hub/http/dialect.js';
import { ParticipantsModule } from './participants.module.js';
import { participantsDocument } from './participants.openapi.js';
import { PARTICIPANTS_WORDING } from './participants.wording.js';

/** Conversations among participants, at `/api/v2/conversations`. */
export const PARTICIPANTS: Dialect = {
  name: 'participants',
  module: ParticipantsModule,
  wording: PARTICIPANTS_WORDING,
  document: participantsDocument,
};

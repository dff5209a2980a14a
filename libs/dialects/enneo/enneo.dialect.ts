import type { Dialect } from '@hub/http/dialect.js';
import { EnneoModule } from './enneo.module.js';
import { enneoDocument } from './enneo.openapi.js';
import { ENNEO_WORDING } from './enneo.wording.js';

/** For clients of enneo.MIND: at `/api/mind/ticket/{ticketId}/conversation`. */
export const ENNEO: Dialect = {
  name: 'enneo',
  module: EnneoModule,
  wording: ENNEO_WORDING,
  document: enneoDocument,
};

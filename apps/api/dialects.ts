import { ENNEO } from '@hub/dialects/enneo/enneo.dialect.js';
import { PACT } from '@hub/dialects/pact/pact.dialect.js';
import { TICKET_DESK } from '@hub/dialects/ticket-desk/ticket-desk.dialect.js';
import { PARTICIPANTS } from '@hub/dialects/participants/participants.dialect.js';
import { V1 } from '@hub/dialects/v1/v1.dialect.js';
import type { Dialect } from '@hub/http/dialect.js';

/** Every HTTP contract that is served; the first one words what goes wrong at nobody's address, too. */
export const DIALECTS: readonly [Dialect, ...Dialect[]] = [V1, TICKET_DESK, PARTICIPANTS, ENNEO, PACT];

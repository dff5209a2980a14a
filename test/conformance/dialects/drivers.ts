import type { Driver } from './driver.js';
import { ENNEO_DRIVER } from './enneo.driver.js';
import { PACT_DRIVER } from './pact.driver.js';
import { PARTICIPANTS_DRIVER } from './participants.driver.js';
import { TICKET_DESK_DRIVER } from './ticket-desk.driver.js';
import { V1_DRIVER } from './v1.driver.js';

/** One for each dialect that is served. */
export const DRIVERS: readonly Driver[] = [V1_DRIVER, PACT_DRIVER, TICKET_DESK_DRIVER, PARTICIPANTS_DRIVER, ENNEO_DRIVER];

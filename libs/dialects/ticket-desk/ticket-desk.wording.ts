import type { Failure } from '@hub/http/failure.js';
import { under, type Worded, type Wording } from '@hub/http/wording.js';

/** What this contract says otherwise than HTTP would. */
const STATUS: Readonly<Record<string, number>> = { CONVERSATION_CLOSED: 403, VERSION_MISMATCH: 409 };

const MESSAGE: Readonly<Record<string, string>> = {
  AUTHENTICATION_REQUIRED: 'Send a token: Authorization: Bearer <it>',
  INSUFFICIENT_PERMISSIONS: 'You are not authorized for this conversation',
};

/** Failures as `{message}`, which names the fields at fault. */
export const TICKET_DESK_WORDING: Wording = {
  owns: under('/conversation'),

  word({ status, code, message, details }: Failure): Worded {
    const problems = details.map((problem) => problem.message).join('; ');
    return { status: STATUS[code] ?? status, body: { message: MESSAGE[code] ?? (problems || message) } };
  },
};

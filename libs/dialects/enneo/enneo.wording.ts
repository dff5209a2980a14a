import type { Failure } from '@hub/http/failure.js';
import { under, type Worded, type Wording } from '@hub/http/wording.js';

/** What is taken here, where nothing was sent. */
const ADVICE = 'Send the access token of a user: Authorization: Bearer <it>, or the cookie connect.sid';

/** What the one who reads the screen is told, where this contract has a word for it. */
const READABLE: Readonly<Record<string, string>> = {
  unauthenticated: 'Unauthorized',
  forbidden: 'Unauthorized',
  internal: 'Internal error',
  TICKET_NOT_FOUND: 'Ticket not found',
};

/** Failures as `{error, details, txId}`; whoever may not come in is a 403, known or not. */
export const ENNEO_WORDING: Wording = {
  owns: under('/api/mind'),

  word({ kind, status, code, message, details }: Failure, { id }): Worded {
    const error = READABLE[code] ?? READABLE[kind] ?? message;
    return {
      status: kind === 'unauthenticated' ? 403 : status,
      body: { error, details: forDeveloper(kind, code, message, details), txId: id },
    };
  },
};

/** Nothing of what nobody has foreseen. */
function forDeveloper(kind: Failure['kind'], code: string, message: string, problems: Failure['details']): string {
  if (kind === 'internal') return '';
  if (code === 'AUTHENTICATION_REQUIRED') return ADVICE;
  return problems.map((problem) => problem.message).join('; ') || message;
}

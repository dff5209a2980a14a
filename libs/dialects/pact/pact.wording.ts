import type { Failure } from '@hub/http/failure.js';
import { under, type Worded, type Wording } from '@hub/http/wording.js';
import type { FieldProblem } from '@hub/platform/errors.js';

/** Where this contract answers, and all below it. */
export const isPactPath = under('/p1');

/** What is done otherwise here than the failure itself advises. */
const ADVICE: Readonly<Record<string, FieldProblem>> = {
  AUTHENTICATION_REQUIRED: { field: 'X-Private-Api-Token', message: 'Send an API key as X-Private-Api-Token' },
  UNSUPPORTED_MEDIA_TYPE: { field: 'Content-Type', message: 'Send the fields as a form, as JSON or in the query' },
};

/** Failures in Pact's envelope. */
export const PACT_WORDING: Wording = {
  owns: isPactPath,

  word({ status, code, message, details: found }: Failure): Worded {
    const advice = ADVICE[code];
    const details = advice ? [advice] : found;
    const error = { code, message: advice?.message ?? message, ...(details.length > 0 && { details }) };
    return { status, body: { status: 'error', error } };
  },
};

import type { Failure } from '@hub/http/failure.js';
import { under, type Worded, type Wording } from '@hub/http/wording.js';

/** Where this contract answers, and all below it. */
export const isPactPath = under('/p1');

const MEDIA = 'Send the fields as a form, as JSON or in the query';

/** Failures in Pact's envelope. */
export const PACT_WORDING: Wording = {
  owns: isPactPath,

  word({ kind, status, code, message, details: found }: Failure): Worded {
    const isMedia = kind === 'unsupported_media';
    const details = isMedia ? [{ field: 'Content-Type', message: MEDIA }] : found;
    const error = { code, message: isMedia ? MEDIA : message, ...(details.length > 0 && { details }) };
    return { status, body: { status: 'error', error } };
  },
};

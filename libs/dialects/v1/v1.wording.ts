import type { Failure } from '@hub/http/failure.js';
import { under, type FailedRequest, type Worded, type Wording } from '@hub/http/wording.js';
import { encodeId } from '@hub/platform/ids.js';

/** Failures in the native API's error envelope. */
export const V1_WORDING: Wording = {
  owns: under('/v1', '/api/v1'),

  word({ status, code, message, details: found, data, retryAfter }: Failure, { id }: FailedRequest): Worded {
    const existing = data['conversationId'];
    const details = existing ? [{ field: 'conversationId', message: encodeId('conv', existing) }] : found;
    const error = { code, message, ...(details.length > 0 && { details }), ...(retryAfter && { retryAfter }) };
    return { status, body: { error, meta: { requestId: id } } };
  },
};

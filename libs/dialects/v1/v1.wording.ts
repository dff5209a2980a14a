import type { Failure } from '@hub/http/failure.js';
import { under, type FailedRequest, type Worded, type Wording } from '@hub/http/wording.js';
import { encodeId } from '@hub/platform/ids.js';

/** Failures in the native API's error envelope. */
export const V1_WORDING: Wording = {
  owns: under('/v1', '/api/v1'),

  word({ status, code, message, details: found, data, retryAfter }: Failure, { id }: FailedRequest): Worded {
    const existing = data['conversationId'];
    const assignee = winnerOf(data);
    const details = existing
      ? [{ field: 'conversationId', message: encodeId('conv', existing) }]
      : assignee
        ? [{ field: 'assignee', message: assignee.id }]
        : found;
    const error = {
      code,
      message,
      ...(details.length > 0 && { details }),
      ...(assignee && { assignee }),
      ...(retryAfter && { retryAfter }),
    };
    return { status, body: { error, meta: { requestId: id } } };
  },
};

/** Who has the conversation that the caller wanted. */
function winnerOf(data: Failure['data']): { id: string; type: string; name: string } | null {
  const { assigneeType: type, assigneeId: id, assigneeName: name } = data;
  return type && id ? { id: encodeId(type, id), type, name: name ?? '' } : null;
}

import type { Failure } from '@hub/http/failure.js';
import { under, type Worded, type Wording } from '@hub/http/wording.js';
import type { FieldProblem } from '@hub/platform/errors.js';

/** Failures as `{detail}`: a text, or for input that is not valid a list of what is wrong, and where. */
export const PARTICIPANTS_WORDING: Wording = {
  owns: under('/api/v2/conversations'),

  word({ kind, status, code, message, details }: Failure): Worded {
    if (kind === 'unauthenticated') {
      return { status, body: { detail: TOLD[code] ?? message }, headers: { 'www-authenticate': 'Bearer' } };
    }
    if (kind === 'version_mismatch') return { status: 409, body: { detail: message } };
    const problems = code === 'ASSIGNEE_UNAVAILABLE' ? [{ field: 'userIds', message }] : details;
    if (problems.length > 0 && (kind === 'validation' || kind === 'unprocessable')) {
      return { status: 422, body: { detail: problems.map(problemOf) } };
    }
    const [named] = kind === 'not_found' ? details : [];
    const text = TOLD[code] ?? message;
    return { status, body: { detail: named ? `${locationOf(named.field).slice(1).join('.')}: ${text}` : text } };
  },
};

const TOLD: Readonly<Record<string, string>> = {
  AUTHENTICATION_REQUIRED: 'Not authenticated',
  INVALID_API_KEY: 'Could not validate credentials',
  CONVERSATION_NOT_FOUND: 'Conversation not found or user is not a participant',
};

/** What commands call differently. */
const FIELDS: Readonly<Record<string, string>> = {
  page: 'query.page',
  userIds: 'body.participant_user_ids',
  'content.type': 'body.body',
  'content.text': 'body.body',
  'Content-Type': 'header.content-type',
  'Idempotency-Key': 'header.idempotency-key',
};

const PLACED = /^(body|query|path|header)(\.|$)/;

function locationOf(field: string): (string | number)[] {
  const place = FIELDS[field] ?? (PLACED.test(field) ? field : `body.${field}`);
  return place.split('.').map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : part));
}

function problemOf({ field, message }: FieldProblem): object {
  const type = message.endsWith(' is required') ? 'missing' : 'value_error';
  return { loc: locationOf(field), msg: message, type };
}

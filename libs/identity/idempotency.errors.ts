import { HubError, ValidationError } from '@hub/platform/errors.js';

export const IDEMPOTENCY_KEY = 'Idempotency-Key';
const RETRY_AFTER = '1';

export class IdempotencyKeyMalformedError extends ValidationError {
  constructor() {
    super([{ field: IDEMPOTENCY_KEY, message: `${IDEMPOTENCY_KEY} must be 1 to 255 printable characters` }]);
  }
}

export class IdempotencyKeyReusedError extends HubError {
  constructor() {
    const message = 'This key has been sent with another request: take a new one for a new request';
    super('unprocessable', 'IDEMPOTENCY_KEY_REUSED', message, [{ field: IDEMPOTENCY_KEY, message }]);
  }
}

export class IdempotencyInProgressError extends HubError {
  constructor() {
    const message = 'The first request with this key is still running: ask again for its answer';
    super('conflict', 'IDEMPOTENCY_IN_PROGRESS', message, [], { retryAfter: RETRY_AFTER });
  }
}

/** The one case in which nobody knows the answer: the process ended between an effect outside and its record. */
export class IdempotencyInterruptedError extends HubError {
  constructor() {
    const message =
      'The first request with this key was interrupted after it had begun to take effect: look at what it has done, ' +
      'and take a new key to do it again';
    super('conflict', 'IDEMPOTENCY_INTERRUPTED', message);
  }
}

/** What went wrong, independent of any HTTP dialect. Each dialect maps every kind to a status of its own. */
export type ErrorKind =
  | 'validation'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'version_mismatch'
  | 'too_large'
  | 'unsupported_media'
  | 'unprocessable'
  | 'rate_limited'
  | 'bad_gateway'
  | 'unavailable'
  | 'internal';

/** One offending input field: `field` is a dotted path as the caller wrote it. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/**
 * The only error that services throw on purpose. `code` is stable and machine-readable, `message` is safe to show
 * to the caller, `details` name the fields at fault, `data` carries facts a dialect may want (an existing id, a winner).
 */
export class HubError extends Error {
  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    readonly details: readonly FieldProblem[] = [],
    readonly data: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** Input that the caller can mend; `details` is never empty, so that the field is always named. */
export class ValidationError extends HubError {
  constructor(details: readonly FieldProblem[], message = 'The request is not valid', code = 'VALIDATION_ERROR') {
    super('validation', code, message, details);
  }

  static of(field: string, message: string): ValidationError {
    return new ValidationError([{ field, message }]);
  }
}

/**
 * The thing does not exist for this caller: unknown, deleted and another organization's are one and the same.
 * `field` is the input that names it, where it is not the address of the request itself.
 */
export class NotFoundError extends HubError {
  constructor(code: string, message: string, field?: string) {
    super('not_found', code, message, field ? [{ field, message }] : []);
  }
}

export class ConflictError extends HubError {
  constructor(code: string, message: string, data: Readonly<Record<string, string>> = {}) {
    super('conflict', code, message, [], data);
  }
}

export class UnprocessableError extends HubError {
  constructor(code: string, message: string) {
    super('unprocessable', code, message);
  }
}

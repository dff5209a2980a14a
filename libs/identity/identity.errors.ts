import { ConflictError, HubError, NotFoundError, ValidationError } from '@hub/platform/errors.js';

export class AuthenticationRequiredError extends HubError {
  constructor() {
    super(
      'unauthenticated',
      'AUTHENTICATION_REQUIRED',
      'Send an API key or an access token: Authorization: Bearer <it>, or X-API-Key',
    );
  }
}

export class InvalidApiKeyError extends HubError {
  constructor() {
    super('unauthenticated', 'INVALID_API_KEY', 'The API key is unknown, expired or revoked');
  }
}

export class InvalidTokenError extends HubError {
  constructor(message = 'The token is not one of ours, or has expired') {
    super('unauthenticated', 'INVALID_TOKEN', message);
  }
}

export class TokenRevokedError extends HubError {
  constructor(message = 'The session has ended: sign in again') {
    super('unauthenticated', 'TOKEN_REVOKED', message);
  }
}

/** One answer for an unknown email and a wrong password. */
export class InvalidCredentialsError extends HubError {
  constructor(message = 'The email or the password is not right') {
    super('unauthenticated', 'INVALID_CREDENTIALS', message);
  }
}

export class InvalidRefreshTokenError extends HubError {
  constructor() {
    super('unauthenticated', 'INVALID_REFRESH_TOKEN', 'The refresh token is unknown or has expired');
  }
}

export class AccountLockedError extends HubError {
  /** @param seconds until it opens again; absent: until an administrator says so */
  constructor(seconds?: number) {
    const message = seconds
      ? 'Too many wrong passwords: the email is locked for a while'
      : 'The account is suspended: ask an administrator';
    super('forbidden', 'ACCOUNT_LOCKED', message, [], seconds ? { retryAfter: String(seconds) } : {});
  }
}

export class InvalidResetTokenError extends HubError {
  constructor() {
    super('validation', 'INVALID_RESET_TOKEN', 'The link is unknown, used or expired', [
      { field: 'token', message: 'token is unknown, used or expired' },
    ]);
  }
}

export class EmailTakenError extends ConflictError {
  constructor() {
    super('EMAIL_ALREADY_EXISTS', 'Another user has this email');
  }
}

export class InsufficientPermissionsError extends HubError {
  /** @param what a scope, or what else is needed */
  constructor(what: string) {
    super('forbidden', 'INSUFFICIENT_PERMISSIONS', /^[\w:]+$/.test(what) ? `This needs the scope ${what}` : what);
  }
}

/** Nobody could make another super_admin any more. */
export class LastOwnerError extends ValidationError {
  constructor(field: string) {
    const message = 'An organization keeps at least one active super_admin: make somebody else super_admin first';
    super([{ field, message }], message);
  }
}

export class UserNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('USER_NOT_FOUND', 'User does not exist', field);
  }
}

export class ApiKeyNotFoundError extends NotFoundError {
  constructor() {
    super('RESOURCE_NOT_FOUND', 'API key does not exist');
  }
}

import { HubError } from '@hub/platform/errors.js';

export class AuthenticationRequiredError extends HubError {
  constructor() {
    super('unauthenticated', 'AUTHENTICATION_REQUIRED', 'Send an API key: Authorization: Bearer <key>, or X-API-Key');
  }
}

export class InvalidApiKeyError extends HubError {
  constructor() {
    super('unauthenticated', 'INVALID_API_KEY', 'The API key is unknown, expired or revoked');
  }
}

export class InsufficientPermissionsError extends HubError {
  constructor(scope: string) {
    super('forbidden', 'INSUFFICIENT_PERMISSIONS', `This needs the scope ${scope}`);
  }
}

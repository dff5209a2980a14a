import { ConflictError, NotFoundError } from '@hub/platform/errors.js';

export class TeamNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('TEAM_NOT_FOUND', 'Team does not exist', field);
  }
}

export class TeamExistsError extends ConflictError {
  constructor() {
    super('RESOURCE_ALREADY_EXISTS', 'Another team has this name');
  }
}

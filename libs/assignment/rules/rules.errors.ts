import { ConflictError, NotFoundError } from '@hub/platform/errors.js';

export class RuleNotFoundError extends NotFoundError {
  constructor() {
    super('RESOURCE_NOT_FOUND', 'Rule does not exist');
  }
}

export class TooManyRulesError extends ConflictError {
  constructor(most: number) {
    super('RESOURCE_ALREADY_EXISTS', `There are ${most} rules already: remove one first`);
  }
}

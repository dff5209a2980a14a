import { ConflictError, NotFoundError } from '@hub/platform/errors.js';

export class QueueNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('QUEUE_NOT_FOUND', 'Queue does not exist', field);
  }
}

export class QueueExistsError extends ConflictError {
  constructor() {
    super('RESOURCE_ALREADY_EXISTS', 'Another queue has this name');
  }
}

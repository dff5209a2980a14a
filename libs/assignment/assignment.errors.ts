import { ConflictError, HubError } from '@hub/platform/errors.js';
import type { Assignee } from '@hub/assignment/routing/hands.js';

/** Somebody has it already: who, by type, UUID and name. */
export class AlreadyAssignedError extends ConflictError {
  constructor({ type, id, name }: Assignee) {
    super('ALREADY_ASSIGNED', `The conversation is in the hands of ${name}`, {
      assigneeType: type,
      assigneeId: id,
      assigneeName: name,
    });
  }
}

/** What only a person can do, with a session or a key of their own. */
export class UsersOnlyError extends HubError {
  constructor(what: string) {
    super('forbidden', 'INSUFFICIENT_PERMISSIONS', `Only a user can ${what}: this key is nobody's own`);
  }
}

import { contactOf, type Actor } from '@hub/identity/actor.js';
import { InsufficientPermissionsError } from '@hub/identity/identity.errors.js';

/**
 * The staff sees everything, a contact what is its own; that there is something else is no secret here.
 * @param owners whose it is, by their UUIDs: all of them must be the contact that asks
 * @throws InsufficientPermissionsError
 */
export function requireOwn(actor: Actor, ...owners: readonly (string | null | undefined)[]): void {
  const contactId = contactOf(actor);
  if (contactId !== null && owners.some((owner) => owner !== contactId)) {
    throw new InsufficientPermissionsError('The conversation is somebody else’s');
  }
}

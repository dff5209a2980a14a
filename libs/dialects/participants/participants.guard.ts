import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { bearerOf } from '@hub/http/credential.js';
import { RequestGate } from '@hub/http/gate.js';
import { requestOf } from '@hub/http/request.js';
import type { Rule } from '@hub/http/rule.js';
import { InvalidTokenError } from '@hub/identity/identity.errors.js';

/** Every user who has signed in. The gate passes on whomever it knows, so that the guard can tell all others the same. */
export const USERS: Rule = { scope: 'authenticated', customer: true };

/** Lets in the access token of a user, of any role: no API key and no contact's token. */
@Injectable()
export class ParticipantsGuard implements CanActivate {
  constructor(private readonly gate: RequestGate) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const actor = await this.gate.enter(context, bearerOf(requestOf(context)));
    if (!actor?.sessionId) throw new InvalidTokenError('Only the access token of a user is taken here');
    return true;
  }
}

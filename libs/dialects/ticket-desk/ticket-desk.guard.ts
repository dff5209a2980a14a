import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { tokenOf } from '@hub/http/credential.js';
import { RequestGate } from '@hub/http/gate.js';
import { requestOf } from '@hub/http/request.js';

/** Lets in people only: a contact by its token, the staff by their access tokens. */
@Injectable()
export class TicketDeskGuard implements CanActivate {
  constructor(private readonly gate: RequestGate) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.gate.enter(context, tokenOf(requestOf(context)));
    return true;
  }
}

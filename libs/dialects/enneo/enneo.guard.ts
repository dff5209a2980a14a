import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { cookieOf, tokenOf } from '@hub/http/credential.js';
import { RequestGate } from '@hub/http/gate.js';
import { requestOf } from '@hub/http/request.js';

/** A user's access token as a bearer, else the session cookie; an API key is none. */
@Injectable()
export class EnneoGuard implements CanActivate {
  constructor(private readonly gate: RequestGate) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = requestOf(context);
    await this.gate.enter(context, tokenOf(request) ?? cookieOf(request));
    return true;
  }
}

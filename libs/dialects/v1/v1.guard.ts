import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { credentialOf } from '@hub/http/credential.js';
import { RequestGate } from '@hub/http/gate.js';
import { requestOf } from '@hub/http/request.js';

@Injectable()
export class V1Guard implements CanActivate {
  constructor(private readonly gate: RequestGate) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.gate.enter(context, credentialOf(requestOf(context)));
    return true;
  }
}

import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { NumbersQueries } from '@hub/conversations/numbers.queries.js';
import { headerOf, type Credential } from '@hub/http/credential.js';
import { RequestGate } from '@hub/http/gate.js';
import { requestOf, type ActorRequest } from '@hub/http/request.js';
import { NotFoundError } from '@hub/platform/errors.js';

/** An API key in Pact's own header, else in the query; and the company in the address is the key's organization. */
@Injectable()
export class PactGuard implements CanActivate {
  constructor(
    private readonly gate: RequestGate,
    private readonly numbers: NumbersQueries,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = requestOf(context);
    const actor = await this.gate.enter(context, keyOf(request));
    const { company } = request.params as { company: string };
    const own = actor && (await this.numbers.organizationNumber(actor.organizationId));
    if (company !== String(own)) throw new NotFoundError('RESOURCE_NOT_FOUND', 'Company does not exist');
    return true;
  }
}

function keyOf(request: ActorRequest): Credential | null {
  const sent = headerOf(request, 'x-private-api-token');
  if (sent) return { ...sent, kind: 'key' };
  const { private_api_token: value } = request.query as { private_api_token?: unknown };
  return typeof value === 'string' && value !== '' ? { kind: 'key', value } : null;
}

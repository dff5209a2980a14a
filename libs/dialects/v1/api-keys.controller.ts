import { Delete, Get, Param, Post } from '@nestjs/common';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { ApiKeysQueries } from '@hub/identity/api-keys.queries.js';
import { ApiKeysService } from '@hub/identity/api-keys.service.js';
import { CreateApiKeyBody, ListApiKeysQuery } from './api-key.dto.js';
import { apiKeyResource, toCreateApiKey } from './api-key.mapper.js';
import { many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('api-keys', 'Identity')
export class ApiKeysController {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly queries: ApiKeysQueries,
  ) {}

  @Get()
  @Operation({ scope: 'admin', people: true, summary: 'List API keys', query: ListApiKeysQuery, many: 'ApiKey' })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListApiKeysQuery) query: ListApiKeysQuery): Promise<Envelope> {
    return many(await this.queries.listApiKeys(actor, query), (key) => apiKeyResource(key));
  }

  @Post()
  @Operation({
    scope: 'admin',
    people: true,
    summary: 'Make an API key',
    description: 'The key is in the answer, this once. It cannot be given what its maker may not do.',
    body: CreateApiKeyBody,
    status: 201,
    one: 'ApiKey',
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateApiKeyBody) body: CreateApiKeyBody): Promise<Envelope> {
    const { key, secret } = await this.keys.create(actor, toCreateApiKey(actor, body));
    return one(apiKeyResource(key, secret));
  }

  @Delete(':id')
  @Operation({
    scope: 'admin',
    people: true,
    summary: 'Revoke an API key',
    description: 'It stops working at once, at every process.',
    status: 204,
    errors: ['RESOURCE_NOT_FOUND'],
  })
  async revoke(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.keys.revoke(actor, idOf('key', id));
  }
}

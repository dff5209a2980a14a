import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { QueuesQueries } from '@hub/assignment/queues/queues.queries.js';
import { QueuesService } from '@hub/assignment/queues/queues.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { CreateQueueBody, ListQueuesQuery, UpdateQueueBody } from './queue.dto.js';
import { queuedResource, queueResource, toCreateQueue, toListQueues, toUpdateQueue } from './queue.mapper.js';
import { OrderedPageQuery } from './v1.dto.js';
import { many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('queues', 'Teams and queues')
export class QueuesController {
  constructor(
    private readonly queues: QueuesService,
    private readonly queries: QueuesQueries,
  ) {}

  @Get()
  @Operation({ scope: 'assignment:read', summary: 'List queues', query: ListQueuesQuery, many: 'Queue' })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListQueuesQuery) query: ListQueuesQuery): Promise<Envelope> {
    return many(await this.queries.listQueues(actor.organizationId, toListQueues(query)), queueResource);
  }

  @Post()
  @Operation({
    scope: 'assignment:write',
    summary: 'Add a queue',
    description:
      'Where conversations wait for somebody of a team: higher priorities first, and among equals who has waited longest. ' +
      'Durations are in seconds. A name belongs to one queue, whatever its case.',
    body: CreateQueueBody,
    status: 201,
    one: 'Queue',
    errors: ['TEAM_NOT_FOUND', 'BOT_NOT_FOUND', 'RESOURCE_ALREADY_EXISTS'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateQueueBody) body: CreateQueueBody): Promise<Envelope> {
    return one(queueResource(await this.queues.create(actor, toCreateQueue(body))));
  }

  @Get(':id')
  @Operation({ scope: 'assignment:read', summary: 'Get a queue', one: 'Queue', errors: ['QUEUE_NOT_FOUND'] })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(queueResource(await this.queries.getQueue(actor.organizationId, idOf('queue', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Change a queue',
    description: 'Holds for those who wait already, too. Metadata is merged, everything else replaced.',
    body: UpdateQueueBody,
    one: 'Queue',
    errors: ['QUEUE_NOT_FOUND', 'TEAM_NOT_FOUND', 'BOT_NOT_FOUND', 'RESOURCE_ALREADY_EXISTS'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateQueueBody) body: UpdateQueueBody,
  ): Promise<Envelope> {
    return one(queueResource(await this.queues.update(actor, toUpdateQueue(idOf('queue', id), body))));
  }

  @Delete(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Remove a queue',
    description: 'Refused while conversations wait in it.',
    status: 204,
    errors: ['QUEUE_NOT_FOUND', 'ACTIVE_CONVERSATIONS_EXIST'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.queues.remove(actor, idOf('queue', id));
  }

  @Get(':id/conversations')
  @Operation({
    scope: 'assignment:read',
    summary: 'List who waits in a queue',
    description: 'The next one first. Estimated waits are in seconds, from the pace of the latest assignments.',
    query: OrderedPageQuery,
    many: 'QueuedConversation',
    errors: ['QUEUE_NOT_FOUND'],
  })
  async conversations(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(OrderedPageQuery) query: OrderedPageQuery,
  ): Promise<Envelope> {
    return many(await this.queries.listQueued(actor.organizationId, idOf('queue', id), query), queuedResource);
  }
}

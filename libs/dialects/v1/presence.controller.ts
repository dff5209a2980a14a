import { Get, Put } from '@nestjs/common';
import { PresenceQueries } from '@hub/assignment/presence/presence.queries.js';
import { PresenceService } from '@hub/assignment/presence/presence.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { ListPresenceQuery, PresenceBody } from './presence.dto.js';
import { presenceResource, toListPresence, toSetPresence } from './presence.mapper.js';
import { many, one, type Envelope } from './v1.envelope.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('presence', 'Teams and queues')
export class PresenceController {
  constructor(private readonly queries: PresenceQueries) {}

  @Get()
  @Operation({
    scope: 'assignment:read',
    summary: 'List who is here',
    description: 'All staff but the suspended, with what they have in hand and what they can take.',
    query: ListPresenceQuery,
    many: 'Presence',
  })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListPresenceQuery) query: ListPresenceQuery): Promise<Envelope> {
    return many(await this.queries.listPresence(actor.organizationId, toListPresence(query)), presenceResource);
  }
}

@V1Controller('me/presence', 'Teams and queues')
export class MyPresenceController {
  constructor(private readonly presence: PresenceService) {}

  @Get()
  @Operation({ scope: 'staff', summary: 'Get your presence', one: 'Presence' })
  async get(@CurrentActor() actor: Actor): Promise<Envelope> {
    return one(presenceResource(await this.presence.get(actor)));
  }

  @Put()
  @Operation({
    scope: 'staff',
    summary: 'Set your presence',
    description:
      'Also the heartbeat: send it every 30 seconds; 90 seconds without one set you offline. Queues give conversations to ' +
      'those who are online. After missed offers you are away until you set another status; a client that sends by itself ' +
      'sends `heartbeat`, which keeps you there without changing your status.',
    body: PresenceBody,
    one: 'Presence',
  })
  async set(@CurrentActor() actor: Actor, @WireBody(PresenceBody) body: PresenceBody): Promise<Envelope> {
    const set = body.heartbeat ? this.presence.beat(actor) : this.presence.set(actor, toSetPresence(body));
    return one(presenceResource(await set));
  }
}

import { Delete, Get, Headers, Param, Post } from '@nestjs/common';
import { ParticipantsQueries } from '@hub/conversations/participants.queries.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import { ParticipantsService } from '@hub/conversations/participants.service.js';
import type { Actor } from '@hub/identity/actor.js';
import { ValidationError } from '@hub/platform/errors.js';
import { AddParticipantBody, ListParticipantsQuery } from './conversation.dto.js';
import { participantResource, toCommand } from './conversation.mapper.js';
import type { Envelope } from './v1.envelope.js';
import { idOf, participantOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('conversations', 'Conversations')
export class ConversationParticipantsController {
  constructor(
    private readonly participants: ParticipantsService,
    private readonly queries: ParticipantsQueries,
  ) {}

  @Get(':id/participants')
  @Operation({
    scope: 'conversations:read',
    summary: 'List the participants of a conversation',
    query: ListParticipantsQuery,
    list: 'Participant',
    errors: ['CONVERSATION_NOT_FOUND'],
  })
  async list(
    @CurrentActor() { organizationId }: Actor,
    @Param('id') id: string,
    @WireQuery(ListParticipantsQuery) { includeLeft }: ListParticipantsQuery,
  ): Promise<Envelope> {
    const participants = await this.queries.listParticipants(organizationId, idOf('conv', id), includeLeft);
    return { data: participants.map(participantResource) };
  }

  @Post(':id/participants')
  @Operation({
    scope: 'conversations:write',
    summary: 'Add a participant to a conversation',
    description:
      'A user, a bot or both; answers all who take part then. Whoever takes part already stays, with the `role` if one ' +
      'is given. The assignee takes part by being assigned.',
    body: AddParticipantBody,
    status: 201,
    list: 'Participant',
    errors: ['CONVERSATION_NOT_FOUND', 'VERSION_MISMATCH', 'USER_NOT_FOUND', 'BOT_NOT_FOUND', 'ASSIGNEE_UNAVAILABLE'],
  })
  async add(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(AddParticipantBody) body: AddParticipantBody,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Envelope> {
    const { userId, botId, role } = body;
    if (!userId && !botId) throw ValidationError.of('userId', 'userId or botId is required');
    const participants = await this.participants.add(actor, {
      ...toCommand(id, body, ifMatch),
      ...(userId && { userId: idOf('user', userId, 'userId') }),
      ...(botId && { botId: idOf('bot', botId, 'botId') }),
      ...(role && { role }),
    });
    return { data: participants.map(participantResource) };
  }

  @Delete(':id/participants/:participantId')
  @Operation({
    scope: 'conversations:write',
    summary: 'Remove a participant from a conversation',
    description: 'The contact, the assignee and the attached bot stay: a 400 says why.',
    status: 204,
    errors: [
      'CONVERSATION_NOT_FOUND',
      'VERSION_MISMATCH',
      'USER_NOT_FOUND',
      'BOT_NOT_FOUND',
      'CONTACT_NOT_FOUND',
      'RESOURCE_NOT_FOUND',
    ],
  })
  async remove(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Param('participantId') participantId: string,
    @Headers('if-match') ifMatch?: string,
  ): Promise<void> {
    await this.participants.remove(actor, { ...toCommand(id, {}, ifMatch), ...participantOf(participantId) });
  }
}

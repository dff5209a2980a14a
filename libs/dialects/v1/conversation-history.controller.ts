import { Get, Param } from '@nestjs/common';
import { AssignmentQueries } from '@hub/assignment/assignment.queries.js';
import { CurrentActor, WireQuery } from '@hub/http/request.js';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { EventLogQueries } from '@hub/events/event-log.queries.js';
import type { Actor } from '@hub/identity/actor.js';
import { HistoryQuery } from './conversation.dto.js';
import { assignmentResource, eventResource } from './conversation-history.mapper.js';
import { stretch, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('conversations', 'Conversations')
export class ConversationHistoryController {
  constructor(
    private readonly conversations: ConversationsQueries,
    private readonly log: EventLogQueries,
    private readonly assignments: AssignmentQueries,
  ) {}

  @Get(':id/events')
  @Operation({
    scope: 'conversations:read',
    summary: 'List the events of a conversation',
    description: 'Its timeline, newest first, from the log that subscribers are told from.',
    query: HistoryQuery,
    stretch: 'TimelineEvent',
    errors: ['CONVERSATION_NOT_FOUND'],
  })
  async events(
    @CurrentActor() { organizationId }: Actor,
    @Param('id') id: string,
    @WireQuery(HistoryQuery) query: HistoryQuery,
  ): Promise<Envelope> {
    const conversationId = idOf('conv', id);
    await this.conversations.requireConversation(organizationId, conversationId);
    return stretch(await this.log.listTimeline(organizationId, conversationId, query), eventResource);
  }

  @Get(':id/assignments')
  @Operation({
    scope: 'conversations:read',
    summary: 'List the assignments of a conversation',
    description: 'Through which hands it has gone, by whom and why, newest first.',
    query: HistoryQuery,
    stretch: 'Assignment',
    errors: ['CONVERSATION_NOT_FOUND'],
  })
  async listAssignments(
    @CurrentActor() { organizationId }: Actor,
    @Param('id') id: string,
    @WireQuery(HistoryQuery) query: HistoryQuery,
  ): Promise<Envelope> {
    const conversationId = idOf('conv', id);
    await this.conversations.requireConversation(organizationId, conversationId);
    return stretch(await this.assignments.listAssignments(organizationId, conversationId, query), assignmentResource);
  }
}

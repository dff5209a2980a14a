import { Param, Post } from '@nestjs/common';
import { ExplainQueries } from '@hub/assignment/routing/explain.queries.js';
import { CurrentActor, WireBody } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { ExplainBody } from './offer.dto.js';
import { explanationOf } from './offer.mapper.js';
import { flat, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('queues', 'Assignment')
export class QueueExplainController {
  constructor(private readonly explain: ExplainQueries) {}

  @Post(':id/explain')
  @Operation({
    scope: 'assignment:read',
    summary: 'Explain who would get a conversation',
    description:
      'A dry run of the queue’s strategy as things stand now: the eligible members in the order in which they would get ' +
      'it, then some of the others with the reason why not. Changes nothing.',
    body: ExplainBody,
    bodyOptional: true,
    flat: 'Explanation',
    errors: ['QUEUE_NOT_FOUND', 'CONVERSATION_NOT_FOUND'],
  })
  async run(
    @CurrentActor() { organizationId }: Actor,
    @Param('id') id: string,
    @WireBody(ExplainBody) { conversationId, skills, channelType }: ExplainBody,
  ): Promise<Envelope> {
    const explanation = await this.explain.explain(organizationId, idOf('queue', id), {
      ...(conversationId !== undefined && { conversationId: idOf('conv', conversationId, 'conversationId') }),
      ...(skills && { skills }),
      ...(channelType && { channelType }),
    });
    return flat(explanationOf(explanation));
  }
}

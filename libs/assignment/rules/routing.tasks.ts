import { Inject, Injectable } from '@nestjs/common';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import type { EventType } from '@hub/events/catalog.js';
import { EventTaskRunner, type EventTask } from '@hub/events/event-task.runner.js';
import { systemAuthor } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { RoutingService } from '@hub/assignment/routing/routing.service.js';
import { RuleRouter } from './rule-router.js';

const TYPES: ReadonlySet<EventType> = new Set<EventType>([
  'conversation.created',
  'conversation.reopened',
  'conversation.unassigned',
]);

interface Standing {
  readonly waits: boolean;
  /** How it came into the hands it is in now. */
  readonly kind: string | null;
  readonly isBots: boolean;
}

/**
 * Finds the way for a conversation that was opened, that is open again, or that a bot has handed off to nobody: back to
 * whoever had it or its queue, else by the routing rules. What somebody has, what waits already and what an attached bot
 * answers is left alone.
 */
@Injectable()
export class RoutingTasks extends EventTaskRunner {
  override readonly consumer = 'routing';
  override readonly interest = `(
    EXISTS (SELECT FROM routing_rule r WHERE r.organization_id = n.organization_id AND r.deleted_at IS NULL AND r.enabled)
    OR EXISTS (SELECT FROM queue q WHERE q.organization_id = n.organization_id AND q.deleted_at IS NULL))`;

  constructor(
    db: Database,
    private readonly routing: RoutingService,
    private readonly router: RuleRouter,
    @Inject(LOGGER) logger: Logger,
  ) {
    super(db, logger);
  }

  override wants(type: EventType): boolean {
    return TYPES.has(type);
  }

  protected override async handle(tx: Tx, task: EventTask): Promise<void> {
    const { organizationId, orderKey: conversationId, eventType, eventId } = task;
    const conversation = await lockConversation(tx, organizationId, { conversationId });
    if (conversation.status !== 'open') return;
    if (eventType === 'conversation.reopened') {
      await this.routing.reopenedIn(tx, systemAuthor(organizationId), conversation);
    }
    if (conversation.assigneeId) return;
    const { waits, kind, isBots } = await standing(tx, conversation);
    if (waits) return;
    if (eventType === 'conversation.unassigned' ? kind !== 'handoff' : isBots) return;
    await this.router.routeIn(tx, conversation, eventId);
  }
}

async function standing(tx: Tx, { organizationId, id, botId }: Conversation): Promise<Standing> {
  const [found] = await tx.query<Standing[]>(
    `SELECT
       EXISTS (SELECT FROM queue_item i WHERE i.organization_id = $1 AND i.conversation_id = $2) AS waits,
       (SELECT a.kind FROM assignment a WHERE a.organization_id = $1 AND a.conversation_id = $2 AND a.ended_at IS NULL
        LIMIT 1) AS kind,
       EXISTS (SELECT FROM bot b WHERE b.organization_id = $1 AND b.id = $3 AND b.deleted_at IS NULL
         AND b.status = 'active') AS "isBots"`,
    [organizationId, id, botId],
  );
  return found ?? { waits: false, kind: null, isBots: false };
}

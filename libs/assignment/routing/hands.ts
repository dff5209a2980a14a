import { Injectable } from '@nestjs/common';
import { loadView } from '@hub/conversations/conversation-view.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import { joinIn, leaveIn } from '@hub/conversations/participants.js';
import { TicketsService } from '@hub/conversations/tickets.service.js';
import type { EventType } from '@hub/events/catalog.js';
import type { Author, Changes } from '@hub/events/outbox.js';
import type { AssignmentKind } from '@hub/model/assignment.entity.js';
import type { AssigneeType, Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { ConversationView } from '@hub/model/views.js';
import { newId } from '@hub/platform/ids.js';
import { isOverCapacity } from './agent-load.js';
import { QueueSignal } from './queue-signal.js';
import { RoutingMetrics } from './routing.metrics.js';
import type { Decision, QueueRow } from './routing.types.js';

export interface Assignee {
  readonly type: AssigneeType;
  readonly id: string;
  readonly name: string;
}

export type HandEvent = Extract<
  EventType,
  'conversation.assigned' | 'conversation.transferred' | 'conversation.unassigned' | 'conversation.updated'
>;

/** Why and how a conversation changes hands. */
export interface HandContext {
  readonly kind: AssignmentKind;
  readonly event: HandEvent;
  readonly reason?: string | null;
  readonly summary?: string | null;
  readonly note?: string | null;
  readonly notifyContact?: boolean;
  /** The queue that it goes to, or that it comes from. */
  readonly queue?: Pick<QueueRow, 'id' | 'teamId' | 'name' | 'strategy' | 'returnTimeout'>;
  readonly decision?: Decision;
  /** When it began to wait. */
  readonly waitingSince?: Date;
  /** When it entered the queue: the queue's pace is measured from it. */
  readonly queuedAt?: Date;
  /** When the engine took the room for it, and the agent's turn; a person takes none and may exceed a capacity. */
  readonly takenAt?: Date;
}

/**
 * The one way by which a conversation changes hands. On the locked conversation it ends the running assignment, writes
 * the next one, takes it out of its queue and its open offers back, moves the participants and tells the event; the user
 * who gets a conversation of a ticket gets the ticket, too. Load is counted by the database itself.
 */
@Injectable()
export class Hands {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly tickets: TicketsService,
    private readonly signal: QueueSignal,
    private readonly metrics: RoutingMetrics,
  ) {}

  async hand(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    to: Assignee | null,
    context: HandContext,
  ): Promise<ConversationView> {
    const { organizationId } = author;
    const { kind, queue } = context;
    const from = await this.present(tx, conversation);
    const fromUserId = from?.type === 'user' ? from.id : null;
    const ticketId = to?.type === 'user' ? conversation.ticketId : null;
    if (ticketId) await this.lockTicket(tx, conversation);
    const { id: conversationId, channelId } = conversation;
    const counts = conversation.status === 'open' || conversation.status === 'pending';
    const isOver =
      to?.type === 'user' &&
      counts &&
      !context.takenAt &&
      (await isOverCapacity(tx, { organizationId, conversationId, channelId, userId: to.id, fromUserId }));
    // a bot stays for as long as it is attached
    const botId = to?.type === 'bot' ? to.id : conversation.botId;
    if (from && from.id !== botId) await this.letGo(tx, organizationId, conversationId, from);
    await this.write(tx, author, conversation, { from, to, isOver, context });
    await this.moveBotAndAssignee(tx, conversation, to, botId);
    const fields: Partial<Conversation> = {
      assigneeType: to?.type ?? null,
      assigneeId: to?.id ?? null,
      assignedAt: to ? new Date() : null,
      assignedBy: to ? author.principal : null,
      botId,
      ...(queue && { queueId: queue.id, teamId: queue.teamId }),
    };
    const told = { ...tellHands(from, to, context, isOver), ...(await this.tellQueue(tx, conversation, queue)) };
    const view = await this.conversations.change(tx, author, conversation, context.event, fields, told);
    if (to && ticketId) await this.tickets.followIn(tx, author, ticketId, to.id);
    if (to && context.queuedAt && queue) await measurePace(tx, organizationId, queue.id, context.queuedAt);
    if (fromUserId) this.signal.afterCommit(tx, organizationId, { userId: fromUserId });
    this.metrics.assigned(tx, kind, queue?.strategy ?? 'none');
    return view;
  }

  /** A ticket is locked before any agent is, so that nobody waits in a circle. */
  async lockTicket(tx: Tx, { organizationId, ticketId }: Conversation): Promise<void> {
    if (ticketId) await this.tickets.lockIn(tx, organizationId, ticketId);
  }

  /** Ends the participation that the running assignment began: whoever took part before it goes on doing so. */
  private async letGo(tx: Tx, organizationId: string, conversationId: string, who: Assignee): Promise<void> {
    await tx.query(
      `UPDATE participant p SET left_at = now()
       WHERE p.organization_id = $1 AND p.conversation_id = $2 AND p.kind = $3 AND p.ref_id = $4 AND p.left_at IS NULL
         AND NOT EXISTS (
           SELECT FROM assignment a WHERE a.organization_id = $1 AND a.conversation_id = $2
             AND a.ended_at IS NULL AND a.created_at > p.joined_at)`,
      [organizationId, conversationId, who.type, who.id],
    );
  }

  private async moveBotAndAssignee(
    tx: Tx,
    { organizationId, id: conversationId, botId: before }: Conversation,
    to: Assignee | null,
    after: string | null,
  ): Promise<void> {
    if (before && before !== after) {
      await leaveIn(tx, organizationId, { conversationId, kind: 'bot', refId: before });
    }
    if (!to) return;
    const role = to.type === 'user' ? 'agent' : 'bot';
    await joinIn(tx, organizationId, { conversationId, kind: to.type, refId: to.id, role });
  }

  private async write(
    tx: Tx,
    { organizationId, principal }: Author,
    conversation: Conversation,
    {
      from,
      to,
      isOver,
      context,
    }: { from: Assignee | null; to: Assignee | null; isOver: boolean; context: HandContext },
  ): Promise<void> {
    const { queue, decision } = context;
    const returnsIn = to?.type === 'user' && queue && queue.returnTimeout > 0 ? queue.returnTimeout : null;
    await tx.query(WRITE, [
      organizationId,
      conversation.id,
      newId(),
      context.kind,
      from?.type ?? null,
      from?.id ?? null,
      to?.type ?? null,
      to?.id ?? null,
      JSON.stringify(principal),
      context.reason ?? null,
      context.summary ?? null,
      context.note ?? null,
      context.notifyContact ?? false,
      queue?.id ?? null,
      queue?.teamId ?? null,
      decision ? JSON.stringify(decision) : null,
      isOver,
      context.waitingSince ?? null,
      returnsIn,
      context.takenAt ?? null,
    ]);
  }

  private async tellQueue(
    tx: Tx,
    { organizationId, queueId }: Conversation,
    queue: HandContext['queue'],
  ): Promise<Partial<Changes>> {
    if (!queue || queue.id === queueId) return {};
    const [before] = queueId
      ? await tx.query<{ id: string; name: string }[]>(
          'SELECT id, name FROM queue WHERE organization_id = $1 AND id = $2',
          [organizationId, queueId],
        )
      : [];
    return { queue: { before: before ?? null, after: { id: queue.id, name: queue.name } } };
  }

  private async present(tx: Tx, conversation: Conversation): Promise<Assignee | null> {
    if (!conversation.assigneeId) return null;
    const { assignee } = await loadView(tx, conversation.organizationId, conversation.id);
    return assignee && { type: assignee.type, id: assignee.id, name: assignee.name };
  }
}

function tellHands(
  from: Assignee | null,
  to: Assignee | null,
  { reason, summary }: HandContext,
  isOver: boolean,
): Partial<Changes> {
  return {
    ...((from ?? to) && { assignee: { before: from, after: to } }),
    ...(reason && { reason: { before: null, after: reason } }),
    ...(summary && { summary: { before: null, after: summary } }),
    ...(isOver && { overCapacity: { before: null, after: true } }),
  };
}

/** The running assignment ends, the next begins; nobody waits for it or is asked any more; whose turn it was is kept. */
const WRITE = `
  WITH ended AS (
    UPDATE assignment SET ended_at = now() WHERE organization_id = $1 AND conversation_id = $2 AND ended_at IS NULL
  ), waited AS (
    DELETE FROM queue_item WHERE organization_id = $1 AND conversation_id = $2
  ), asked AS (
    UPDATE offer SET state = 'withdrawn', decided_at = now()
    WHERE organization_id = $1 AND conversation_id = $2 AND state = 'open'
  ), turn AS (
    UPDATE agent_state SET last_assigned_at = $20::timestamptz
    WHERE organization_id = $1 AND user_id = $8::uuid AND $20::timestamptz IS NOT NULL
  )
  INSERT INTO assignment (organization_id, conversation_id, id, kind, from_type, from_id, to_type, to_id, actor, reason,
    summary, note, notify_contact, queue_id, team_id, decision, over_capacity, waiting_since, return_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
    now() + $19::integer * interval '1 second')`;

/**
 * The queue's pace: the moving average of the time between two assignments while somebody waited. Its row comes last; a
 * sample is left out where another assignment of the queue is about to commit, so that none has to wait for others.
 */
async function measurePace(tx: Tx, organizationId: string, queueId: string, queuedAt: Date): Promise<void> {
  await tx.query(
    `UPDATE queue SET last_assigned_at = clock_timestamp(),
       pace_seconds = CASE WHEN pace_seconds IS NULL THEN gap ELSE pace_seconds * 0.9 + gap * 0.1 END
     FROM (SELECT greatest(0, extract(epoch FROM clock_timestamp() - greatest(q.last_assigned_at, $3::timestamptz)))::float8 AS gap
       FROM queue q WHERE q.organization_id = $1 AND q.id = $2 FOR NO KEY UPDATE SKIP LOCKED) AS measured
     WHERE organization_id = $1 AND id = $2`,
    [organizationId, queueId, queuedAt],
  );
}

import { Injectable } from '@nestjs/common';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import { systemAuthor, type Author } from '@hub/events/outbox.js';
import type { AssignmentKind } from '@hub/model/assignment.entity.js';
import { PRIORITIES, type Conversation } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { ConversationView } from '@hub/model/views.js';
import { nextOpening } from '@hub/assignment/hours/business-hours.js';
import { ClosedQueues } from '@hub/assignment/hours/closed-queues.js';
import { loadView } from '@hub/conversations/conversation-view.js';
import { Hands, type HandContext, type HandEvent } from './hands.js';
import { mayKeep } from './last-agent.js';
import { findQueue, requireQueue } from './queue-rows.js';
import { QueueSignal } from './queue-signal.js';
import type { Enqueueing } from './routing.types.js';

/** Without ageing a step of priority outweighs any waiting. */
const FOREVER = 315_360_000; // seconds: ten years
/** For how long the last agent is preferred where the queue does not say. */
const STICKY_DEFAULT = 86_400;

/** How it gets into a queue, where that is more than being put there. */
export interface EnqueueContext extends Pick<HandContext, 'summary' | 'note' | 'notifyContact'> {
  /** `queue` unless set. */
  readonly kind?: AssignmentKind;
  /** `conversation.unassigned` or `.updated` unless set. */
  readonly event?: HandEvent;
}

/** Puts conversations into queues and takes them out; who gets them is the drainers' to decide. */
@Injectable()
export class RoutingService {
  constructor(
    private readonly db: Database,
    private readonly hands: Hands,
    private readonly signal: QueueSignal,
    private readonly closed: ClosedQueues,
  ) {}

  /**
   * Puts a locked conversation that is not closed into a queue: nobody has it afterwards, and the queue is looked at
   * once this is committed. While the queue is closed it waits there for the next opening, or is dealt with as the queue
   * says.
   * @throws QueueNotFoundError
   */
  async enqueueIn(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    wanted: Enqueueing,
    context: EnqueueContext = {},
  ): Promise<ConversationView> {
    const { organizationId } = author;
    const queue = await requireQueue(tx, organizationId, wanted.queueId);
    const now = new Date();
    const waitingSince = wanted.waitingSince ?? now;
    const opening = nextOpening(queue.businessHours, now);
    const isClosed = opening !== null && opening > now;
    const view = await this.hands.hand(tx, author, conversation, null, {
      ...context,
      kind: context.kind ?? 'queue',
      event: context.event ?? (conversation.assigneeId ? 'conversation.unassigned' : 'conversation.updated'),
      reason: wanted.reason ?? null,
      queue,
      waitingSince,
    });
    if (conversation.status === 'snoozed') return view; // waits from when it is open again: see onReopened
    const priority = wanted.priority ?? PRIORITIES.indexOf(conversation.priority);
    const worth = priority * (queue.priorityAgeing || FOREVER);
    await tx.query(
      `INSERT INTO queue_item (organization_id, conversation_id, queue_id, priority, waiting_since, rank, skills,
         preferred_user_id, passed, rule_id, step, step_until, held_until)
       VALUES ($1, $2, $3, $4, $5, $5::timestamptz - $6::float8 * interval '1 second', $7, $8, $9, $10, $11, $12, $13)`,
      [
        organizationId,
        conversation.id,
        queue.id,
        priority,
        waitingSince,
        worth,
        JSON.stringify(wanted.skills ?? []),
        wanted.preferredUserId ?? null,
        wanted.passed ?? [],
        wanted.ruleId ?? null,
        wanted.step ?? null,
        wanted.stepUntil ?? null,
        wanted.heldUntil ?? (isClosed ? opening : null),
      ],
    );
    this.signal.afterCommit(tx, organizationId, { queueIds: [queue.id] });
    if (!isClosed || !queue.closedBehavior) return view;
    await this.closed.receiveIn(tx, conversation, queue, opening);
    return loadView(tx, organizationId, conversation.id);
  }

  /** Takes a locked conversation out of its queue and takes its open offers back. Being there already changes nothing. */
  async leaveIn(tx: Tx, { organizationId, id }: Conversation): Promise<void> {
    await tx.query(
      `WITH waited AS (DELETE FROM queue_item WHERE organization_id = $1 AND conversation_id = $2)
       UPDATE offer SET state = 'withdrawn', decided_at = now()
       WHERE organization_id = $1 AND conversation_id = $2 AND state = 'open'`,
      [organizationId, id],
    );
  }

  /** Gives the place in its queue another priority; nothing where it does not wait. */
  async reprioritizeIn(tx: Tx, { organizationId, id }: Conversation, priority: number): Promise<void> {
    const [rows] = await tx.query<[{ queueId: string }[], number]>(
      `UPDATE queue_item i SET priority = $3,
         rank = i.waiting_since - $3::smallint * coalesce(nullif(q.priority_ageing, 0), ${FOREVER}) * interval '1 second'
       FROM queue q WHERE i.organization_id = $1 AND i.conversation_id = $2 AND q.organization_id = $1 AND q.id = i.queue_id
       RETURNING i.queue_id AS "queueId"`,
      [organizationId, id, priority],
    );
    for (const { queueId } of rows) this.signal.afterCommit(tx, organizationId, { queueIds: [queueId] });
  }

  /**
   * What follows when a conversation is open again because its contact wrote: whoever had it keeps it if they are there,
   * have room for it and the queue's window is not over; else it waits in the queue it was in, or is nobody's where it
   * was in none. Never stays with somebody who is not there, and with a bot only while that is active.
   * @returns whether it was put into a queue or taken from somebody
   */
  async onReopened(organizationId: string, conversationId: string): Promise<boolean> {
    return this.db.transaction(organizationId, async (tx) => {
      const conversation = await lockConversation(tx, organizationId, { conversationId });
      return this.reopenedIn(tx, systemAuthor(organizationId), conversation);
    });
  }

  /** As {@link onReopened}, on a conversation that the caller has locked. */
  async reopenedIn(tx: Tx, author: Author, conversation: Conversation): Promise<boolean> {
    const { organizationId, queueId, assigneeType, assigneeId } = conversation;
    if (conversation.status !== 'open') return false;
    const queue = queueId === null ? null : await findQueue(tx, organizationId, queueId);
    if (!queue && !assigneeId) return false;
    const last = assigneeType && assigneeId ? { type: assigneeType, id: assigneeId } : null;
    if (last && (await mayKeep(tx, conversation, last, queue?.stickyWindow || STICKY_DEFAULT))) return false;
    if (!assigneeId && (await this.waits(tx, conversation))) return false;
    const reason = 'reopened';
    if (queue) {
      await this.enqueueIn(tx, author, conversation, { queueId: queue.id, reason }, { kind: 'reopen' });
    } else {
      await this.hands.hand(tx, author, conversation, null, {
        kind: 'reopen',
        event: 'conversation.unassigned',
        reason,
      });
    }
    return true;
  }

  private async waits(tx: Tx, { organizationId, id }: Conversation): Promise<boolean> {
    const found = await tx.query<unknown[]>(
      'SELECT 1 FROM queue_item WHERE organization_id = $1 AND conversation_id = $2',
      [organizationId, id],
    );
    return found.length > 0;
  }
}

import { Injectable } from '@nestjs/common';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import { systemAuthor } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import { Hands } from './hands.js';
import { findQueue } from './queue-rows.js';
import { RoutingService } from './routing.service.js';

interface Due {
  readonly organizationId: string;
  readonly conversationId: string;
}

interface Running {
  readonly queueId: string | null;
  readonly waitingSince: Date | null;
  readonly isDue: boolean;
  readonly hasWritten: boolean;
}

/** Takes conversations from agents who have gone or say nothing, back to where they came from. */
@Injectable()
export class ReturnsService {
  constructor(
    private readonly db: Database,
    private readonly routing: RoutingService,
    private readonly hands: Hands,
  ) {}

  /** Of agents who have not written in the time that the queue gives them, of all tenants. @returns how many were due */
  async returnDue(limit: number): Promise<number> {
    return this.each('returns-due', 'SELECT * FROM returns_due($1)', limit, async (tx, conversation, running) => {
      if (!running.isDue) return;
      if (running.hasWritten || conversation.status !== 'open' || conversation.assigneeType !== 'user') {
        await this.forgetTimer(tx, conversation);
      } else {
        await this.returnIn(tx, conversation, running, 'no answer in time');
      }
    });
  }

  /** Open ones of agents who went away and give them back, of all tenants; pending and snoozed ones stay. */
  async relieve(limit: number): Promise<number> {
    return this.each('left-behind', 'SELECT * FROM left_behind($1)', limit, async (tx, conversation, running) => {
      if (conversation.status !== 'open' || !(await this.isGone(tx, conversation))) return;
      await this.returnIn(tx, conversation, running, 'the agent is away');
    });
  }

  private async each(
    name: string,
    text: string,
    limit: number,
    work: (tx: Tx, conversation: Conversation, running: Running) => Promise<void>,
  ): Promise<number> {
    const columns = 'organization_id AS "organizationId", conversation_id AS "conversationId"';
    const due = await this.db.lookup<Due>('routing', { name, text: text.replace('*', columns) }, [limit]);
    for (const { organizationId, conversationId } of due) {
      await this.db.transaction(organizationId, async (tx) => {
        const free = await tx.query<unknown[]>(
          'SELECT 1 FROM conversation WHERE organization_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED',
          [organizationId, conversationId],
        );
        if (free.length === 0) return; // somebody is at it: the next round looks again
        const conversation = await lockConversation(tx, organizationId, { conversationId });
        const [running] = await tx.query<Running[]>(RUNNING, [organizationId, conversationId, conversation.assigneeId]);
        await work(tx, conversation, running ?? NEVER_ROUTED);
      });
    }
    return due.length;
  }

  private async returnIn(tx: Tx, conversation: Conversation, running: Running, reason: string): Promise<void> {
    const { organizationId, assigneeId } = conversation;
    const author = systemAuthor(organizationId);
    const queueId = running.queueId ?? conversation.queueId;
    const queue = queueId ? await findQueue(tx, organizationId, queueId) : null;
    if (!queue) {
      await this.hands.hand(tx, author, conversation, null, {
        kind: 'return',
        event: 'conversation.unassigned',
        reason,
      });
      return;
    }
    const place = {
      queueId: queue.id,
      passed: assigneeId ? [assigneeId] : [],
      reason,
      ...(running.waitingSince && { waitingSince: running.waitingSince }),
    };
    await this.routing.enqueueIn(tx, author, conversation, place, { kind: 'return' });
  }

  private async isGone(tx: Tx, { organizationId, assigneeType, assigneeId }: Conversation): Promise<boolean> {
    if (assigneeType !== 'user') return false;
    const found = await tx.query<unknown[]>(
      `SELECT 1 FROM agent_state WHERE organization_id = $1 AND user_id = $2 AND reassigns
         AND status IN ('away','offline')`,
      [organizationId, assigneeId],
    );
    return found.length > 0;
  }

  private async forgetTimer(tx: Tx, { organizationId, id }: Conversation): Promise<void> {
    await tx.query(
      `UPDATE assignment SET return_at = NULL
       WHERE organization_id = $1 AND conversation_id = $2 AND ended_at IS NULL AND return_at IS NOT NULL`,
      [organizationId, id],
    );
  }
}

const NEVER_ROUTED: Running = { queueId: null, waitingSince: null, isDue: false, hasWritten: false };

/** The running assignment, and whether its agent has written to the contact since. */
const RUNNING = `
  SELECT a.queue_id AS "queueId", a.waiting_since AS "waitingSince", coalesce(a.return_at <= now(), false) AS "isDue",
    EXISTS (
      SELECT FROM message m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.direction = 'outbound'
        AND m.sender->>'type' = 'user' AND m.sender->>'id' = $3::uuid::text AND m.created_at >= a.created_at) AS "hasWritten"
  FROM assignment a WHERE a.organization_id = $1 AND a.conversation_id = $2 AND a.ended_at IS NULL
  ORDER BY a.id DESC LIMIT 1`;

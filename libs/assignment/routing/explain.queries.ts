import { Injectable } from '@nestjs/common';
import { ConversationNotFoundError } from '@hub/conversations/conversations.errors.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Conversation } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import { findCandidates, type Candidate } from './candidates.js';
import { findStickyAgent } from './last-agent.js';
import { mergeSkills, requireQueue } from './queue-rows.js';
import type { QueueRow, Skill } from './routing.types.js';

const STICKY_DEFAULT = 86_400;

/** What is asked of a queue: for a conversation, or for one that wants these skills on such a channel. */
export interface ExplainRequest {
  readonly conversationId?: string;
  readonly skills?: readonly Skill[];
  readonly channelType?: ChannelType;
}

export interface Explanation {
  readonly queue: QueueRow;
  /** How it would be given now: not at all where nobody is eligible. */
  readonly outcome: 'assign' | 'offer' | 'wait' | 'manual';
  readonly skills: readonly Skill[];
  readonly channelType: ChannelType;
  readonly considered: number;
  readonly eligible: number;
  /** The eligible ones first, in the order in which they would get it. */
  readonly candidates: readonly Candidate[];
}

interface Known {
  readonly skills: readonly Skill[];
  readonly passed: readonly string[];
  readonly preferredUserId: string | null;
  readonly channelType: ChannelType;
}

@Injectable()
export class ExplainQueries {
  constructor(private readonly db: Database) {}

  /** Who would get it and why, by the same statement as the engine; changes nothing. @throws QueueNotFoundError, ConversationNotFoundError */
  async explain(organizationId: string, queueId: string, request: ExplainRequest): Promise<Explanation> {
    return this.db.transaction(organizationId, async (tx) => {
      const queue = await requireQueue(tx, organizationId, queueId);
      const known = await this.known(tx, organizationId, queue, request);
      const skills = mergeSkills(queue.skills, request.skills ?? known.skills);
      const channelType = request.channelType ?? known.channelType;
      const found = await findCandidates(tx, {
        organizationId,
        teamId: queue.teamId,
        strategy: queue.strategy,
        skills,
        channelType,
        passed: known.passed,
        preferredUserId: known.preferredUserId,
      });
      return {
        queue,
        outcome: outcomeOf(queue, found.eligibleCount),
        skills,
        channelType,
        considered: found.considered,
        eligible: found.eligibleCount,
        candidates: [...found.eligible, ...found.others],
      };
    });
  }

  private async known(
    tx: Tx,
    organizationId: string,
    queue: QueueRow,
    { conversationId }: ExplainRequest,
  ): Promise<Known> {
    if (conversationId === undefined) {
      return { skills: [], passed: [], preferredUserId: null, channelType: 'api' };
    }
    const conversation = await tx.findOne(Conversation, { where: { organizationId, id: conversationId } });
    if (!conversation) throw new ConversationNotFoundError();
    const [row] = await tx.query<Known[]>(
      `SELECT coalesce(i.skills, '[]') AS skills, coalesce(i.passed, '{}') AS passed,
         i.preferred_user_id AS "preferredUserId", ch.type AS "channelType"
       FROM channel ch LEFT JOIN queue_item i ON i.organization_id = $1 AND i.conversation_id = $2 AND i.queue_id = $4
       WHERE ch.organization_id = $1 AND ch.id = $3`,
      [organizationId, conversationId, conversation.channelId, queue.id],
    );
    if (!row) throw new ConversationNotFoundError();
    if (row.preferredUserId || queue.strategy !== 'sticky') return row;
    const preferredUserId = await findStickyAgent(tx, conversation, queue.stickyWindow || STICKY_DEFAULT);
    return { ...row, preferredUserId };
  }
}

function outcomeOf({ strategy, offerTimeout }: QueueRow, eligible: number): Explanation['outcome'] {
  if (strategy === 'manual') return 'manual';
  if (eligible === 0) return 'wait';
  return strategy === 'broadcast' || offerTimeout > 0 ? 'offer' : 'assign';
}

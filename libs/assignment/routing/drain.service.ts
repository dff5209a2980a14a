import { Inject, Injectable } from '@nestjs/common';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import { systemAuthor } from '@hub/events/outbox.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import { Database, queryPrepared, type Prepared, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { OffersService } from '@hub/assignment/offers/offers.service.js';
import { decisionOf, findCandidates, takeAgent, type Candidates, type Wanted } from './candidates.js';
import { Hands } from './hands.js';
import { findStickyAgent } from './last-agent.js';
import { findQueue, mergeSkills } from './queue-rows.js';
import { RoutingMetrics } from './routing.metrics.js';
import type { QueueRow, Skill } from './routing.types.js';

/** Items that are looked at behind one that nobody can take now. */
const LOOK_AHEAD = 50;
/** Seconds until everybody is asked again after all have passed. */
const ROUND_PAUSE = 5;
/** Seconds for an answer to a broadcast whose queue names none. */
const BROADCAST_TIMEOUT = 60;
/** For how long a sticky queue looks back that names no window. */
const STICKY_DEFAULT = 86_400;

/** `raced`: somebody could have got it, but others were at the same rows; worth another look soon. */
export type Drained = 'idle' | 'raced';
type Attempt = 'taken' | 'nobody' | 'raced' | 'empty';

interface Item {
  readonly conversationId: string;
  readonly skills: readonly Skill[];
  readonly passed: readonly string[];
  readonly preferredUserId: string | null;
  readonly waitingSince: Date;
  readonly createdAt: Date;
  readonly channelType: ChannelType;
}

/** What an item waits for: two that wait for the same are both taken or neither. */
type Signature = Pick<Item, 'skills' | 'passed' | 'channelType'>;

/**
 * Gives what waits in a queue to whoever may get it. Each item is one transaction: the conversation is locked (one that
 * somebody else has locked is skipped), then an agent with room, then both are written with the event. All that it goes
 * by is in the rows, so that any number of workers can do it at once.
 */
@Injectable()
export class DrainService {
  constructor(
    private readonly db: Database,
    private readonly hands: Hands,
    private readonly offers: OffersService,
    private readonly metrics: RoutingMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Goes on until nothing is left that anybody can take, or `isStopped`. */
  async drain(organizationId: string, queueId: string, isStopped: () => boolean = () => false): Promise<Drained> {
    const queue = await findQueue(this.db.reader(organizationId), organizationId, queueId);
    if (!queue || queue.strategy === 'manual') return 'idle';
    const hopeless: Signature[] = [];
    while (!isStopped()) {
      const { outcome, signature } = await this.next(organizationId, queue, hopeless);
      if (outcome === 'raced') return 'raced';
      if (outcome === 'empty') return 'idle';
      if (outcome === 'nobody' && signature) hopeless.push(signature);
    }
    return 'idle';
  }

  private next(
    organizationId: string,
    queue: QueueRow,
    hopeless: readonly Signature[],
  ): Promise<{ outcome: Attempt; signature?: Signature }> {
    return this.db.transaction(organizationId, async (tx) => {
      const item = await pick(tx, organizationId, queue.id, hopeless);
      if (!item) return { outcome: 'empty' };
      const { skills, passed, channelType, conversationId } = item;
      const conversation = await lockConversation(tx, organizationId, { conversationId });
      const wanted: Wanted = {
        organizationId,
        teamId: queue.teamId,
        strategy: queue.strategy,
        skills: mergeSkills(queue.skills, skills),
        channelType,
        passed,
        preferredUserId: await preferred(tx, queue, item, conversation),
      };
      const outcome = await this.place(tx, queue, conversation, item, wanted);
      return { outcome, signature: { skills, passed, channelType } };
    });
  }

  private async place(
    tx: Tx,
    queue: QueueRow,
    conversation: Conversation,
    item: Item,
    wanted: Wanted,
  ): Promise<Attempt> {
    const found = await findCandidates(tx, wanted);
    if (found.eligible.length === 0) {
      if (found.passed) await askAgainLater(tx, conversation);
      return 'nobody';
    }
    if (queue.strategy === 'broadcast') {
      const userIds = found.eligible.map(({ id }) => id);
      await this.offer(tx, queue, conversation, item, found, userIds, null);
      return 'taken';
    }
    const agent = await takeAgent(tx, wanted, found.eligible);
    if (!agent) return 'raced';
    if (queue.offerTimeout > 0) {
      await this.offer(tx, queue, conversation, item, found, [agent.id], agent.takenAt);
      return 'taken';
    }
    await this.hands.hand(
      tx,
      systemAuthor(conversation.organizationId),
      conversation,
      { type: 'user', id: agent.id, name: agent.name },
      {
        kind: 'auto',
        event: 'conversation.assigned',
        queue,
        decision: decisionOf(queue.strategy, found, [agent.id]),
        waitingSince: item.waitingSince,
        queuedAt: item.createdAt,
        takenAt: agent.takenAt,
      },
    );
    this.tellRouted(tx, queue, conversation, item, found, [agent.id]);
    return 'taken';
  }

  private async offer(
    tx: Tx,
    queue: QueueRow,
    conversation: Conversation,
    item: Item,
    found: Candidates,
    userIds: readonly string[],
    takenAt: Date | null,
  ): Promise<void> {
    const isBroadcast = queue.strategy === 'broadcast';
    await this.offers.offerIn(tx, systemAuthor(conversation.organizationId), conversation, {
      kind: isBroadcast ? 'broadcast' : 'queue',
      queueId: queue.id,
      userIds,
      timeout: queue.offerTimeout || BROADCAST_TIMEOUT,
      decision: decisionOf(queue.strategy, found, userIds),
      transfer: null,
      takenAt,
    });
    this.tellRouted(tx, queue, conversation, item, found, userIds);
  }

  private tellRouted(
    tx: Tx,
    queue: QueueRow,
    { organizationId, id: conversationId }: Conversation,
    item: Item,
    { considered, eligibleCount: eligible }: Candidates,
    userIds: readonly string[],
  ): void {
    this.metrics.waited(tx, item.createdAt);
    const { id: queueId, strategy } = queue;
    const by = queue.strategy === 'broadcast' || queue.offerTimeout > 0 ? 'offer' : 'assignment';
    const line = { organizationId, conversationId, queueId, strategy, by, userIds, considered, eligible };
    const waitedMs = Date.now() - item.createdAt.getTime();
    this.db.onCommit(tx, () => this.logger.info({ ...line, waitedMs }, 'conversation.routed'));
  }
}

/** Behind what nobody can take there may be what somebody can: so many are looked at, of each kind the first. */
const PICK: Prepared = {
  name: 'routing-pick',
  text: `
    SELECT i.conversation_id AS "conversationId", i.skills, i.passed, i.preferred_user_id AS "preferredUserId",
      i.waiting_since AS "waitingSince", i.created_at AS "createdAt", ch.type AS "channelType"
    FROM (
      SELECT conversation_id, rank FROM queue_item
      WHERE organization_id = $1 AND queue_id = $2 AND state = 'waiting' AND (held_until IS NULL OR held_until <= now())
      ORDER BY rank, conversation_id LIMIT ${LOOK_AHEAD}) AS h
    JOIN queue_item i ON i.organization_id = $1 AND i.conversation_id = h.conversation_id
    JOIN conversation c ON c.organization_id = $1 AND c.id = h.conversation_id
    JOIN channel ch ON ch.organization_id = $1 AND ch.id = c.channel_id
    WHERE i.queue_id = $2 AND i.state = 'waiting' AND (i.held_until IS NULL OR i.held_until <= now())
      AND jsonb_build_array(i.skills, to_jsonb(i.passed), ch.type) <> ALL ($3::jsonb[])
    ORDER BY h.rank, h.conversation_id LIMIT 1 FOR UPDATE OF c, i SKIP LOCKED`,
};

async function pick(
  tx: Tx,
  organizationId: string,
  queueId: string,
  hopeless: readonly Signature[],
): Promise<Item | null> {
  const known = hopeless.map(({ skills, passed, channelType }) => JSON.stringify([skills, passed, channelType]));
  const [item] = await queryPrepared<Item>(tx, PICK, [organizationId, queueId, known]);
  return item ?? null;
}

async function preferred(tx: Tx, queue: QueueRow, item: Item, conversation: Conversation): Promise<string | null> {
  if (item.preferredUserId || queue.strategy !== 'sticky') return item.preferredUserId;
  return findStickyAgent(tx, conversation, queue.stickyWindow || STICKY_DEFAULT);
}

/** All who could get it have passed: whoever comes in the meantime gets it, else they are asked again. */
async function askAgainLater(tx: Tx, { organizationId, id }: Conversation): Promise<void> {
  await tx.query(
    `UPDATE queue_item SET round_at = now() + $3::integer * interval '1 second'
     WHERE organization_id = $1 AND conversation_id = $2 AND round_at IS NULL`,
    [organizationId, id, ROUND_PAUSE],
  );
}

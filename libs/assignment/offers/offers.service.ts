import { Injectable } from '@nestjs/common';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import { Outbox, systemAuthor, type Author } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import { Database, queryPrepared, type Tx } from '@hub/model/database.js';
import type { OfferKind, OfferView } from '@hub/model/views.js';
import { newId } from '@hub/platform/ids.js';
import { Hands } from '@hub/assignment/routing/hands.js';
import { findQueue } from '@hub/assignment/routing/queue-rows.js';
import { QueueSignal } from '@hub/assignment/routing/queue-signal.js';
import { RoutingMetrics } from '@hub/assignment/routing/routing.metrics.js';
import type { Decision } from '@hub/assignment/routing/routing.types.js';
import { Handover } from './handover.js';
import { loadOffers, OfferExpiredError, OfferNotFoundError } from './offer-view.js';

/** An offer that is to be made. */
export interface NewOffer {
  readonly kind: OfferKind;
  readonly queueId: string | null;
  readonly userIds: readonly string[];
  /** Seconds in which it must be answered. */
  readonly timeout: number;
  readonly decision: Decision | null;
  readonly transfer: OfferView['transfer'];
  /** When the engine took the agent's turn. */
  readonly takenAt: Date | null;
}

type Decided = 'accepted' | 'declined' | 'expired';

interface DecidedRow {
  readonly kind: OfferKind;
  readonly userId: string;
  readonly queueId: string | null;
  readonly decision: Decision | null;
  readonly transfer: OfferView['transfer'];
}

/**
 * Conversations that are offered instead of given: accepted, declined or left unanswered. An offer is open until one of
 * them has happened, under the conversation's lock; whatever else becomes of the conversation takes its offers back.
 */
@Injectable()
export class OffersService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly hands: Hands,
    private readonly handover: Handover,
    private readonly signal: QueueSignal,
    private readonly metrics: RoutingMetrics,
  ) {}

  /** Offers a locked conversation; where it waits in a queue, it waits for the answer. A queue's offer takes up room. */
  async offerIn(tx: Tx, author: Author, conversation: Conversation, offer: NewOffer): Promise<OfferView[]> {
    const { organizationId } = author;
    const ids = offer.userIds.map(() => newId());
    await tx.query(MAKE, [
      organizationId,
      conversation.id,
      ids,
      offer.userIds,
      offer.queueId,
      offer.kind,
      offer.timeout,
      offer.transfer ? JSON.stringify(offer.transfer) : null,
      offer.decision ? JSON.stringify(offer.decision) : null,
      offer.takenAt,
    ]);
    const made = await loadOffers(tx, organizationId, ids);
    for (const one of made) await this.tell(tx, author, conversation, 'assignment.offered', one);
    this.metrics.offered(tx, 'open', made.length);
    return made;
  }

  /** Takes the open offers of a locked conversation back. */
  async withdrawIn(tx: Tx, { organizationId, id }: Conversation): Promise<void> {
    await tx.query(
      `UPDATE offer SET state = 'withdrawn', decided_at = now()
       WHERE organization_id = $1 AND conversation_id = $2 AND state = 'open'`,
      [organizationId, id],
    );
  }

  /**
   * Takes the conversation that was offered.
   * @throws OfferNotFoundError unless it is the user's; OfferExpiredError when it is answered, taken back or over
   */
  async accept(author: Author, offerId: string): Promise<OfferView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      const conversation = await this.lockFor(tx, author, offerId);
      await this.hands.lockTicket(tx, conversation); // before any agent
      const queued = await waiting(tx, conversation);
      const { view, row } = await this.decide(tx, author, conversation, offerId, 'accepted');
      await answered(tx, organizationId, row.userId);
      const assignee = { type: 'user' as const, ...view.user };
      if (row.transfer) {
        await this.handover.transferIn(tx, author, conversation, assignee, row.transfer);
        return view;
      }
      const queue = row.queueId ? await findQueue(tx, organizationId, row.queueId) : null;
      await this.hands.hand(tx, author, conversation, assignee, {
        kind: 'offer',
        event: 'conversation.assigned',
        ...(queue && { queue }),
        ...(row.decision && { decision: row.decision }),
        ...(queued && { waitingSince: queued.waitingSince, queuedAt: queued.createdAt }),
      });
      return view;
    });
  }

  /** Leaves it to the next one; of a transfer, to whoever has it. @throws as {@link accept} */
  async decline(author: Author, offerId: string, reason: string | null): Promise<OfferView> {
    return this.db.transaction(author.organizationId, async (tx) => {
      const conversation = await this.lockFor(tx, author, offerId);
      const { view, row } = await this.decide(tx, author, conversation, offerId, 'declined', reason);
      await answered(tx, author.organizationId, row.userId);
      await this.passOn(tx, conversation, row.userId);
      return view;
    });
  }

  /**
   * Ends the offers whose time is over, of all tenants: the next one is asked; whoever has left as many of a queue in a
   * row unanswered as it allows is set away. @returns how many were due
   */
  async expireDue(limit: number): Promise<number> {
    const due = await this.db.lookup<{ organizationId: string; id: string; conversationId: string }>('routing', DUE, [
      limit,
    ]);
    for (const { organizationId, id, conversationId } of due) {
      await this.db.transaction(organizationId, (tx) => this.expireIn(tx, organizationId, conversationId, id));
    }
    return due.length;
  }

  private async expireIn(tx: Tx, organizationId: string, conversationId: string, id: string): Promise<void> {
    const free = await tx.query<unknown[]>(
      'SELECT 1 FROM conversation WHERE organization_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED',
      [organizationId, conversationId],
    );
    if (free.length === 0) return; // somebody is at it: the next round looks again
    const conversation = await lockConversation(tx, organizationId, { conversationId });
    try {
      const { row } = await this.decide(tx, systemAuthor(organizationId), conversation, id, 'expired');
      if (row.kind === 'queue') await missed(tx, organizationId, row.userId, row.queueId);
      await this.passOn(tx, conversation, row.userId);
    } catch (error) {
      if (!(error instanceof OfferExpiredError)) throw error; // another worker has done it
    }
  }

  private async lockFor(tx: Tx, { organizationId, principal }: Author, offerId: string): Promise<Conversation> {
    const [offer] = await tx.query<{ conversationId: string }[]>(
      'SELECT conversation_id AS "conversationId" FROM offer WHERE organization_id = $1 AND id = $2 AND user_id = $3',
      [organizationId, offerId, principal.type === 'user' ? principal.id : null],
    );
    if (!offer) throw new OfferNotFoundError();
    return lockConversation(tx, organizationId, offer);
  }

  private async decide(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    offerId: string,
    state: Decided,
    reason: string | null = null,
  ): Promise<{ view: OfferView; row: DecidedRow }> {
    const { organizationId } = author;
    const [row] = await queryPrepared<DecidedRow>(tx, DECIDE, [organizationId, offerId, state, reason]);
    if (!row) throw new OfferExpiredError();
    const [view] = await loadOffers(tx, organizationId, [offerId]);
    if (!view) throw new OfferNotFoundError();
    await this.tell(tx, author, conversation, `assignment.${state}`, view);
    this.metrics.offered(tx, state);
    return { view, row };
  }

  /** The conversation waits again, unless others are still asked; this user is left out for the round. */
  private async passOn(tx: Tx, { organizationId, id }: Conversation, userId: string): Promise<void> {
    const [item] = await queryPrepared<{ queueId: string }>(tx, PASS_ON, [organizationId, id, userId]);
    this.signal.afterCommit(tx, organizationId, { userId });
    if (item) this.signal.afterCommit(tx, organizationId, { queueIds: [item.queueId] });
  }

  private tell(
    tx: Tx,
    author: Author,
    { id, channelId }: Conversation,
    type: 'assignment.offered' | `assignment.${Decided}`,
    subject: OfferView,
  ): Promise<void> {
    return this.outbox.append(tx, { type, author, conversationId: id, channelId, subject });
  }
}

const MAKE = `
  WITH waits AS (
    UPDATE queue_item SET state = 'offered' WHERE organization_id = $1 AND conversation_id = $2
  ), turn AS (
    UPDATE agent_state SET last_assigned_at = $10::timestamptz
    WHERE organization_id = $1 AND user_id = ANY ($4::uuid[]) AND $10::timestamptz IS NOT NULL
  )
  INSERT INTO offer (organization_id, conversation_id, id, user_id, queue_id, kind, state, expires_at, transfer, decision)
  SELECT $1, $2, n.id, n.user_id, $5, $6::text, 'open', clock_timestamp() + $7::integer * interval '1 second', $8, $9
  FROM unnest($3::uuid[], $4::uuid[]) AS n(id, user_id)`;

const DUE = {
  name: 'offers-due',
  text: `SELECT organization_id AS "organizationId", id, conversation_id AS "conversationId" FROM offer
    WHERE state = 'open' AND expires_at <= now() ORDER BY expires_at LIMIT $1`,
};

const DECIDE = {
  name: 'offer-decide',
  text: `UPDATE offer SET state = $3, reason = $4, decided_at = now()
    WHERE organization_id = $1 AND id = $2 AND state = 'open' AND (expires_at <= clock_timestamp()) = ($3 = 'expired')
    RETURNING kind, user_id AS "userId", queue_id AS "queueId", decision, transfer`,
};

const PASS_ON = {
  name: 'offer-pass-on',
  text: `UPDATE queue_item i SET passed = array_append(array_remove(i.passed, $3), $3), round_at = NULL,
      state = CASE WHEN EXISTS (SELECT FROM offer o WHERE o.organization_id = $1 AND o.conversation_id = $2 AND o.state = 'open')
        THEN 'offered' ELSE 'waiting' END
    WHERE i.organization_id = $1 AND i.conversation_id = $2 RETURNING i.queue_id AS "queueId"`,
};

async function waiting(
  tx: Tx,
  { organizationId, id }: Conversation,
): Promise<{ waitingSince: Date; createdAt: Date } | null> {
  const [item] = await tx.query<{ waitingSince: Date; createdAt: Date }[]>(
    `SELECT waiting_since AS "waitingSince", created_at AS "createdAt" FROM queue_item
     WHERE organization_id = $1 AND conversation_id = $2`,
    [organizationId, id],
  );
  return item ?? null;
}

async function answered(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await tx.query('UPDATE agent_state SET misses = 0 WHERE organization_id = $1 AND user_id = $2 AND misses > 0', [
    organizationId,
    userId,
  ]);
}

async function missed(tx: Tx, organizationId: string, userId: string, queueId: string | null): Promise<void> {
  await tx.query(
    `UPDATE agent_state s SET misses = CASE WHEN f.over THEN 0 ELSE s.misses + 1 END,
       status = CASE WHEN f.over THEN 'away' ELSE s.status END,
       reason = CASE WHEN f.over THEN 'misses' ELSE s.reason END,
       reassigns = s.reassigns AND NOT f.over,
       changed_at = CASE WHEN f.over THEN now() ELSE s.changed_at END
     FROM (SELECT a.user_id, a.status IN ('online','busy') AND q.max_misses > 0 AND a.misses + 1 >= q.max_misses AS over
       FROM agent_state a JOIN queue q ON q.organization_id = $1 AND q.id = $3
       WHERE a.organization_id = $1 AND a.user_id = $2) AS f
     WHERE s.organization_id = $1 AND s.user_id = f.user_id`,
    [organizationId, userId, queueId],
  );
}

import { Injectable } from '@nestjs/common';
import type { Author } from '@hub/events/outbox.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { PRIORITIES, type Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { HubError } from '@hub/platform/errors.js';
import { takeAgent } from '@hub/assignment/routing/candidates.js';
import { Hands, type Assignee } from '@hub/assignment/routing/hands.js';
import { RoutingService } from '@hub/assignment/routing/routing.service.js';
import type { Enqueueing } from '@hub/assignment/routing/routing.types.js';
import { AssigneeUnavailableError, findTarget, type TargetRef } from '@hub/assignment/routing/targets.js';
import type { RoutingTarget } from './rules.types.js';

/** A target that could not take it, and why. */
export interface Skipped {
  readonly to: TargetRef;
  readonly code: string;
}

export interface Applied {
  /** Place of the target that has it now; null when none could take it, and nothing was changed. */
  readonly step: number | null;
  readonly to: TargetRef | null;
  readonly skipped: readonly Skipped[];
}

/** A place in a queue that it may have already. */
export interface Place {
  readonly waitingSince: Date;
  readonly priority: number;
}

/** Gives conversations to what rules name. Nobody is given one who is not there or has no room. */
@Injectable()
export class RuleTargets {
  constructor(
    private readonly routing: RoutingService,
    private readonly hands: Hands,
  ) {}

  /** Tries the targets of a routing rule on a locked conversation, from the one at `from` on, until one takes it. */
  async applyIn(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    rule: { readonly id: string; readonly targets: readonly RoutingTarget[] },
    from: number,
    place: Place | null,
  ): Promise<Applied> {
    const skipped: Skipped[] = [];
    for (const [step, { to, timeout, priority, skills }] of rule.targets.entries()) {
      if (step < from) continue;
      const own = priority ? PRIORITIES.indexOf(priority) : 0;
      const least = place?.priority ?? PRIORITIES.indexOf(conversation.priority);
      const goesOn = timeout !== undefined && step < rule.targets.length - 1;
      const code = await this.tryIn(tx, author, conversation, to, {
        priority: Math.max(own, least),
        skills: skills ?? [],
        ruleId: rule.id,
        step,
        ...(goesOn && { stepUntil: new Date(Date.now() + timeout * 1_000) }),
        ...(place && { waitingSince: place.waitingSince }),
      });
      if (code === null) return { step, to, skipped };
      skipped.push({ to, code });
    }
    return { step: null, to: null, skipped };
  }

  /**
   * Gives a locked conversation to a user, bot, team or queue by a rule's hand.
   * @throws the NOT_FOUND of each; AssigneeUnavailableError: not there, no room, not active
   */
  async giveIn(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    to: TargetRef,
    waiting: Omit<Enqueueing, 'queueId'> = {},
  ): Promise<void> {
    const target = await findTarget(tx, author.organizationId, to, 'to', conversation);
    if (target.queue) {
      await this.routing.enqueueIn(tx, author, conversation, { ...waiting, queueId: target.queue.id });
      return;
    }
    const { assignee } = target;
    if (conversation.assigneeType === assignee.type && conversation.assigneeId === assignee.id) return;
    const takenAt = assignee.type === 'user' ? await this.takeRoom(tx, conversation, assignee) : null;
    await this.hands.hand(tx, author, conversation, assignee, {
      kind: 'auto',
      event: 'conversation.assigned',
      ...(takenAt && { takenAt }),
    });
  }

  /** @returns null when it was taken, else why not: nothing was written then */
  private async tryIn(
    tx: Tx,
    author: Author,
    conversation: Conversation,
    to: TargetRef,
    waiting: Omit<Enqueueing, 'queueId'>,
  ): Promise<string | null> {
    try {
      await this.giveIn(tx, author, conversation, to, waiting);
      return null;
    } catch (error) {
      if (error instanceof HubError) return error.code;
      throw error;
    }
  }

  /** Keeps the user's room for the rest of the transaction. @throws AssigneeUnavailableError */
  private async takeRoom(tx: Tx, conversation: Conversation, { id, name }: Assignee): Promise<Date> {
    const { organizationId, channelId } = conversation;
    await this.hands.lockTicket(tx, conversation);
    const [channel] = await tx.query<{ type: ChannelType }[]>(
      'SELECT type FROM channel WHERE organization_id = $1 AND id = $2',
      [organizationId, channelId],
    );
    const wanted = {
      organizationId,
      teamId: '',
      strategy: 'manual',
      skills: [],
      channelType: channel?.type ?? 'api',
      passed: [],
      preferredUserId: id,
    } as const;
    const self = { id, name, used: 0, capacity: 0, lastAssignedAt: null, reason: null, place: 1 };
    const taken = await takeAgent(tx, wanted, [self]);
    if (!taken) throw new AssigneeUnavailableError(`${name} is not there or has no room`);
    return taken.takenAt;
  }
}

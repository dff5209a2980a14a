import { Injectable } from '@nestjs/common';
import { loadView } from '@hub/conversations/conversation-view.js';
import { Outbox, systemAuthor } from '@hub/events/outbox.js';
import { PRIORITIES, type Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { RoutingService } from '@hub/assignment/routing/routing.service.js';
import { writeRuleLog } from '@hub/assignment/rules/rule-store.js';
import type { KeptCase } from './cases.js';
import { dueBy, type Timer } from './timers.js';

const TOP = PRIORITIES.length - 1;

/** Tells of promises that are at risk or broken. */
@Injectable()
export class Alarms {
  constructor(
    private readonly outbox: Outbox,
    private readonly routing: RoutingService,
  ) {}

  /**
   * Raises whatever is due by `at` on a locked conversation, warnings first; one that waits in a queue goes up by one
   * step of priority at each warning.
   * @returns the case in which each has been raised; the same one where nothing was due. The caller keeps it
   */
  async raiseIn(tx: Tx, conversation: Conversation, kept: KeptCase, at: Date): Promise<KeptCase> {
    const due = dueBy(kept, at);
    if (due.length === 0) return kept;
    const timers = new Map(kept.timers.map((timer) => [timer.metric, timer]));
    for (const { timer, what } of due) {
      const latest = timers.get(timer.metric) ?? timer;
      const raised = what === 'warning' ? warned(latest) : broken(latest);
      timers.set(raised.metric, raised);
      await this.tell(tx, conversation, kept, raised, what);
      if (what === 'warning') await this.raisePriority(tx, conversation);
    }
    return { ...kept, timers: [...timers.values()] };
  }

  private async tell(
    tx: Tx,
    { organizationId, id: conversationId, channelId }: Conversation,
    { levelId, levelName }: KeptCase,
    { metric, dueAt, warnedAt, breachedAt }: Timer,
    what: 'warning' | 'breached',
  ): Promise<void> {
    const view = await loadView(tx, organizationId, conversationId);
    const serviceLevel = { id: levelId, name: levelName, metric, dueAt, warnedAt, breachedAt };
    const author = systemAuthor(organizationId);
    const subject = { ...view, serviceLevel };
    await this.outbox.append(tx, { type: `sla.${what}`, author, conversationId, channelId, subject });
    await writeRuleLog(tx, {
      organizationId,
      kind: 'service_level',
      ruleId: levelId,
      conversationId,
      eventId: null,
      outcome: what,
      detail: { metric, dueAt },
    });
  }

  private async raisePriority(tx: Tx, conversation: Conversation): Promise<void> {
    const [item] = await tx.query<{ priority: number }[]>(
      'SELECT priority FROM queue_item WHERE organization_id = $1 AND conversation_id = $2 FOR UPDATE',
      [conversation.organizationId, conversation.id],
    );
    if (item && item.priority < TOP) await this.routing.reprioritizeIn(tx, conversation, item.priority + 1);
  }
}

const warned = (timer: Timer): Timer => ({ ...timer, warnAt: null, warnedAt: timer.warnAt });
const broken = (timer: Timer): Timer => ({ ...timer, state: 'breached', warnAt: null, breachedAt: timer.dueAt });

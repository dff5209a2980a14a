import { Inject, Injectable } from '@nestjs/common';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import type { Author } from '@hub/events/outbox.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { matches } from './conditions.js';
import { loadFacts } from './facts.js';
import { ROUTING_RULES } from './routing-rules.service.js';
import { enabledRules, writeRuleLog } from './rule-store.js';
import { RuleTargets, type Place } from './rule-targets.js';
import type { RoutingRuleView } from './rules.types.js';

interface Due {
  readonly organizationId: string;
  readonly conversationId: string;
}

interface Step extends Place {
  readonly ruleId: string | null;
  readonly step: number | null;
}

/** Applies the routing rules: to what has come, and, when a target has had its time, the next target. */
@Injectable()
export class RuleRouter {
  constructor(
    private readonly db: Database,
    private readonly targets: RuleTargets,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Gives a locked conversation that nobody has to the first target of the first rule that matches. Where none matches,
   * or no target can take it, it stays as it is.
   * @returns whether a rule has matched
   */
  async routeIn(tx: Tx, conversation: Conversation, eventId: string): Promise<boolean> {
    const { organizationId } = conversation;
    const rules = await enabledRules<RoutingRuleView>(tx, ROUTING_RULES, organizationId);
    if (rules.length === 0) return false;
    const facts = await loadFacts(tx, conversation);
    const now = new Date();
    const rule = rules.find(({ conditions }) => matches(conditions, facts, now));
    if (!rule) return false;
    await this.applyIn(tx, conversation, rule, { from: 0, eventId, place: null });
    return true;
  }

  /** Moves on whatever has waited for its target long enough, at most `limit`. @returns how many were due */
  async escalateDue(limit: number): Promise<number> {
    const due = await this.db.lookup<Due>('routing', STEPS_DUE, [limit]);
    for (const { organizationId, conversationId } of due) {
      try {
        await this.db.transaction(organizationId, async (tx) => {
          const conversation = await lockConversation(tx, organizationId, { conversationId });
          await this.escalateIn(tx, conversation);
        });
      } catch (error) {
        this.logger.warn({ organizationId, conversationId, error: String(error) }, 'rules.escalate'); // next round again
      }
    }
    return due.length;
  }

  private async escalateIn(tx: Tx, conversation: Conversation): Promise<void> {
    const { organizationId, id } = conversation;
    const [step] = await tx.query<Step[]>(
      `SELECT rule_id AS "ruleId", step, waiting_since AS "waitingSince", priority FROM queue_item
       WHERE organization_id = $1 AND conversation_id = $2 AND step_until <= now() FOR UPDATE`,
      [organizationId, id],
    );
    if (!step) return; // assigned, moved or closed meanwhile
    const [rule] = await enabledRules<RoutingRuleView>(tx, ROUTING_RULES, organizationId, 'id = $2', step.ruleId);
    const next = (step.step ?? 0) + 1;
    const moved = rule && (await this.applyIn(tx, conversation, rule, { from: next, eventId: null, place: step }));
    if (!moved) {
      await tx.query('UPDATE queue_item SET step_until = NULL WHERE organization_id = $1 AND conversation_id = $2', [
        organizationId,
        id,
      ]);
    }
  }

  private async applyIn(
    tx: Tx,
    conversation: Conversation,
    rule: RoutingRuleView,
    { from, eventId, place }: { readonly from: number; readonly eventId: string | null; readonly place: Place | null },
  ): Promise<boolean> {
    const { organizationId, id: conversationId } = conversation;
    const author: Author = {
      organizationId,
      principal: { type: 'system', id: null, name: `Routing: ${rule.name}` },
    };
    const { step, to, skipped } = await this.targets.applyIn(tx, author, conversation, rule, from, place);
    await writeRuleLog(tx, {
      organizationId,
      kind: 'routing',
      ruleId: rule.id,
      conversationId,
      eventId,
      outcome: step === null ? 'exhausted' : from === 0 ? 'routed' : 'escalated',
      detail: { ...(step !== null && { step, to }), ...(skipped.length > 0 && { skipped }) },
    });
    return step !== null;
  }
}

const STEPS_DUE = {
  name: 'routing-steps-due',
  text: `SELECT organization_id AS "organizationId", conversation_id AS "conversationId" FROM queue_item
    WHERE step_until <= now() ORDER BY step_until LIMIT $1`,
};

import { Injectable } from '@nestjs/common';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import type { EventTask } from '@hub/events/event-task.runner.js';
import type { Author } from '@hub/events/outbox.js';
import type { Tx } from '@hub/model/database.js';
import { HubError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { matches } from '@hub/assignment/rules/conditions.js';
import { loadContactFacts, loadFacts } from '@hub/assignment/rules/facts.js';
import { enabledRules, writeRuleLog } from '@hub/assignment/rules/rule-store.js';
import { AutomationActions } from './automation-actions.js';
import { AUTOMATION_RULES } from './automation-rules.service.js';
import type { AutomationRuleView } from './automation.types.js';
import { AUTHOR_PREFIX, loadEvent, messageMetadata, type Cause, type CausedEvent } from './causes.js';

/** Firings in a chain, each caused by the one before. */
const MAX_DEPTH = 5;
/** Firings in one conversation within a minute, of all rules together. */
const MAX_PER_MINUTE = 20;

interface Occasion {
  readonly task: EventTask;
  readonly event: CausedEvent;
  /** Null: the event is about no conversation. */
  readonly conversationId: string | null;
}

interface Failure {
  readonly action: number;
  readonly type: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Applies the automation rules to one event, in their order: the conditions of all of them are asked before any of them
 * does anything. Each firing is done whole or not at all; one that cannot
 * be done is told of in the rule's log and not tried again. Every event lets a rule fire once, whoever is killed.
 */
@Injectable()
export class Automation {
  constructor(private readonly actions: AutomationActions) {}

  async runIn(tx: Tx, task: EventTask): Promise<void> {
    const { organizationId, eventType, orderKey } = task;
    const rules = await enabledRules<AutomationRuleView>(tx, AUTOMATION_RULES, organizationId, 'event = $2', eventType);
    if (rules.length === 0) return;
    const conversationId = eventType.startsWith('contact.') ? null : orderKey;
    if (conversationId) await lockConversation(tx, organizationId, { conversationId }); // nothing moves from here on
    const event = await loadEvent(tx, task);
    if (!event) return;
    const occasion = { task, event, conversationId };
    const facts = await this.facts(tx, occasion);
    const now = new Date();
    const matching = facts ? rules.filter(({ conditions }) => matches(conditions, facts, now)) : [];
    for (const rule of matching) await this.fire(tx, rule, occasion);
  }

  private async facts(tx: Tx, { task, event, conversationId }: Occasion) {
    const { organizationId, eventType, orderKey } = task;
    if (!conversationId) return loadContactFacts(tx, organizationId, orderKey);
    const conversation = await lockConversation(tx, organizationId, { conversationId });
    return loadFacts(tx, conversation, eventType.startsWith('message.') ? event.subjectId : null);
  }

  private async fire(tx: Tx, rule: AutomationRuleView, occasion: Occasion): Promise<void> {
    const { task, event, conversationId } = occasion;
    const { organizationId, eventId } = task;
    const depth = (event.cause?.depth ?? 0) + 1;
    const refusal = await this.refusal(tx, rule, occasion, depth);
    const entry = { organizationId, kind: 'automation' as const, ruleId: rule.id, conversationId, eventId };
    if (refusal) {
      await writeRuleLog(tx, { ...entry, outcome: 'loop', detail: { depth, reason: refusal } });
      return;
    }
    const logId = await writeRuleLog(tx, { ...entry, outcome: 'fired', detail: { depth } });
    if (!logId) return; // it was applied to this event before
    const after = await sequenceOf(tx, organizationId, conversationId);
    const failure = await this.act(tx, rule, occasion, { depth, logId });
    const upTo = await sequenceOf(tx, organizationId, conversationId);
    const detail = failure ? { depth, ...failure } : { depth, after, upTo };
    await tx.query('UPDATE rule_log SET outcome = $3, detail = $4 WHERE organization_id = $1 AND id = $2', [
      organizationId,
      logId,
      failure ? 'failed' : 'fired',
      JSON.stringify(detail),
    ]);
  }

  /** Why it must not fire, were it ever so right. */
  private async refusal(
    tx: Tx,
    rule: AutomationRuleView,
    { task, event, conversationId }: Occasion,
    depth: number,
  ): Promise<string | null> {
    if (event.cause?.ruleId === rule.id) return 'caused by itself';
    if (depth > MAX_DEPTH) return `more than ${MAX_DEPTH} firings in a chain`;
    if (!conversationId) return null;
    const [recent] = await tx.query<{ n: number }[]>(
      `SELECT count(*) AS n FROM (
         SELECT created_at FROM rule_log WHERE organization_id = $1 AND conversation_id = $2 AND kind = 'automation'
           AND outcome = 'fired' ORDER BY id DESC LIMIT ${MAX_PER_MINUTE}) AS latest
       WHERE created_at > now() - interval '1 minute'`,
      [task.organizationId, conversationId],
    );
    return (recent?.n ?? 0) >= MAX_PER_MINUTE ? `more than ${MAX_PER_MINUTE} firings in a minute` : null;
  }

  /** All of them or none. @returns what could not be done; null when all was */
  private async act(
    tx: Tx,
    rule: AutomationRuleView,
    { task, conversationId }: Occasion,
    { depth, logId }: { readonly depth: number; readonly logId: string },
  ): Promise<Failure | null> {
    const { organizationId, eventId } = task;
    const cause: Cause = { ruleId: rule.id, depth };
    const author: Author = {
      organizationId,
      principal: { type: 'system', id: null, name: `${AUTHOR_PREFIX}${rule.name}` },
    };
    await tx.query('SAVEPOINT firing');
    for (const [i, action] of rule.actions.entries()) {
      try {
        if (action.type === 'callWebhook') {
          await tx.query(CALL, [organizationId, newId(), rule.id, eventId, logId, action.url]);
        } else if (conversationId) {
          const conversation = await lockConversation(tx, organizationId, { conversationId });
          await this.actions.doIn(tx, author, conversation, action, messageMetadata(cause));
        }
      } catch (error) {
        if (!(error instanceof HubError)) throw error; // not the rule's fault: the task is tried again
        await tx.query('ROLLBACK TO SAVEPOINT firing');
        return { action: i, type: action.type, code: error.code, message: error.message };
      }
    }
    await tx.query('RELEASE SAVEPOINT firing');
    return null;
  }
}

const CALL = `
  INSERT INTO automation_call (organization_id, id, rule_id, event_id, log_id, url) VALUES ($1, $2, $3, $4, $5, $6)`;

async function sequenceOf(tx: Tx, organizationId: string, conversationId: string | null): Promise<number> {
  if (!conversationId) return 0;
  const [row] = await tx.query<{ seq: number }[]>(
    'SELECT event_seq AS seq FROM conversation WHERE organization_id = $1 AND id = $2',
    [organizationId, conversationId],
  );
  return row?.seq ?? 0;
}

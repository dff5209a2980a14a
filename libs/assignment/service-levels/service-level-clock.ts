import { Inject, Injectable } from '@nestjs/common';
import { lockConversation } from '@hub/conversations/conversation-lock.js';
import type { EventTask } from '@hub/events/event-task.runner.js';
import type { Conversation, ConversationStatus, PartyKind } from '@hub/model/conversation.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { matches } from '@hub/assignment/rules/conditions.js';
import { loadFacts } from '@hub/assignment/rules/facts.js';
import { enabledRules, writeRuleLog } from '@hub/assignment/rules/rule-store.js';
import { Alarms } from './alarms.js';
import { dropCase, loadCase, saveCase, type CaseKey, type KeptCase } from './cases.js';
import { SERVICE_LEVELS } from './service-levels.service.js';
import type { ServiceLevelView } from './service-levels.types.js';
import { begin, follow, type Occurrence } from './timers.js';

interface EventRow {
  readonly at: Date;
  readonly subjectId: string;
  /** Of the conversation after the event, and before it if it was changed; null of messages. */
  readonly status: ConversationStatus | null;
  readonly before: ConversationStatus | null;
}

/** Who answers: a key acts for staff. What a bot or the product itself writes keeps no promise. */
const ANSWERING: ReadonlySet<PartyKind> = new Set<PartyKind>(['user', 'api_key']);

/** Keeps the time of every conversation that a service level holds for. */
@Injectable()
export class ServiceLevelClock {
  constructor(
    private readonly db: Database,
    private readonly alarms: Alarms,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Moves the timers by one event, as at the time of the event; what was due before it is told first. */
  async followIn(tx: Tx, task: EventTask): Promise<void> {
    const { organizationId, orderKey: conversationId } = task;
    const conversation = await lockConversation(tx, organizationId, { conversationId });
    const event = await loadEvent(tx, task);
    if (!event) return;
    const key = { organizationId, conversationId };
    if (task.eventType === 'conversation.created' || event.before === 'closed') {
      await this.beginIn(tx, conversation, task, event);
      return;
    }
    const before = await loadCase(tx, key);
    if (!before) return;
    const raised = await this.alarms.raiseIn(tx, conversation, before, event.at);
    const occurrence = await occurrenceOf(tx, task, event);
    const after = occurrence ? { ...raised, ...follow(raised, occurrence) } : raised;
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    await saveCase(tx, key, after);
    await this.logMet(tx, key, task, raised, after);
  }

  /**
   * Raises what is due in all organizations, in at most `limit` conversations. One of which an event is still to be
   * dealt with waits for that: it may have kept the promise in time. @returns how many were raised
   */
  async raiseDue(limit: number): Promise<number> {
    const due = await this.db.lookup<CaseKey>('routing', DUE, [limit]);
    let raised = 0;
    for (const key of due) {
      try {
        const isRaised = await this.db.transaction(key.organizationId, (tx) => this.raiseIn(tx, key));
        if (isRaised) raised += 1;
      } catch (error) {
        this.logger.warn({ ...key, error: String(error) }, 'service_levels.raise'); // next round again
      }
    }
    return raised;
  }

  private async raiseIn(tx: Tx, key: CaseKey): Promise<boolean> {
    const { organizationId, conversationId } = key;
    const free = await tx.query<unknown[]>(LOCK, [organizationId, conversationId]);
    if (free.length === 0) return false; // somebody is at it
    const [latest] = await tx.query<{ isDone: boolean }[]>(IS_DONE, [organizationId, conversationId]);
    if (!latest?.isDone) return false;
    const conversation = await lockConversation(tx, organizationId, { conversationId });
    const before = await loadCase(tx, key);
    const after = before && (await this.alarms.raiseIn(tx, conversation, before, new Date()));
    if (!after || after === before) return false;
    await saveCase(tx, key, after);
    return true;
  }

  private async beginIn(tx: Tx, conversation: Conversation, task: EventTask, { status, at }: EventRow): Promise<void> {
    const { organizationId, id: conversationId } = conversation;
    const key = { organizationId, conversationId };
    const levels = await enabledRules<ServiceLevelView>(tx, SERVICE_LEVELS, organizationId);
    const facts = levels.length > 0 ? await loadFacts(tx, conversation) : null;
    const level = facts && levels.find(({ conditions }) => matches(conditions, facts, at));
    if (!level) {
      await dropCase(tx, key);
      return;
    }
    const { id: levelId, name: levelName, firstResponse, nextResponse, resolution, warnBefore, businessHours } = level;
    const targets = { firstResponse, nextResponse, resolution, warnBefore, businessHours };
    const begun: KeptCase = { levelId, levelName, ...begin(targets, status ?? 'open', at) };
    await saveCase(tx, key, begun);
    const due = Object.fromEntries(begun.timers.map(({ metric, dueAt }) => [metric, dueAt]));
    await this.log(tx, key, task, levelId, 'started', { due });
  }

  private async logMet(tx: Tx, key: CaseKey, task: EventTask, before: KeptCase, after: KeptCase): Promise<void> {
    const met = after.timers.filter(({ metric, metAt }) => {
      const was = before.timers.find((timer) => timer.metric === metric);
      return metAt !== null && was?.metAt === null;
    });
    if (met.length === 0) return;
    const detail = {
      metrics: met.map(({ metric }) => metric),
      late: met.some(({ breachedAt }) => breachedAt !== null),
    };
    await this.log(tx, key, task, after.levelId, 'met', detail);
  }

  private async log(
    tx: Tx,
    key: CaseKey,
    { eventId }: EventTask,
    ruleId: string,
    outcome: string,
    detail: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await writeRuleLog(tx, { ...key, kind: 'service_level', ruleId, eventId, outcome, detail });
  }
}

async function occurrenceOf(
  tx: Tx,
  { organizationId, eventType }: EventTask,
  event: EventRow,
): Promise<Occurrence | null> {
  const { at, status, subjectId } = event;
  if (eventType === 'message.received') return { what: 'question', at };
  if (eventType !== 'message.sent') return status && { what: 'status', status, at };
  const [message] = await tx.query<{ by: PartyKind }[]>(
    `SELECT sender->>'type' AS by FROM message WHERE organization_id = $1 AND id = $2 AND direction = 'outbound'`,
    [organizationId, subjectId],
  );
  return message && ANSWERING.has(message.by) ? { what: 'answer', at } : null;
}

/** Null when the event is not kept any more. */
async function loadEvent(tx: Tx, { organizationId, eventId, eventType }: EventTask): Promise<EventRow | null> {
  const ofConversation = eventType.startsWith('conversation.');
  const [event] = await tx.query<EventRow[]>(
    `SELECT created_at AS at, subject_id AS "subjectId",
       CASE WHEN $3 THEN body::json #>> '{data,attributes,status}' END AS status,
       CASE WHEN $3 THEN body::json #>> '{meta,changes,status,before}' END AS before
     FROM event WHERE organization_id = $1 AND id = $2`,
    [organizationId, eventId, ofConversation],
  );
  return event ?? null;
}

const DUE = {
  name: 'service-levels-due',
  text: `
    SELECT DISTINCT organization_id AS "organizationId", conversation_id AS "conversationId" FROM (
      (SELECT organization_id, conversation_id FROM sla_timer
       WHERE state = 'running' AND warn_at IS NOT NULL AND warn_at <= now() ORDER BY warn_at LIMIT $1)
      UNION ALL
      (SELECT organization_id, conversation_id FROM sla_timer
       WHERE state = 'running' AND breached_at IS NULL AND due_at <= now() ORDER BY due_at LIMIT $1)) AS due`,
};

/** The conversation's lock, unless somebody has it. */
const LOCK = 'SELECT id FROM conversation WHERE organization_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED';

/** Whether everything that has happened to it was dealt with. Under its lock nothing more can happen. */
const IS_DONE = `
  SELECT NOT EXISTS (SELECT FROM event_task t WHERE t.organization_id = $1 AND t.consumer = 'service_levels'
      AND t.order_key = $2 AND t.next_at < 'infinity')
    AND coalesce((SELECT e.fanned_out_at IS NOT NULL FROM event e WHERE e.organization_id = $1 AND e.order_key = $2
      AND e.sequence > 0 ORDER BY e.sequence DESC LIMIT 1), true) AS "isDone"`;

import type { EventTask } from '@hub/events/event-task.runner.js';
import type { Tx } from '@hub/model/database.js';
import { decodeId, encodeId } from '@hub/platform/ids.js';
import type { JsonObject } from '@hub/model/tenant-row.js';

/*
 * How it is known that an event was caused by a rule, and at which depth of a chain. A firing keeps in its line of the
 * log which numbers the conversation's events had that it caused: nobody else can write any while it holds the lock. A
 * message carries it in its metadata, because it goes on causing events when the firing is long over.
 */

/** As the author of what a rule does is named. */
export const AUTHOR_PREFIX = 'Automation: ';

/** The rule behind an event, and how many firings led to it. */
export interface Cause {
  readonly ruleId: string;
  readonly depth: number;
}

export interface CausedEvent {
  readonly sequence: number;
  readonly subjectId: string;
  readonly cause: Cause | null;
}

interface Row {
  readonly sequence: number;
  readonly subjectId: string;
  readonly actor: string;
}

/** Null when the event is not kept any more. */
export async function loadEvent(tx: Tx, task: EventTask): Promise<CausedEvent | null> {
  const { organizationId, eventId, eventType, orderKey } = task;
  const [event] = await tx.query<Row[]>(
    `SELECT sequence, subject_id AS "subjectId", coalesce(body::json #>> '{meta,actor,name}', '') AS actor FROM event
     WHERE organization_id = $1 AND id = $2`,
    [organizationId, eventId],
  );
  if (!event) return null;
  const { sequence, subjectId } = event;
  const cause =
    (eventType.startsWith('message.') ? await causeOfMessage(tx, organizationId, subjectId) : null) ??
    (event.actor.startsWith(AUTHOR_PREFIX) ? await causeOf(tx, organizationId, orderKey, sequence) : null);
  return { sequence, subjectId, cause };
}

async function causeOf(
  tx: Tx,
  organizationId: string,
  conversationId: string,
  sequence: number,
): Promise<Cause | null> {
  const [found] = await tx.query<Cause[]>(
    `SELECT rule_id AS "ruleId", (detail->>'depth')::integer AS depth FROM rule_log
     WHERE organization_id = $1 AND conversation_id = $2 AND kind = 'automation' AND outcome = 'fired'
       AND (detail->>'after')::bigint < $3 AND $3 <= (detail->>'upTo')::bigint
     ORDER BY id DESC LIMIT 1`,
    [organizationId, conversationId, sequence],
  );
  return found ?? null;
}

async function causeOfMessage(tx: Tx, organizationId: string, messageId: string): Promise<Cause | null> {
  const [message] = await tx.query<{ automation: { rule?: unknown; depth?: unknown } | null }[]>(
    `SELECT metadata->'automation' AS automation FROM message
     WHERE organization_id = $1 AND id = $2 AND sender->>'type' = 'system'`,
    [organizationId, messageId],
  );
  const { rule, depth } = message?.automation ?? {};
  const ruleId = typeof rule === 'string' ? decodeId('rule', rule) : null;
  return ruleId && typeof depth === 'number' ? { ruleId, depth } : null;
}

/** What a message of a rule carries. */
export const messageMetadata = ({ ruleId, depth }: Cause): JsonObject => ({
  automation: { rule: encodeId('rule', ruleId), depth },
});

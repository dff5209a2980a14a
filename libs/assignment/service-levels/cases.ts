import type { ConversationStatus } from '@hub/model/conversation.entity.js';
import type { Reader, Tx } from '@hub/model/database.js';
import type { Targets } from './service-levels.types.js';
import type { Case, Timer } from './timers.js';

/** A case as it is kept: with the level that the conversation was given when it began. */
export interface KeptCase extends Case {
  readonly levelId: string;
  readonly levelName: string;
}

/** Whose case: the caller holds the conversation's lock. */
export interface CaseKey {
  readonly organizationId: string;
  readonly conversationId: string;
}

interface CaseRow {
  readonly levelId: string;
  readonly levelName: string;
  readonly targets: Targets;
  readonly status: ConversationStatus;
  readonly answeredAt: Date | null;
}

const TIMER_COLUMNS = `metric, state, started_at AS "startedAt", due_at AS "dueAt", warn_at AS "warnAt",
  left_seconds AS "leftSeconds", warned_at AS "warnedAt", breached_at AS "breachedAt", met_at AS "metAt"`;

/** What a conversation is held to; null when it is held to nothing. */
export async function loadCase(on: Reader, { organizationId, conversationId }: CaseKey): Promise<KeptCase | null> {
  const key = [organizationId, conversationId];
  const [found] = await on.query<CaseRow[]>(
    `SELECT service_level_id AS "levelId", name AS "levelName", targets, status, answered_at AS "answeredAt"
     FROM sla_case WHERE organization_id = $1 AND conversation_id = $2`,
    key,
  );
  if (!found) return null;
  const timers = await on.query<Timer[]>(
    `SELECT ${TIMER_COLUMNS} FROM sla_timer WHERE organization_id = $1 AND conversation_id = $2 ORDER BY started_at, metric`,
    key,
  );
  return { ...found, timers };
}

/** Keeps the case and exactly these timers. */
export async function saveCase(tx: Tx, { organizationId, conversationId }: CaseKey, kept: KeptCase): Promise<void> {
  const { levelId, levelName, targets, status, answeredAt, timers } = kept;
  await tx.query(
    `INSERT INTO sla_case (organization_id, conversation_id, service_level_id, name, targets, status, answered_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (organization_id, conversation_id) DO UPDATE SET service_level_id = excluded.service_level_id,
       name = excluded.name, targets = excluded.targets, status = excluded.status, answered_at = excluded.answered_at`,
    [organizationId, conversationId, levelId, levelName, JSON.stringify(targets), status, answeredAt],
  );
  await tx.query('DELETE FROM sla_timer WHERE organization_id = $1 AND conversation_id = $2 AND metric <> ALL ($3)', [
    organizationId,
    conversationId,
    timers.map(({ metric }) => metric),
  ]);
  await tx.query(SAVE_TIMERS, [organizationId, conversationId, levelId, JSON.stringify(timers)]);
}

/** Holds the conversation to nothing. */
export async function dropCase(tx: Tx, { organizationId, conversationId }: CaseKey): Promise<void> {
  await tx.query(
    `WITH timers AS (DELETE FROM sla_timer WHERE organization_id = $1 AND conversation_id = $2)
     DELETE FROM sla_case WHERE organization_id = $1 AND conversation_id = $2`,
    [organizationId, conversationId],
  );
}

const SAVE_TIMERS = `
  INSERT INTO sla_timer (organization_id, conversation_id, service_level_id, metric, state, started_at, due_at, warn_at,
    left_seconds, warned_at, breached_at, met_at)
  SELECT $1, $2, $3, t.metric, t.state, t."startedAt", t."dueAt", t."warnAt", t."leftSeconds", t."warnedAt",
    t."breachedAt", t."metAt"
  FROM jsonb_to_recordset($4) AS t(metric text, state text, "startedAt" timestamptz, "dueAt" timestamptz,
    "warnAt" timestamptz, "leftSeconds" float8, "warnedAt" timestamptz, "breachedAt" timestamptz, "metAt" timestamptz)
  ON CONFLICT (organization_id, conversation_id, metric) DO UPDATE SET service_level_id = excluded.service_level_id,
    state = excluded.state, started_at = excluded.started_at, due_at = excluded.due_at, warn_at = excluded.warn_at,
    left_seconds = excluded.left_seconds, warned_at = excluded.warned_at, breached_at = excluded.breached_at,
    met_at = excluded.met_at`;

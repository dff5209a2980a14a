import { decodeId } from '@hub/platform/ids.js';
import { events, at, type Json } from '../dialects/v1/v1-fixtures.js';
import type { Hub } from '../support/harness.js';

/**
 * Lets the database itself say whether a change of hands has put somebody over their capacity: at the commit of each
 * assignment and offer, when whoever is concerned is locked, what is true is kept beside what was written.
 */
export const watchCapacities = (hub: Hub): Promise<unknown> =>
  hub.sql(`
    CREATE TABLE seen_capacity (kind text, conversation_id uuid, user_id uuid, told boolean, seen boolean, detail text);
    CREATE FUNCTION see_capacity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE s agent_state; u users; class text; who uuid; told boolean;
    BEGIN
      IF TG_TABLE_NAME = 'assignment' THEN
        IF NEW.to_type IS DISTINCT FROM 'user' THEN RETURN NULL; END IF;
        who := NEW.to_id;
        told := NEW.over_capacity;
      ELSE
        IF NEW.kind <> 'queue' THEN RETURN NULL; END IF;
        who := NEW.user_id;
        told := false;
      END IF;
      SELECT h.type INTO class FROM conversation c JOIN channel h ON h.organization_id = c.organization_id
        AND h.id = c.channel_id WHERE c.id = NEW.conversation_id AND c.status IN ('open','pending');
      IF class IS NULL THEN RETURN NULL; END IF; -- snoozed: no load
      SELECT * INTO s FROM agent_state WHERE user_id = who;
      SELECT * INTO u FROM users WHERE id = who;
      INSERT INTO seen_capacity VALUES (TG_TABLE_NAME || ' ' || NEW.kind, NEW.conversation_id, who, told,
        s.load + s.reserved > (u.capacity->>'total')::integer OR coalesce(
          coalesce((s.load_by->>class)::integer, 0) > (u.capacity->'perChannel'->>class)::integer, false),
        format('%s and %s of %s', s.load, s.reserved, u.capacity));
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON assignment DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION see_capacity();
    CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON offer DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION see_capacity()`);

/** Each statement names what must not be; all are read in one snapshot. */
const NEVER = [
  `SELECT 'load_by of ' || s.user_id || ': ' || s.load_by || ' is not ' || f.load_by FROM agent_state s
   CROSS JOIN LATERAL (SELECT coalesce(jsonb_object_agg(t.type, t.n), '{}') AS load_by FROM (
     SELECT h.type, count(*) AS n FROM conversation c JOIN channel h ON h.id = c.channel_id
     WHERE c.assignee_type = 'user' AND c.assignee_id = s.user_id AND c.status IN ('open','pending') GROUP BY 1) AS t) AS f
   WHERE (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(s.load_by) WHERE value <> '0') <> f.load_by`,
  `SELECT 'conversation ' || c.id || ' is assigned, but no running assignment says to whom' FROM conversation c
   WHERE c.assignee_id IS NOT NULL AND NOT EXISTS (SELECT FROM assignment a WHERE a.conversation_id = c.id
     AND a.ended_at IS NULL AND a.to_type = c.assignee_type AND a.to_id = c.assignee_id)`,
  `SELECT 'the running assignment of ' || c.id || ' is not its last one' FROM conversation c
   JOIN assignment a ON a.conversation_id = c.id AND a.ended_at IS NULL
   JOIN assignment b ON b.conversation_id = c.id AND b.id > a.id`,
  `SELECT 'two live offers of ' || conversation_id FROM offer WHERE state = 'open' GROUP BY conversation_id
   HAVING count(*) FILTER (WHERE kind <> 'broadcast') > 1 OR count(DISTINCT kind) > 1 OR count(DISTINCT user_id) < count(*)`,
  `SELECT 'offer ' || o.id || ' of what is ' || c.status FROM offer o JOIN conversation c ON c.id = o.conversation_id
   WHERE o.state = 'open' AND c.status IN ('closed','snoozed')`,
  `SELECT 'offer ' || o.id || ' by a queue in which it does not wait for the answer' FROM offer o WHERE o.state = 'open'
   AND o.kind <> 'transfer' AND NOT EXISTS (SELECT FROM queue_item i WHERE i.conversation_id = o.conversation_id
     AND i.queue_id = o.queue_id AND i.state = 'offered')`,
  `SELECT 'item of ' || i.conversation_id || ' in a queue that the conversation does not name' FROM queue_item i
   JOIN conversation c ON c.id = i.conversation_id WHERE c.queue_id IS DISTINCT FROM i.queue_id`,
  `SELECT 'item of ' || i.conversation_id || ' waits while it is offered' FROM queue_item i WHERE i.state = 'waiting'
   AND EXISTS (SELECT FROM offer o WHERE o.conversation_id = i.conversation_id AND o.state = 'open')`,
  `SELECT 'conversation ' || c.id || ' was put into a queue and neither waits nor is anybody''s' FROM conversation c
   JOIN assignment a ON a.conversation_id = c.id AND a.ended_at IS NULL AND a.to_id IS NULL AND a.queue_id IS NOT NULL
   WHERE c.status IN ('open','pending') AND coalesce(c.reopened_at < a.created_at, true)
     AND NOT EXISTS (SELECT FROM queue_item i WHERE i.conversation_id = c.id)`,
  `SELECT kind || ' of ' || conversation_id || ' to ' || user_id || ': over capacity is ' || seen || ', told ' || told
     || ': ' || detail FROM seen_capacity WHERE told <> seen`,
];

/** @returns what is not as it must be, in words; empty when all is well */
export async function violations(hub: Hub): Promise<string[]> {
  const rows = await hub.sql<{ what: string }>(`SELECT what FROM (${NEVER.join(' UNION ALL ')}) AS found(what)`);
  return rows.map(({ what }) => what);
}

type Hand = readonly [before: string | null, after: string | null];

/** How the assignments tell who had a conversation, and how its events tell it: both must be the same, without a gap. */
export async function handsOf(hub: Hub, conversationId: string): Promise<{ assignments: Hand[]; events: Hand[] }> {
  const rows = await hub.sql<{ before: string | null; after: string | null }>(
    'SELECT from_id AS before, to_id AS after FROM assignment WHERE conversation_id = $1 ORDER BY id',
    [decodeId('conv', conversationId)],
  );
  const assignments = rows.map(({ before, after }): Hand => [before, after]);
  const changes = (await events(hub, conversationId))
    .map(({ body }) => at(body, 'meta.changes.assignee') as { before: Json | null; after: Json | null } | undefined)
    .filter((one) => one !== undefined);
  const told = changes.map(({ before, after }): Hand => [uuidOf(before), uuidOf(after)]);
  return { assignments: assignments.filter(([before, after]) => before !== after), events: told };
}

const uuidOf = (who: Json | null): string | null => {
  const id = who?.['id'];
  if (typeof id !== 'string') return null;
  return decodeId(id.slice(0, id.lastIndexOf('_')), id) ?? id;
};

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** New tables of tenants, and whether the job that looks for what is due may read them across tenants. */
const TABLES: Readonly<Record<string, boolean>> = {
  team: false,
  team_member: false,
  queue: true,
  agent_state: true,
  queue_item: true,
  offer: true,
  routing_rule: false,
  automation_rule: false,
  rule_log: false,
  service_level: false,
  sla_timer: true,
  event_task: true,
};

/** Teams, queues, presence, offers, rules and service levels: all that finding the right agent takes. */
export class Routing1700000000020 implements MigrationInterface {
  name = 'Routing1700000000020';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(PEOPLE);
    await runner.query(QUEUES);
    await runner.query(RULES);
    await runner.query(LOAD);
    for (const [table, crossed] of Object.entries(TABLES)) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON ${table}
          USING (organization_id = (SELECT nullif(current_setting('switchboard.organization', true), '')::uuid))`);
      if (!crossed) continue;
      await runner.query(`CREATE POLICY job ON ${table} USING ((SELECT current_job()) = 'routing')`);
    }
    await runner.query(`CREATE POLICY job_insert ON event_task FOR INSERT WITH CHECK ((SELECT current_job()) = 'relay');
      CREATE POLICY job_rules ON automation_rule FOR SELECT USING ((SELECT current_job()) = 'relay');
      CREATE POLICY job_rules ON routing_rule FOR SELECT USING ((SELECT current_job()) = 'relay');
      CREATE POLICY job_rules ON service_level FOR SELECT USING ((SELECT current_job()) = 'relay')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER load ON conversation;
      DROP FUNCTION count_load();
      DROP TABLE event_task, sla_timer, service_level, rule_log, automation_rule, routing_rule, offer, queue_item,
        agent_state, queue, team_member, team CASCADE;
      DROP FUNCTION count_offers();
      ALTER TABLE assignment DROP COLUMN queue_id, DROP COLUMN team_id, DROP COLUMN decision, DROP COLUMN over_capacity,
        DROP COLUMN waiting_since, DROP COLUMN return_at;
      ALTER TABLE conversation DROP COLUMN team_id, DROP COLUMN queue_id;
      ALTER TABLE users DROP COLUMN skills, DROP COLUMN capacity`);
  }
}

const PEOPLE = `
  CREATE TABLE team (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    name text NOT NULL,
    description text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE UNIQUE INDEX team_name ON team (organization_id, lower(name)) WHERE deleted_at IS NULL;
  CREATE INDEX team_created ON team (organization_id, created_at, id) WHERE deleted_at IS NULL;

  CREATE TABLE team_member (
    organization_id uuid NOT NULL,
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, team_id, user_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES team (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
  );
  CREATE INDEX team_member_user ON team_member (organization_id, user_id);

  ALTER TABLE users
    ADD COLUMN skills jsonb NOT NULL DEFAULT '[]', -- [{name, level}]
    ADD COLUMN capacity jsonb NOT NULL DEFAULT '{"total":10,"perChannel":{}}';

  -- one row per user who has ever been present or had a conversation
  CREATE TABLE agent_state (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'offline' CHECK (status IN ('online','busy','away','offline')),
    reason text, -- why the product has changed it: heartbeat, misses; null when the user did
    reassigns boolean NOT NULL DEFAULT false, -- away: the open conversations go back to their queues
    changed_at timestamptz(3) NOT NULL DEFAULT now(),
    seen_at timestamptz(3), -- the last heartbeat
    load integer NOT NULL DEFAULT 0, -- open and pending conversations; counted by a trigger
    load_by jsonb NOT NULL DEFAULT '{}', -- the same by the type of the channel
    reserved integer NOT NULL DEFAULT 0, -- offers from queues that wait for an answer; counted by a trigger
    misses integer NOT NULL DEFAULT 0, -- offers in a row that were left unanswered
    last_assigned_at timestamptz(3), -- by a queue
    idle_since timestamptz(3),
    PRIMARY KEY (organization_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
  ) WITH (fillfactor = 50);
  CREATE INDEX agent_state_seen ON agent_state (seen_at) WHERE status <> 'offline';`;

const QUEUES = `
  CREATE TABLE queue (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    name text NOT NULL,
    team_id uuid NOT NULL,
    strategy text NOT NULL DEFAULT 'round_robin' CHECK (strategy IN
      ('round_robin','least_loaded','longest_idle','skills','sticky','broadcast','manual')),
    priority_ageing integer NOT NULL DEFAULT 0, -- seconds of waiting that weigh as much as one step of priority; 0: none
    offer_timeout integer NOT NULL DEFAULT 0, -- seconds; 0: assigned at once
    max_misses integer NOT NULL DEFAULT 3, -- offers left unanswered in a row before the agent is set away; 0: never
    return_timeout integer NOT NULL DEFAULT 0, -- seconds in which the agent must write; 0: no limit
    sticky_window integer NOT NULL DEFAULT 0, -- seconds for which the last agent is preferred; 0: not at all
    skills jsonb NOT NULL DEFAULT '[]', -- [{name, level}] that every agent needs
    business_hours jsonb, -- null: always open
    closed_behavior jsonb, -- what is done while it is closed
    pace_seconds float8, -- moving average of the time between two assignments
    last_assigned_at timestamptz(3),
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, team_id) REFERENCES team (organization_id, id)
  );
  CREATE UNIQUE INDEX queue_name ON queue (organization_id, lower(name)) WHERE deleted_at IS NULL;
  CREATE INDEX queue_created ON queue (organization_id, created_at, id) WHERE deleted_at IS NULL;
  CREATE INDEX queue_team ON queue (organization_id, team_id) WHERE deleted_at IS NULL;

  ALTER TABLE conversation ADD COLUMN team_id uuid, ADD COLUMN queue_id uuid; -- the last ones it was routed to

  -- who waits where; gone when the conversation is assigned, closed or snoozed
  CREATE TABLE queue_item (
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    queue_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting','offered')),
    priority smallint NOT NULL, -- 0 low to 3 urgent, raised by a threatened service level
    waiting_since timestamptz(3) NOT NULL,
    rank timestamptz(3) NOT NULL, -- the lowest is next: waiting_since less what the priority is worth
    skills jsonb NOT NULL DEFAULT '[]', -- wanted beside the queue's
    preferred_user_id uuid,
    passed uuid[] NOT NULL DEFAULT '{}', -- who has declined or missed it in this round
    rule_id uuid, -- the routing rule that put it here, its target and when the next target has its turn
    step integer,
    step_until timestamptz(3),
    held_until timestamptz(3), -- not before then: the queue is closed
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, conversation_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversation (organization_id, id),
    FOREIGN KEY (organization_id, queue_id) REFERENCES queue (organization_id, id)
  ) WITH (autovacuum_vacuum_scale_factor = 0.05);
  CREATE INDEX queue_item_next ON queue_item (organization_id, queue_id, rank, conversation_id) WHERE state = 'waiting';
  CREATE INDEX queue_item_queue ON queue_item (organization_id, queue_id, rank, conversation_id);
  CREATE INDEX queue_item_step ON queue_item (step_until) WHERE step_until IS NOT NULL;
  CREATE INDEX queue_item_held ON queue_item (held_until) WHERE held_until IS NOT NULL;

  CREATE TABLE offer (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    queue_id uuid,
    user_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('queue','broadcast','transfer')),
    state text NOT NULL CHECK (state IN ('open','accepted','declined','expired','withdrawn')),
    reason text,
    transfer jsonb, -- of a warm transfer: reason, summary, notifyContact, by whom
    decision jsonb, -- who was considered, and why this one
    expires_at timestamptz(3) NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    decided_at timestamptz(3),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversation (organization_id, id)
  );
  CREATE UNIQUE INDEX offer_single ON offer (organization_id, conversation_id) WHERE state = 'open' AND kind <> 'broadcast';
  CREATE UNIQUE INDEX offer_broadcast ON offer (organization_id, conversation_id, user_id) WHERE state = 'open';
  CREATE INDEX offer_user ON offer (organization_id, user_id, id) WHERE state = 'open';
  CREATE INDEX offer_expiry ON offer (expires_at) WHERE state = 'open';
  CREATE INDEX offer_conversation ON offer (organization_id, conversation_id, id);

  ALTER TABLE assignment DROP CONSTRAINT assignment_kind_check;
  ALTER TABLE assignment
    ADD CONSTRAINT assignment_kind_check CHECK (kind IN
      ('manual','claim','auto','offer','transfer','handoff','return','reopen','unassign','queue')),
    ADD COLUMN queue_id uuid,
    ADD COLUMN team_id uuid,
    ADD COLUMN decision jsonb, -- of an automatic one: who was considered, and why each was or was not chosen
    ADD COLUMN over_capacity boolean NOT NULL DEFAULT false,
    ADD COLUMN waiting_since timestamptz(3), -- its place in the queue, should it come back
    ADD COLUMN return_at timestamptz(3); -- when it goes back unless the agent has written
  CREATE INDEX assignment_return ON assignment (return_at) WHERE ended_at IS NULL AND return_at IS NOT NULL;`;

const RULES = `
  CREATE TABLE routing_rule (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    name text NOT NULL,
    position integer NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    conditions jsonb NOT NULL DEFAULT '[]',
    targets jsonb NOT NULL, -- in turn: {to, timeout, priority, skills}
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE INDEX routing_rule_order ON routing_rule (organization_id, position, id) WHERE deleted_at IS NULL;

  CREATE TABLE automation_rule (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    name text NOT NULL,
    position integer NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    event text NOT NULL,
    conditions jsonb NOT NULL DEFAULT '[]',
    actions jsonb NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE INDEX automation_rule_event ON automation_rule (organization_id, event, position, id) WHERE deleted_at IS NULL;

  CREATE TABLE rule_log (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('routing','automation','service_level')),
    rule_id uuid NOT NULL,
    conversation_id uuid,
    event_id uuid,
    outcome text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, id)
  );
  CREATE INDEX rule_log_rule ON rule_log (organization_id, rule_id, id);
  CREATE INDEX rule_log_conversation ON rule_log (organization_id, conversation_id, id);
  CREATE UNIQUE INDEX rule_log_once ON rule_log (organization_id, rule_id, event_id) WHERE event_id IS NOT NULL;

  CREATE TABLE service_level (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    name text NOT NULL,
    position integer NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    conditions jsonb NOT NULL DEFAULT '[]',
    first_response integer, -- seconds of business time
    next_response integer,
    resolution integer,
    warn_before integer NOT NULL DEFAULT 0, -- seconds of business time before a breach
    business_hours jsonb, -- null: around the clock
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE INDEX service_level_order ON service_level (organization_id, position, id) WHERE deleted_at IS NULL;

  CREATE TABLE sla_timer (
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    metric text NOT NULL CHECK (metric IN ('first_response','next_response','resolution')),
    service_level_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('running','paused','met','breached')),
    started_at timestamptz(3) NOT NULL,
    due_at timestamptz(3), -- while running
    warn_at timestamptz(3), -- while running and not warned
    left_seconds float8, -- while paused
    warned_at timestamptz(3),
    breached_at timestamptz(3),
    met_at timestamptz(3),
    PRIMARY KEY (organization_id, conversation_id, metric),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversation (organization_id, id)
  );
  CREATE INDEX sla_timer_due ON sla_timer (due_at) WHERE state = 'running' AND breached_at IS NULL;
  CREATE INDEX sla_timer_warn ON sla_timer (warn_at) WHERE state = 'running' AND warn_at IS NOT NULL;

  -- what an event leaves to do inside the product; written with its fan-out, gone when it is done
  CREATE TABLE event_task (
    organization_id uuid NOT NULL,
    consumer text NOT NULL, -- routing, automation, service_levels …
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    order_key uuid NOT NULL, -- tasks of one consumer and key are done in the order of their positions
    position bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz(3) NOT NULL DEFAULT now(),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, consumer, event_id)
  ) WITH (autovacuum_vacuum_scale_factor = 0.05);
  CREATE INDEX event_task_due ON event_task (consumer, next_at, position);
  CREATE INDEX event_task_order ON event_task (organization_id, consumer, order_key, position);`;

const LOAD = `
  -- A user's load is the number of open and pending conversations in their hands, whoever changes these and how.
  CREATE FUNCTION count_load() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DECLARE
    before uuid := CASE WHEN TG_OP = 'UPDATE' AND OLD.assignee_type = 'user' AND OLD.status IN ('open','pending')
      THEN OLD.assignee_id END;
    after uuid := CASE WHEN NEW.assignee_type = 'user' AND NEW.status IN ('open','pending') THEN NEW.assignee_id END;
    class text; who uuid; step integer;
  BEGIN
    IF before IS NOT DISTINCT FROM after THEN RETURN NULL; END IF;
    SELECT type INTO class FROM channel WHERE organization_id = NEW.organization_id AND id = NEW.channel_id;
    FOR who, step IN
      SELECT u.id, u.step FROM (VALUES (before, -1), (after, 1)) AS u(id, step) WHERE u.id IS NOT NULL ORDER BY u.id
    LOOP
      INSERT INTO agent_state AS s (organization_id, user_id, load, load_by)
      VALUES (NEW.organization_id, who, greatest(step, 0), jsonb_build_object(class, greatest(step, 0)))
      ON CONFLICT (organization_id, user_id) DO UPDATE SET load = s.load + step,
        load_by = s.load_by || jsonb_build_object(class, coalesce((s.load_by->>class)::integer, 0) + step),
        idle_since = CASE WHEN step < 0 THEN now() ELSE s.idle_since END;
    END LOOP;
    RETURN NULL;
  END $$;
  CREATE TRIGGER load AFTER INSERT OR UPDATE OF status, assignee_type, assignee_id ON conversation
    FOR EACH ROW EXECUTE FUNCTION count_load();
  INSERT INTO agent_state (organization_id, user_id, load, load_by)
  SELECT organization_id, assignee_id, sum(n), jsonb_object_agg(type, n) FROM (
    SELECT c.organization_id, c.assignee_id, h.type, count(*)::integer AS n FROM conversation c
    JOIN channel h ON h.organization_id = c.organization_id AND h.id = c.channel_id
    WHERE c.assignee_type = 'user' AND c.status IN ('open','pending') GROUP BY 1, 2, 3) AS found GROUP BY 1, 2;

  CREATE FUNCTION count_offers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DECLARE
    step integer := (NEW.state = 'open' AND NEW.kind = 'queue')::integer
      - (TG_OP = 'UPDATE' AND OLD.state = 'open' AND OLD.kind = 'queue')::integer;
  BEGIN
    IF step = 0 THEN RETURN NULL; END IF;
    INSERT INTO agent_state AS s (organization_id, user_id, reserved) VALUES (NEW.organization_id, NEW.user_id, greatest(step, 0))
    ON CONFLICT (organization_id, user_id) DO UPDATE SET reserved = s.reserved + step;
    RETURN NULL;
  END $$;
  CREATE TRIGGER reserved AFTER INSERT OR UPDATE OF state ON offer FOR EACH ROW EXECUTE FUNCTION count_offers();`;

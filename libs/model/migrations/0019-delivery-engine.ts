import type { MigrationInterface, QueryRunner } from 'typeorm';

const JOBS: Readonly<Record<string, readonly string[]>> = {
  webhook_delivery: ['relay', 'lanes'],
  webhook_attempt: ['lanes'],
  webhook_endpoint_stat: ['lanes'],
  webhook_recovery: ['lanes'],
};

/**
 * Deliveries part by themselves: what is unfinished stays in one small partition, what has ended moves into the log,
 * which has a partition a day (by the time in the id), so that old days are dropped whole and the work costs the same
 * however long the log is. Attempts are kept by day, too.
 *
 * Beside it: what an endpoint needs to be spared and told apart (breaker, pause, rate), its figures by the hour, the
 * jobs that recover deliveries, and an event's team and trace.
 */
export class DeliveryEngine1700000000019 implements MigrationInterface {
  name = 'DeliveryEngine1700000000019';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ENDPOINTS);
    await runner.query(FUNCTIONS);
    await runner.query(LOG);
    await runner.query(`
      INSERT INTO webhook_delivery (${KEPT_DELIVERY}, last_attempt_id)
      SELECT ${KEPT_DELIVERY}, (SELECT a.id FROM old_attempt a WHERE a.organization_id = d.organization_id
        AND a.delivery_id = d.id ORDER BY a.n DESC LIMIT 1) FROM old_delivery d;
      INSERT INTO webhook_attempt SELECT * FROM old_attempt;
      DROP TABLE old_attempt, old_delivery;
      SELECT set_config('switchboard.job', 'lanes', true), webhook_log_roll(35)`);
    await this.wall(runner);
  }

  private async wall(runner: QueryRunner): Promise<void> {
    for (const [table, jobs] of Object.entries(JOBS)) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON ${table}
          USING (organization_id = (SELECT nullif(current_setting('switchboard.organization', true), '')::uuid));
        CREATE POLICY job ON ${table} USING ((SELECT current_job()) IN (${jobs.map((job) => `'${job}'`).join(', ')}))`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await Promise.resolve(runner);
    throw new Error('The log of deliveries cannot be put back together: restore the backup from before the migration');
  }
}

const KEPT_DELIVERY = `organization_id, id, endpoint_id, event_id, event_type, order_key, sequence, position, status,
  resume_status, test_body, out_of_band, priority, attempt_no, attempts, next_attempt_at, lease_token, lease_until,
  last_status_code, last_error, first_attempt_at, last_attempt_at, created_at, finished_at`;

const ENDPOINTS = `
  ALTER TABLE event ADD COLUMN team_id uuid, ADD COLUMN trace text; -- the traceparent of the request behind it
  ALTER TABLE webhook_endpoint
    ADD COLUMN failing_told smallint NOT NULL DEFAULT 0, -- how many of the warnings have been given
    ADD COLUMN breaker text NOT NULL DEFAULT 'closed' CHECK (breaker IN ('closed','open')),
    ADD COLUMN open_until timestamptz(3), -- open: when the next probe may go
    ADD COLUMN probe_wait integer NOT NULL DEFAULT 0, -- seconds of the last wait for a probe
    ADD COLUMN probe_successes smallint NOT NULL DEFAULT 0,
    ADD COLUMN slow_start smallint, -- requests at once while it gets back on its feet
    ADD COLUMN paused_until timestamptz(3),
    ADD COLUMN next_token_at timestamptz(3), -- with a rate: when the bucket will be full again
    ADD COLUMN guarded boolean NOT NULL GENERATED ALWAYS AS (
      breaker <> 'closed' OR slow_start IS NOT NULL OR paused_until IS NOT NULL OR config ? 'rateLimit') STORED;
  ALTER TABLE webhook_endpoint SET (fillfactor = 50); -- counted at every settlement
  CREATE INDEX webhook_endpoint_failing ON webhook_endpoint (first_failure_at)
    WHERE first_failure_at IS NOT NULL AND status = 'active';

  CREATE TABLE webhook_endpoint_stat (
    organization_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    hour timestamptz(0) NOT NULL,
    attempts integer NOT NULL,
    succeeded integer NOT NULL,
    failed integer NOT NULL,
    latency_ms bigint NOT NULL, -- of those that succeeded
    PRIMARY KEY (organization_id, endpoint_id, hour)
  ) WITH (fillfactor = 50);

  CREATE TABLE webhook_recovery (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    since timestamptz(3) NOT NULL,
    until timestamptz(3) NOT NULL,
    status_filter text NOT NULL CHECK (status_filter IN ('failed','held','all')),
    events text[] NOT NULL, -- patterns
    state text NOT NULL CHECK (state IN ('running','succeeded','cancelled')),
    cursor uuid, -- every delivery up to this id has been looked at
    total bigint,
    matched bigint NOT NULL DEFAULT 0,
    replayed bigint NOT NULL DEFAULT 0,
    created_by jsonb NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    finished_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE INDEX webhook_recovery_list ON webhook_recovery (organization_id, endpoint_id, id);
  CREATE INDEX webhook_recovery_running ON webhook_recovery (id) WHERE state = 'running';`;

const FUNCTIONS = `
  CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
      substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
      'hex')::uuid $$;
  -- below every UUIDv7 of that moment and after, above every earlier one
  CREATE FUNCTION uuid_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid $$;
  -- the one id that the delivery of an event to an endpoint can have: sorts by the event's time, then its position
  CREATE FUNCTION webhook_delivery_id(event_id uuid, event_position bigint, endpoint_id uuid) RETURNS uuid
  LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(substring(uuid_send(event_id) FROM 1 FOR 6)
      || substring(int4send(28672 | (event_position & 4095)::integer) FROM 3)
      || set_bit(set_bit(substring(decode(md5(uuid_send(event_id) || uuid_send(endpoint_id)), 'hex') FROM 1 FOR 8), 7, 1), 6, 0),
      'hex')::uuid $$;`;

const LOG = `
  ALTER TABLE webhook_attempt RENAME TO old_attempt;
  ALTER TABLE webhook_delivery RENAME TO old_delivery;
  ALTER TABLE old_attempt DROP CONSTRAINT webhook_attempt_pkey CASCADE;
  ALTER TABLE old_delivery DROP CONSTRAINT webhook_delivery_pkey CASCADE;
  DROP INDEX webhook_delivery_due, webhook_delivery_lease, webhook_delivery_order, webhook_delivery_list,
    webhook_delivery_unhappy, webhook_delivery_failing;

  CREATE TABLE webhook_delivery (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    order_key uuid NOT NULL,
    sequence bigint NOT NULL,
    position bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('blocked','pending','leased','succeeded','exhausted','held','cancelled')),
    resume_status text, -- while an attempt by hand or a test is under way: what it falls back to
    test_body text, -- the body of a test, which is no event of the log
    thin boolean NOT NULL DEFAULT false, -- sent without its attributes
    out_of_band boolean NOT NULL DEFAULT false, -- outside the order: unordered, replayed, or failing and overtaken
    priority smallint NOT NULL DEFAULT 0, -- 1: a replay
    attempt_no integer NOT NULL DEFAULT 0, -- attempts that the retry schedule has used up
    attempts integer NOT NULL DEFAULT 0, -- attempts made, by hand or not
    next_attempt_at timestamptz(3) NOT NULL,
    lease_token uuid,
    lease_until timestamptz(3),
    last_attempt_id uuid,
    last_status_code integer,
    last_error text,
    first_attempt_at timestamptz(3), -- of the schedule
    last_attempt_at timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    finished_at timestamptz(3),
    PRIMARY KEY (organization_id, id, status)
  ) PARTITION BY LIST (status);
  CREATE INDEX webhook_delivery_list ON webhook_delivery (organization_id, endpoint_id, id);

  CREATE TABLE webhook_delivery_open PARTITION OF webhook_delivery (UNIQUE (organization_id, id))
    FOR VALUES IN ('blocked','pending','leased','held')
    WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.1);
  CREATE INDEX webhook_delivery_due ON webhook_delivery_open (organization_id, endpoint_id, priority, next_attempt_at)
    WHERE status = 'pending';
  CREATE INDEX webhook_delivery_lease ON webhook_delivery_open (organization_id, endpoint_id, lease_until)
    WHERE status = 'leased';
  CREATE INDEX webhook_delivery_order ON webhook_delivery_open (organization_id, endpoint_id, order_key, position)
    WHERE NOT out_of_band;
  CREATE INDEX webhook_delivery_blocked ON webhook_delivery_open (organization_id, endpoint_id) WHERE status = 'blocked';
  CREATE INDEX webhook_delivery_held ON webhook_delivery_open (organization_id, endpoint_id, id) WHERE status = 'held';
  -- heads of an order that have been failing: read by the sweeper only
  CREATE INDEX webhook_delivery_failing ON webhook_delivery_open (first_attempt_at)
    WHERE status = 'pending' AND NOT out_of_band AND first_attempt_at IS NOT NULL;

  CREATE TABLE webhook_delivery_log PARTITION OF webhook_delivery
    FOR VALUES IN ('succeeded','exhausted','cancelled') PARTITION BY RANGE (id);
  CREATE TABLE webhook_delivery_log_rest PARTITION OF webhook_delivery_log DEFAULT;
  CREATE INDEX webhook_delivery_unhappy ON webhook_delivery_log (organization_id, endpoint_id, id)
    WHERE status IN ('exhausted','cancelled');

  CREATE TABLE webhook_attempt (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    n integer NOT NULL,
    trigger text NOT NULL CHECK (trigger IN ('auto','manual','test','probe','replay')),
    lease_token uuid NOT NULL,
    started_at timestamptz(3) NOT NULL,
    ended_at timestamptz(3),
    outcome text NOT NULL CHECK (outcome IN ('open','success','http','redirect','timeout','dns','connect','tls','reset',
      'blocked_address','interrupted','superseded')),
    status_code integer,
    duration_ms integer,
    request_headers jsonb,
    response_body text,
    response_truncated boolean NOT NULL DEFAULT false,
    error text,
    PRIMARY KEY (organization_id, id)
  ) PARTITION BY RANGE (id);
  CREATE INDEX webhook_attempt_delivery ON webhook_attempt (organization_id, delivery_id, n);
  CREATE TABLE webhook_attempt_rest PARTITION OF webhook_attempt DEFAULT;

  -- reached through their parents only: a policy of their own would be a second door
  ALTER TABLE webhook_delivery_open ENABLE ROW LEVEL SECURITY;
  ALTER TABLE webhook_delivery_log ENABLE ROW LEVEL SECURITY;
  ALTER TABLE webhook_delivery_log_rest ENABLE ROW LEVEL SECURITY;
  ALTER TABLE webhook_attempt_rest ENABLE ROW LEVEL SECURITY;

  -- a partition for each day from yesterday to a week ahead, none older than keep_days; what is held, no longer either
  CREATE FUNCTION webhook_log_roll(keep_days integer) RETURNS TABLE (made integer, dropped integer)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    parent text; day date; part text; low uuid; high uuid;
  BEGIN
    IF current_job() <> 'lanes' OR keep_days < 1 THEN RAISE EXCEPTION 'not allowed' USING ERRCODE = '42501'; END IF;
    made := 0; dropped := 0;
    PERFORM set_config('lock_timeout', '2s', true);
    PERFORM pg_advisory_xact_lock(1527906305);
    FOREACH parent IN ARRAY ARRAY['webhook_delivery_log', 'webhook_attempt'] LOOP
      FOR offset_days IN -1..7 LOOP
        day := today + offset_days;
        part := parent || to_char(day, '_YYYYMMDD');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        low := uuid_at(day::timestamp AT TIME ZONE 'UTC');
        high := uuid_at((day + 1)::timestamp AT TIME ZONE 'UTC');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
        EXECUTE format('WITH early AS (DELETE FROM %I WHERE id >= %L AND id < %L RETURNING *) INSERT INTO %I SELECT * FROM early',
          parent || '_rest', low, high, part);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, low, high);
        made := made + 1;
      END LOOP;
      FOR part, day IN
        SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = parent::regclass AND c.relname ~ '_[0-9]{8}$'
      LOOP
        CONTINUE WHEN day >= today - keep_days;
        EXECUTE format('DROP TABLE %I', part);
        dropped := dropped + 1;
      END LOOP;
      EXECUTE format('DELETE FROM %I WHERE id < %L', parent || '_rest',
        uuid_at((today - keep_days)::timestamp AT TIME ZONE 'UTC'));
    END LOOP;
    DELETE FROM webhook_delivery_open WHERE status = 'held' AND created_at < now() - make_interval(days => keep_days);
    RETURN NEXT;
  END $$;`;

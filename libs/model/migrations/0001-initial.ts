import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The first schema. Every tenant-owned table is keyed and indexed by `organization_id` first, so that it can be
 * sharded by it; the exceptions are the two internal scans of the relay and the lanes, which cross tenants by design.
 */
export class Initial1700000000001 implements MigrationInterface {
  name = 'Initial1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const block of [FOUNDATION, PEOPLE, CHANNELS, CONVERSATIONS, EVENTS, WEBHOOKS]) await runner.query(block);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE webhook_attempt, webhook_delivery, webhook_endpoint, event, assignment, participant, message,
        conversation, bot_channel, channel, bot, contact_identity, contact, api_key, users, organization;
      DROP SEQUENCE number_organization, number_party, number_channel, number_conversation, number_message`);
  }
}

const FOUNDATION = `
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE EXTENSION IF NOT EXISTS btree_gin;
  -- the integers under which integer-only clients know things; users, bots and contacts share one space
  CREATE SEQUENCE number_organization;
  CREATE SEQUENCE number_party;
  CREATE SEQUENCE number_channel;
  CREATE SEQUENCE number_conversation;
  CREATE SEQUENCE number_message;

  CREATE TABLE organization (
    id uuid PRIMARY KEY,
    number bigint NOT NULL UNIQUE DEFAULT nextval('number_organization'),
    name text NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now()
  );`;

const PEOPLE = `
  CREATE TABLE users (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    number bigint NOT NULL DEFAULT nextval('number_party'),
    email text NOT NULL,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('super_admin','admin','supervisor','agent','customer')),
    status text NOT NULL CHECK (status IN ('active','invited','suspended')),
    avatar text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE UNIQUE INDEX users_email ON users (organization_id, lower(email)) WHERE deleted_at IS NULL;
  CREATE UNIQUE INDEX users_number ON users (organization_id, number);
  CREATE INDEX users_created ON users (organization_id, created_at, id) WHERE deleted_at IS NULL;

  CREATE TABLE api_key (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('user','service','bot')),
    prefix text NOT NULL,
    hash bytea NOT NULL UNIQUE, -- SHA-256 of the key: the one lookup that happens before the tenant is known
    scopes text[] NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3),
    revoked_at timestamptz(3),
    last_used_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );

  CREATE TABLE contact (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    number bigint NOT NULL DEFAULT nextval('number_party'),
    name text,
    email text,
    phone text,
    avatar text,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    last_seen_at timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE UNIQUE INDEX contact_email ON contact (organization_id, lower(email)) WHERE deleted_at IS NULL;
  CREATE UNIQUE INDEX contact_phone ON contact (organization_id, phone) WHERE deleted_at IS NULL;
  CREATE UNIQUE INDEX contact_external_id ON contact (organization_id, external_id) WHERE deleted_at IS NULL;
  CREATE UNIQUE INDEX contact_number ON contact (organization_id, number);
  CREATE INDEX contact_created ON contact (organization_id, created_at, id) WHERE deleted_at IS NULL;
  CREATE INDEX contact_tags ON contact USING gin (organization_id, tags);
  CREATE INDEX contact_name ON contact USING gin (organization_id, name gin_trgm_ops);

  CREATE TABLE contact_identity (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    contact_id uuid NOT NULL,
    channel_type text NOT NULL,
    channel_id uuid NOT NULL,
    identifier text NOT NULL,
    display_name text,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, channel_id, identifier),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contact (organization_id, id)
  );
  CREATE INDEX contact_identity_contact ON contact_identity (organization_id, contact_id);`;

const CHANNELS = `
  CREATE TABLE bot (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    number bigint NOT NULL DEFAULT nextval('number_party'),
    name text NOT NULL,
    description text,
    status text NOT NULL CHECK (status IN ('inactive','active','error')),
    provider text NOT NULL,
    model text,
    config jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE UNIQUE INDEX bot_number ON bot (organization_id, number);
  CREATE INDEX bot_created ON bot (organization_id, created_at, id) WHERE deleted_at IS NULL;

  CREATE TABLE channel (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    number bigint NOT NULL DEFAULT nextval('number_channel'),
    name text NOT NULL,
    type text NOT NULL,
    status text NOT NULL CHECK (status IN ('inactive','active','error','pending')),
    config jsonb NOT NULL DEFAULT '{}',
    default_bot_id uuid,
    reopen_window_seconds integer NOT NULL DEFAULT 86400 CHECK (reopen_window_seconds >= 0),
    single_conversation boolean NOT NULL DEFAULT true,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, default_bot_id) REFERENCES bot (organization_id, id)
  );
  CREATE UNIQUE INDEX channel_number ON channel (organization_id, number);
  CREATE INDEX channel_created ON channel (organization_id, created_at, id) WHERE deleted_at IS NULL;

  CREATE TABLE bot_channel (
    organization_id uuid NOT NULL,
    bot_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    PRIMARY KEY (organization_id, bot_id, channel_id),
    FOREIGN KEY (organization_id, bot_id) REFERENCES bot (organization_id, id),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channel (organization_id, id)
  );
  CREATE INDEX bot_channel_channel ON bot_channel (organization_id, channel_id);`;

const CONVERSATIONS = `
  CREATE TABLE conversation (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    number bigint NOT NULL DEFAULT nextval('number_conversation'),
    subject text,
    channel_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('open','pending','snoozed','closed')),
    priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low','normal','high','urgent')),
    assignee_type text CHECK (assignee_type IN ('user','bot')),
    assignee_id uuid,
    assigned_at timestamptz(3),
    assigned_by jsonb,
    bot_id uuid,
    snoozed_until timestamptz(3),
    closed_at timestamptz(3),
    closed_by jsonb,
    resolution text CHECK (resolution IN ('resolved','unresolved','spam')),
    closure_reason text,
    reopened_at timestamptz(3),
    reopened_by jsonb,
    first_message_at timestamptz(3),
    last_message_at timestamptz(3),
    last_inbound_at timestamptz(3),
    last_message_id uuid,
    message_count integer NOT NULL DEFAULT 0,
    unread_count integer NOT NULL DEFAULT 0,
    tags text[] NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    single boolean NOT NULL DEFAULT true,
    version integer NOT NULL DEFAULT 1,
    message_seq bigint NOT NULL DEFAULT 0,
    event_seq bigint NOT NULL DEFAULT 0,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, id),
    CHECK ((assignee_type IS NULL) = (assignee_id IS NULL)),
    CHECK (status <> 'snoozed' OR snoozed_until IS NOT NULL),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channel (organization_id, id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contact (organization_id, id),
    FOREIGN KEY (organization_id, bot_id) REFERENCES bot (organization_id, id)
  );
  -- one live conversation per contact and channel
  CREATE UNIQUE INDEX conversation_live ON conversation (organization_id, channel_id, contact_id)
    WHERE single AND status <> 'closed';
  CREATE UNIQUE INDEX conversation_number ON conversation (organization_id, number);
  CREATE INDEX conversation_updated ON conversation (organization_id, updated_at, id);
  CREATE INDEX conversation_created ON conversation (organization_id, created_at, id);
  CREATE INDEX conversation_last_message ON conversation (organization_id, last_message_at DESC NULLS LAST, id DESC);
  CREATE INDEX conversation_status ON conversation (organization_id, status, updated_at, id);
  CREATE INDEX conversation_channel ON conversation (organization_id, channel_id, updated_at, id);
  CREATE INDEX conversation_contact ON conversation (organization_id, contact_id, updated_at, id);
  CREATE INDEX conversation_assignee ON conversation (organization_id, assignee_id, updated_at, id)
    WHERE assignee_id IS NOT NULL;
  CREATE INDEX conversation_bot ON conversation (organization_id, bot_id, updated_at, id) WHERE bot_id IS NOT NULL;
  -- the alarm clock of every tenant: read by the worker's sweep only
  CREATE INDEX conversation_snoozed ON conversation (snoozed_until) WHERE status = 'snoozed';

  CREATE TABLE message (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    number bigint NOT NULL DEFAULT nextval('number_message'),
    conversation_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    seq bigint NOT NULL,
    direction text NOT NULL CHECK (direction IN ('inbound','outbound','internal')),
    content_type text NOT NULL,
    content jsonb NOT NULL,
    text text,
    status text NOT NULL CHECK (status IN ('pending','sent','delivered','read','failed')),
    sender jsonb NOT NULL,
    external_id text,
    client_message_id text,
    metadata jsonb NOT NULL DEFAULT '{}',
    occurred_at timestamptz(3) NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, conversation_id, seq),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversation (organization_id, id)
  );
  CREATE UNIQUE INDEX message_external_id ON message (organization_id, channel_id, external_id)
    WHERE external_id IS NOT NULL;
  CREATE UNIQUE INDEX message_client_id ON message (organization_id, conversation_id, client_message_id)
    WHERE client_message_id IS NOT NULL;
  CREATE INDEX message_text ON message USING gin (organization_id, text gin_trgm_ops);

  CREATE TABLE participant (
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('contact','user','bot')),
    ref_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('customer','agent','bot','observer')),
    joined_at timestamptz(3) NOT NULL DEFAULT now(),
    left_at timestamptz(3),
    PRIMARY KEY (organization_id, conversation_id, kind, ref_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversation (organization_id, id)
  );

  CREATE TABLE assignment (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('manual','transfer','unassign')),
    from_type text,
    from_id uuid,
    to_type text,
    to_id uuid,
    actor jsonb NOT NULL,
    reason text,
    summary text,
    note text,
    notify_contact boolean NOT NULL DEFAULT false,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    ended_at timestamptz(3),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversation (organization_id, id)
  );
  CREATE INDEX assignment_conversation ON assignment (organization_id, conversation_id, id);`;

const EVENTS = `
  -- the event log and, by fanned_out_at, the outbox
  CREATE TABLE event (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    type text NOT NULL,
    order_key uuid NOT NULL, -- the conversation, else the subject itself
    sequence bigint NOT NULL, -- gap-free per conversation; 0 where there is none
    subject_id uuid NOT NULL,
    channel_id uuid,
    body text NOT NULL, -- the exact bytes (UTF-8) that subscribers get, written once
    created_at timestamptz(3) NOT NULL,
    fanned_out_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE INDEX event_outbox ON event (position) WHERE fanned_out_at IS NULL;
  CREATE UNIQUE INDEX event_sequence ON event (organization_id, order_key, sequence) WHERE sequence > 0;
  CREATE INDEX event_log ON event (organization_id, position);`;

const WEBHOOKS = `
  CREATE TABLE webhook_endpoint (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL, -- exact names, 'conversation.*' or '*'
    description text,
    headers jsonb NOT NULL DEFAULT '{}', -- name to sealed value
    secrets jsonb NOT NULL, -- [{sealed, createdAt, expiresAt}], newest first
    config jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL CHECK (status IN ('active','inactive','disabled')),
    disabled_reason text,
    consecutive_failures integer NOT NULL DEFAULT 0,
    first_failure_at timestamptz(3),
    last_success_at timestamptz(3),
    deliveries_total bigint NOT NULL DEFAULT 0,
    deliveries_succeeded bigint NOT NULL DEFAULT 0,
    deliveries_failed bigint NOT NULL DEFAULT 0,
    latency_total_ms bigint NOT NULL DEFAULT 0,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    PRIMARY KEY (organization_id, id)
  );
  CREATE INDEX webhook_endpoint_created ON webhook_endpoint (organization_id, created_at, id) WHERE deleted_at IS NULL;

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
    out_of_band boolean NOT NULL DEFAULT false, -- outside the order: unordered, or failing so long that it is overtaken
    priority smallint NOT NULL DEFAULT 0,
    attempt_no integer NOT NULL DEFAULT 0, -- attempts that the retry schedule has used up
    attempts integer NOT NULL DEFAULT 0, -- attempts made, by hand or not
    next_attempt_at timestamptz(3) NOT NULL,
    lease_token uuid,
    lease_until timestamptz(3),
    last_status_code integer,
    last_error text,
    first_attempt_at timestamptz(3),
    last_attempt_at timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    finished_at timestamptz(3),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, endpoint_id, event_id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoint (organization_id, id)
  );
  CREATE INDEX webhook_delivery_due ON webhook_delivery (organization_id, endpoint_id, priority, next_attempt_at)
    WHERE status = 'pending';
  CREATE INDEX webhook_delivery_lease ON webhook_delivery (lease_until) WHERE status = 'leased';
  CREATE INDEX webhook_delivery_order ON webhook_delivery (organization_id, endpoint_id, order_key, position)
    WHERE status IN ('blocked','pending','leased');
  CREATE INDEX webhook_delivery_list ON webhook_delivery (organization_id, endpoint_id, created_at, id);
  CREATE INDEX webhook_delivery_unhappy ON webhook_delivery (organization_id, endpoint_id, created_at, id)
    WHERE status IN ('exhausted','held','cancelled');
  -- heads of an order that have been failing: read by the sweeper only
  CREATE INDEX webhook_delivery_failing ON webhook_delivery (first_attempt_at)
    WHERE status = 'pending' AND NOT out_of_band AND first_attempt_at IS NOT NULL;

  CREATE TABLE webhook_attempt (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    n integer NOT NULL,
    trigger text NOT NULL CHECK (trigger IN ('auto','manual','test')),
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
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, delivery_id, n),
    FOREIGN KEY (organization_id, delivery_id) REFERENCES webhook_delivery (organization_id, id)
  );`;

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What several conversation contracts share beyond the first schema: tickets, drafts, scheduled messages, receipts,
 * recipients, attachments, raw sources, read marks, links to records of other systems, and the built-in channel.
 */
export class MessagingCore1700000000008 implements MigrationInterface {
  name = 'MessagingCore1700000000008';

  async up(runner: QueryRunner): Promise<void> {
    for (const block of [TICKETS, CONVERSATIONS, MESSAGES, ATTACHMENTS]) await runner.query(block);
    for (const [table, jobs] of Object.entries(WALL)) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON ${table} USING (organization_id = (SELECT current_tenant()))`);
      if (jobs) await runner.query(`CREATE POLICY job ON ${table} USING ((SELECT current_job()) = '${jobs}')`);
    }
    await runner.query(`CREATE POLICY job ON message USING ((SELECT current_job()) = 'schedule')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP POLICY job ON message;
      DROP TABLE attachment, message_raw, read_mark;
      DROP INDEX message_scheduled, message_drafts, message_channel, message_failed;
      ALTER TABLE message DROP COLUMN recipients, DROP COLUMN draft_state, DROP COLUMN draft_reason,
        DROP COLUMN draft_reviewed_by, DROP COLUMN draft_reviewed_at, DROP COLUMN scheduled_at, DROP COLUMN sent_at,
        DROP COLUMN delivered_at, DROP COLUMN read_at, DROP COLUMN failed_at, DROP COLUMN failed_reason,
        DROP COLUMN outcome_unknown, DROP COLUMN attachment_count, DROP COLUMN deleted_at;
      DROP INDEX participant_ref, channel_builtin;
      ALTER TABLE conversation DROP COLUMN ticket_id, DROP COLUMN entity_type, DROP COLUMN entity_id,
        DROP COLUMN archived_at, DROP COLUMN read_seq, ALTER COLUMN contact_id SET NOT NULL;
      ALTER TABLE contact DROP COLUMN merged_into;
      ALTER TABLE channel DROP COLUMN builtin;
      DROP TABLE ticket;
      DROP SEQUENCE number_ticket, number_attachment`);
  }
}

/** The new tables, each with the system job that may cross tenants on it. */
const WALL: Readonly<Record<string, string | null>> = {
  ticket: null,
  read_mark: null,
  message_raw: null,
  attachment: 'media',
};

const TICKETS = `
  CREATE SEQUENCE number_ticket;
  CREATE TABLE ticket (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    number bigint NOT NULL DEFAULT nextval('number_ticket'),
    subject text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open','pending','closed')),
    priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low','normal','high','urgent')),
    contact_id uuid NOT NULL,
    staff_id uuid,
    metadata jsonb NOT NULL DEFAULT '{}',
    closed_at timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contact (organization_id, id),
    FOREIGN KEY (organization_id, staff_id) REFERENCES users (organization_id, id)
  );
  CREATE UNIQUE INDEX ticket_number ON ticket (organization_id, number);
  CREATE INDEX ticket_created ON ticket (organization_id, created_at, id);
  CREATE INDEX ticket_updated ON ticket (organization_id, updated_at, id);
  CREATE INDEX ticket_status ON ticket (organization_id, status, created_at, id);
  CREATE INDEX ticket_contact ON ticket (organization_id, contact_id, created_at, id);
  CREATE INDEX ticket_staff ON ticket (organization_id, staff_id, created_at, id) WHERE staff_id IS NOT NULL;`;

const CONVERSATIONS = `
  ALTER TABLE contact ADD COLUMN merged_into uuid;
  -- the organization's own channel of type internal: conversations that come in by no provider
  ALTER TABLE channel ADD COLUMN builtin boolean NOT NULL DEFAULT false;
  CREATE UNIQUE INDEX channel_builtin ON channel (organization_id) WHERE builtin;

  ALTER TABLE conversation
    ALTER COLUMN contact_id DROP NOT NULL, -- colleagues among themselves
    ADD COLUMN ticket_id uuid,
    ADD COLUMN entity_type text,
    ADD COLUMN entity_id text,
    ADD COLUMN archived_at timestamptz(3),
    ADD COLUMN read_seq bigint NOT NULL DEFAULT 0, -- the staff has read up to here
    ADD FOREIGN KEY (organization_id, ticket_id) REFERENCES ticket (organization_id, id),
    ADD CHECK ((entity_type IS NULL) = (entity_id IS NULL)),
    ADD CHECK (archived_at IS NULL OR status = 'closed');
  CREATE INDEX conversation_ticket ON conversation (organization_id, ticket_id, id) WHERE ticket_id IS NOT NULL;
  CREATE INDEX conversation_entity ON conversation (organization_id, entity_type, entity_id, updated_at, id)
    WHERE entity_type IS NOT NULL;
  -- whose conversations: newest first, as ids are in order of time
  CREATE INDEX participant_ref ON participant (organization_id, kind, ref_id, conversation_id) WHERE left_at IS NULL;

  -- how far each user has read
  CREATE TABLE read_mark (
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    read_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, conversation_id, user_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversation (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
  );`;

const MESSAGES = `
  ALTER TABLE message
    ADD COLUMN recipients jsonb, -- {to, cc, bcc}: addresses, of letters postal ones
    ADD COLUMN draft_state text CHECK (draft_state IN ('pending','approved','rejected')),
    ADD COLUMN draft_reason text,
    ADD COLUMN draft_reviewed_by jsonb,
    ADD COLUMN draft_reviewed_at timestamptz(3),
    ADD COLUMN scheduled_at timestamptz(3),
    ADD COLUMN sent_at timestamptz(3),
    ADD COLUMN delivered_at timestamptz(3),
    ADD COLUMN read_at timestamptz(3),
    ADD COLUMN failed_at timestamptz(3),
    ADD COLUMN failed_reason text,
    ADD COLUMN outcome_unknown boolean NOT NULL DEFAULT false,
    ADD COLUMN attachment_count integer NOT NULL DEFAULT 0,
    ADD COLUMN deleted_at timestamptz(3);
  UPDATE message SET sent_at = created_at WHERE direction = 'outbound' AND status = 'sent';
  -- the alarm clock of every tenant: read by the worker's sweep only
  CREATE INDEX message_scheduled ON message (scheduled_at)
    WHERE status = 'pending' AND scheduled_at IS NOT NULL AND draft_state IS DISTINCT FROM 'pending'
      AND draft_state IS DISTINCT FROM 'rejected' AND deleted_at IS NULL;
  CREATE INDEX message_drafts ON message (organization_id, id) WHERE draft_state = 'pending';
  CREATE INDEX message_channel ON message (organization_id, channel_id, id);
  CREATE INDEX message_failed ON message (organization_id, id) WHERE status = 'failed';

  -- what a message was made from, as it came in; never loaded with the message
  CREATE TABLE message_raw (
    organization_id uuid NOT NULL,
    message_id uuid NOT NULL,
    raw jsonb NOT NULL,
    PRIMARY KEY (organization_id, message_id),
    FOREIGN KEY (organization_id, message_id) REFERENCES message (organization_id, id)
  );`;

const ATTACHMENTS = `
  CREATE SEQUENCE number_attachment;
  CREATE TABLE attachment (
    organization_id uuid NOT NULL REFERENCES organization(id),
    id uuid NOT NULL,
    number bigint NOT NULL DEFAULT nextval('number_attachment'),
    message_id uuid, -- until a message carries it: an upload, forgotten after a day
    kind text NOT NULL CHECK (kind IN ('image','video','audio','document')),
    name text NOT NULL,
    content_type text NOT NULL,
    size bigint,
    width integer,
    height integer,
    inline boolean NOT NULL DEFAULT false,
    storage_key text, -- null: kept elsewhere, at original_url
    original_url text,
    extraction_status text NOT NULL DEFAULT 'notStarted'
      CHECK (extraction_status IN ('notStarted','inProgress','success','error')),
    extracted_data jsonb,
    extraction_data jsonb,
    created_by jsonb NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, message_id) REFERENCES message (organization_id, id),
    CHECK (storage_key IS NOT NULL OR original_url IS NOT NULL)
  );
  CREATE INDEX attachment_message ON attachment (organization_id, message_id) WHERE message_id IS NOT NULL;
  CREATE UNIQUE INDEX attachment_number ON attachment (organization_id, number);
  -- uploads that nothing took up: read by the worker's sweep only
  CREATE INDEX attachment_unused ON attachment (created_at) WHERE message_id IS NULL;`;

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of a tenant that are also found by a hash, before the tenant is known: to read, never to write. */
const FOUND_BY_HASH = ['session', 'refresh_token', 'password_token'];

/**
 * People who sign in: passwords, sessions, refresh tokens in families, one-time password tokens, failed sign-ins and
 * the keys that sign tokens. Secrets are stored as hashes, private keys sealed. Sign-in failures and signing keys
 * belong to the installation, not to a tenant: only their named jobs see them.
 */
export class Identity1700000000003 implements MigrationInterface {
  name = 'Identity1700000000003';

  async up(runner: QueryRunner): Promise<void> {
    for (const block of [PEOPLE, SESSIONS, INSTALLATION]) await runner.query(block);
    for (const table of FOUND_BY_HASH) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON ${table} USING (organization_id = (SELECT current_tenant()));
        CREATE POLICY job ON ${table} FOR SELECT USING ((SELECT current_job()) = 'authenticate')`);
    }
    await runner.query(`
      CREATE POLICY job ON users FOR SELECT USING ((SELECT current_job()) = 'authenticate');
      ALTER TABLE login_failure ENABLE ROW LEVEL SECURITY;
      CREATE POLICY job ON login_failure USING ((SELECT current_job()) = 'authenticate');
      ALTER TABLE signing_key ENABLE ROW LEVEL SECURITY;
      CREATE POLICY job ON signing_key USING ((SELECT current_job()) = 'signing')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE signing_key, login_failure, password_token, refresh_token, session;
      DROP POLICY job ON users;
      ALTER TABLE api_key DROP COLUMN user_id, DROP COLUMN authority;
      DROP INDEX api_key_created, users_login, users_email;
      ALTER TABLE users DROP COLUMN email_key, DROP COLUMN password_hash, DROP COLUMN last_login_at;
      CREATE UNIQUE INDEX users_email ON users (organization_id, lower(email)) WHERE deleted_at IS NULL`);
  }
}

const PEOPLE = `
  ALTER TABLE users
    ADD COLUMN email_key text, -- the email as it is compared: one form for all spellings of it
    ADD COLUMN password_hash text, -- argon2id; null: cannot sign in yet
    ADD COLUMN last_login_at timestamptz(3);
  UPDATE users SET email_key = lower(normalize(email, NFKC));
  ALTER TABLE users ALTER COLUMN email_key SET NOT NULL;
  DROP INDEX users_email;
  CREATE UNIQUE INDEX users_email ON users (organization_id, email_key) WHERE deleted_at IS NULL;
  -- an email signs in to one organization: the one lookup by email that happens before the tenant is known
  CREATE UNIQUE INDEX users_login ON users (email_key) WHERE password_hash IS NOT NULL AND deleted_at IS NULL;

  ALTER TABLE api_key
    ADD COLUMN user_id uuid, -- who made it; a key of kind 'user' ends with that user's access
    ADD COLUMN authority text NOT NULL DEFAULT 'super_admin'
      CHECK (authority IN ('super_admin','admin','supervisor','agent','customer'));
  CREATE INDEX api_key_created ON api_key (organization_id, created_at, id) WHERE revoked_at IS NULL;`;

const SESSIONS = `
  -- a sign-in on one device: the family of its refresh tokens
  CREATE TABLE session (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    remember boolean NOT NULL DEFAULT false,
    cookie_hash bytea,
    address text,
    user_agent text,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    last_used_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3) NOT NULL,
    revoked_at timestamptz(3),
    revoked_reason text CHECK (revoked_reason IN ('logout','reuse','password','suspended')),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
  );
  CREATE INDEX session_by_user ON session (organization_id, user_id, expires_at);
  CREATE UNIQUE INDEX session_cookie ON session (cookie_hash) WHERE cookie_hash IS NOT NULL;

  CREATE TABLE refresh_token (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    hash bytea NOT NULL UNIQUE,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3) NOT NULL,
    used_at timestamptz(3), -- seen again after this: stolen, and the session ends
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, session_id) REFERENCES session (organization_id, id) ON DELETE CASCADE
  );
  CREATE INDEX refresh_token_session ON refresh_token (organization_id, session_id, expires_at);

  CREATE TABLE password_token (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('reset','invitation')),
    hash bytea NOT NULL UNIQUE,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3) NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
  );
  CREATE INDEX password_token_user ON password_token (organization_id, user_id, created_at);`;

const INSTALLATION = `
  -- by the hash of the email, whether anybody has it or not
  CREATE TABLE login_failure (
    email_hash bytea PRIMARY KEY,
    attempts integer NOT NULL, -- passwords taken in, those under way included
    failures integer NOT NULL, -- passwords found wrong
    updated_at timestamptz(3) NOT NULL
  );
  CREATE INDEX login_failure_updated ON login_failure (updated_at);

  CREATE TABLE signing_key (
    id text PRIMARY KEY, -- the kid of the tokens it has signed
    algorithm text NOT NULL CHECK (algorithm = 'EdDSA'),
    public_key jsonb NOT NULL,
    private_key text NOT NULL, -- sealed
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    verify_until timestamptz(3) -- set when a newer one has taken over
  );`;

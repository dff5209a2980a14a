import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AUDIT_COLUMNS, auditPlaceholders, auditValues } from '@hub/events/audit.js';
import { systemAuthor } from '@hub/events/outbox.js';
import { Database } from '@hub/model/database.js';
import { TooBusyError } from '@hub/platform/gate.js';
import { AccountLockedError } from './identity.errors.js';

export const MAX_FAILURES = 5;
export const LOCK_MINUTES = 15;

/**
 * Five wrong passwords lock an email for 15 minutes, whether anybody has it or not. An attempt is counted before its
 * password is looked at: however many come at once and at however many processes, five are tried. What is kept of an
 * email is its hash, for 15 minutes.
 */
@Injectable()
export class LoginLock {
  constructor(private readonly db: Database) {}

  /**
   * Counts an attempt; {@link failed} or {@link passed} must follow.
   * @throws AccountLockedError; TooBusyError while the last tries are still being looked at
   */
  async attempt(email: string): Promise<void> {
    const hash = hashEmail(email);
    const taken = await this.db.lookup('authenticate', ATTEMPT, [hash]);
    if (taken.length > 0) return;
    const [row] = await this.db.lookup<{ locked: boolean; seconds: number }>('authenticate', STATE, [hash]);
    if (row?.locked) throw new AccountLockedError(row.seconds);
    throw new TooBusyError('Passwords for this email are being checked: try again shortly');
  }

  /** @param whose password it was, if anybody's: where it was the last one, their audit log says so */
  async failed(email: string, whose: { readonly organizationId: string; readonly id: string } | null): Promise<void> {
    const line = auditValues({
      author: systemAuthor(whose?.organizationId ?? NOBODY),
      action: 'user.locked',
      subjectId: whose?.id ?? NOBODY,
      changes: { failures: { before: null, after: MAX_FAILURES } },
    });
    await this.db.lookup('authenticate', FAILED, [hashEmail(email), whose !== null, ...line]);
  }

  /** A right password, or a new one, starts from nothing. */
  async passed(email: string): Promise<void> {
    await this.db.lookup('authenticate', PASSED, [hashEmail(email)]);
  }
}

const hashEmail = (email: string): Buffer => createHash('sha256').update(`login:${email}`, 'utf8').digest();

const NOBODY = '00000000-0000-0000-0000-000000000000';

const OVER = `updated_at < clock_timestamp() - interval '${LOCK_MINUTES} minutes'`;

const ATTEMPT = {
  name: 'login-attempt',
  text: `
    INSERT INTO login_failure AS f (email_hash, attempts, failures, updated_at) VALUES ($1, 1, 0, clock_timestamp())
    ON CONFLICT (email_hash) DO UPDATE SET
      attempts = CASE WHEN f.${OVER} THEN 1 ELSE f.attempts + 1 END,
      failures = CASE WHEN f.${OVER} THEN 0 ELSE f.failures END,
      updated_at = clock_timestamp()
    WHERE f.attempts < ${MAX_FAILURES} OR f.${OVER}
    RETURNING 1 AS taken`,
};

const STATE = {
  name: 'login-state',
  text: `
    SELECT failures >= ${MAX_FAILURES} AS locked, greatest(1, ceil(extract(epoch FROM
      updated_at + interval '${LOCK_MINUTES} minutes' - clock_timestamp())))::int AS seconds
    FROM login_failure WHERE email_hash = $1`,
};

/** One statement, and the same for everybody: nobody can tell by the time it takes whether there is a log to write.
 * Also sweeps a few rows that are over, so that the table never holds more than a quarter of an hour's failures. */
const FAILED = {
  name: 'login-failed',
  text: `
    WITH over AS (
      DELETE FROM login_failure WHERE email_hash IN (
        SELECT email_hash FROM login_failure WHERE ${OVER} AND email_hash <> $1 LIMIT 10 FOR UPDATE SKIP LOCKED)
    ), counted AS (
      UPDATE login_failure SET failures = failures + 1, updated_at = clock_timestamp() WHERE email_hash = $1
      RETURNING failures
    )
    INSERT INTO audit_log (${AUDIT_COLUMNS})
    SELECT ${auditPlaceholders(3)} FROM counted WHERE $2 AND failures = ${MAX_FAILURES}`,
};

const PASSED = { name: 'login-passed', text: `DELETE FROM login_failure WHERE email_hash = $1` };

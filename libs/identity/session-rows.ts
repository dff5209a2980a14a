import { appendAudit, appendAudits } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import type { Tx } from '@hub/model/database.js';
import { newId } from '@hub/platform/ids.js';
import { goOfflineUnlessSignedIn } from './agent-state.js';
import { hashSecret, newSecret } from './secret-token.js';
import type { Device } from './sessions.types.js';

const DAYS = 7;
const REMEMBERED_DAYS = 30;

export type EndReason = 'logout' | 'reuse' | 'password' | 'suspended';

export interface NewSession {
  /** Whose: a user. */
  readonly author: Author;
  readonly remember: boolean;
  readonly cookie: boolean;
  readonly device: Device;
}

export interface OpenedSession {
  readonly id: string;
  readonly refreshToken: string;
  readonly cookie: { readonly value: string; readonly expiresAt: Date } | null;
}

/** When a session ends unless it is used again. */
const lifetime = (remember: boolean): Date => new Date(Date.now() + (remember ? REMEMBERED_DAYS : DAYS) * 86_400_000);

/** A sign-in on one device with its first refresh token. Sweeps the user's sessions that are long over. */
export async function openSession(tx: Tx, session: NewSession): Promise<OpenedSession> {
  const { author, remember, device } = session;
  const { organizationId, principal } = author;
  const userId = principal.id;
  const id = newId();
  const expiresAt = lifetime(remember);
  const value = session.cookie ? newSecret('cs') : null;
  await tx.query(
    `DELETE FROM session WHERE organization_id = $1 AND user_id = $2 AND expires_at < now() - interval '1 day'`,
    [organizationId, userId],
  );
  await tx.query(
    `INSERT INTO session (organization_id, id, user_id, remember, cookie_hash, address, user_agent, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      organizationId,
      id,
      userId,
      remember,
      value && hashSecret(value),
      device.address,
      device.userAgent?.slice(0, 400) ?? null,
      expiresAt,
    ],
  );
  await appendAudit(tx, { author, action: 'session.created', subjectId: id });
  const refreshToken = await addRefreshToken(tx, { organizationId, sessionId: id, expiresAt });
  return { id, refreshToken, cookie: value ? { value, expiresAt } : null };
}

/** The family's next refresh token; the session lives as long as it does. */
export async function nextRefreshToken(
  tx: Tx,
  { organizationId, sessionId, remember }: { organizationId: string; sessionId: string; remember: boolean },
): Promise<string> {
  const expiresAt = lifetime(remember);
  await tx.query('UPDATE session SET last_used_at = now(), expires_at = $3 WHERE organization_id = $1 AND id = $2', [
    organizationId,
    sessionId,
    expiresAt,
  ]);
  await tx.query('DELETE FROM refresh_token WHERE organization_id = $1 AND session_id = $2 AND expires_at < now()', [
    organizationId,
    sessionId,
  ]);
  return addRefreshToken(tx, { organizationId, sessionId, expiresAt });
}

/**
 * Ends one session (`sessionId`) or all of a user's but one (`except`): their tokens are worth nothing from the commit
 * on. Who has no other one is offline.
 */
export async function endSessions(
  tx: Tx,
  author: Author,
  which: { readonly userId: string; readonly sessionId?: string; readonly except?: string },
  reason: EndReason,
): Promise<void> {
  const [ended] = await tx.query<[{ id: string }[], number]>(
    `UPDATE session SET revoked_at = now(), revoked_reason = $5
     WHERE organization_id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > now()
       AND ($3::uuid IS NULL OR id = $3) AND ($4::uuid IS NULL OR id <> $4) RETURNING id`,
    [author.organizationId, which.userId, which.sessionId ?? null, which.except ?? null, reason],
  );
  const ids = ended.map(({ id }) => id);
  await appendAudits(
    tx,
    { author, action: 'session.revoked', changes: { reason: { before: null, after: reason } } },
    ids,
  );
  if (ids.length > 0) await goOfflineUnlessSignedIn(tx, author.organizationId, which.userId);
}

async function addRefreshToken(
  tx: Tx,
  row: { organizationId: string; sessionId: string; expiresAt: Date },
): Promise<string> {
  const token = newSecret('rt');
  await tx.query(
    'INSERT INTO refresh_token (organization_id, id, session_id, hash, expires_at) VALUES ($1, $2, $3, $4, $5)',
    [row.organizationId, newId(), row.sessionId, hashSecret(token), row.expiresAt],
  );
  return token;
}

import { Injectable } from '@nestjs/common';
import { appendAudit } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import { Database } from '@hub/model/database.js';
import { ValidationError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { checkEvents } from './endpoint-input.js';
import { RecoveryQueries } from './recovery.queries.js';
import type { RecoveryView, StartRecovery } from './recovery.types.js';
import { assertWebhook } from './webhooks.queries.js';

const MAX_DAYS = 30;

/** Recoveries are rows: whichever worker comes to one goes on with it. */
@Injectable()
export class RecoveryService {
  constructor(
    private readonly db: Database,
    private readonly queries: RecoveryQueries,
  ) {}

  /**
   * Delivers again what an endpoint has been meant to get, of any number, with the same ids and the same bytes. What is
   * in its way already is left alone; what the endpoint was never meant to get is not invented.
   * @throws WebhookNotFoundError; ValidationError naming `since` or `until`, or INVALID_EVENTS naming `events`
   */
  async start(author: Author, { webhookId, status, ...range }: StartRecovery): Promise<RecoveryView> {
    const { organizationId } = author;
    const events = range.events ? checkEvents(range.events) : ['*'];
    const { since, until } = checkRange(range);
    const id = newId();
    return this.db.transaction(organizationId, async (tx) => {
      await assertWebhook(tx, organizationId, webhookId);
      await tx.query(
        `INSERT INTO webhook_recovery (organization_id, id, endpoint_id, since, until, status_filter, events, state, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8)`,
        [organizationId, id, webhookId, since, until, status, events, author.principal],
      );
      const changes = { recovery: { before: null, after: { since, until, status, events } } };
      await appendAudit(tx, { author, action: 'webhook.recovery_started', subjectId: webhookId, changes });
      return this.queries.getRecovery(organizationId, webhookId, id, tx);
    });
  }

  /**
   * Goes no further; what has been taken up is delivered. One that has ended stays as it is.
   * @throws WebhookNotFoundError, RecoveryNotFoundError
   */
  async cancel(author: Author, webhookId: string, id: string): Promise<RecoveryView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      const [, cancelled] = await tx.query<[unknown[], number]>(
        `UPDATE webhook_recovery SET state = 'cancelled', finished_at = now(), updated_at = now()
         WHERE organization_id = $1 AND endpoint_id = $2 AND id = $3 AND state = 'running'`,
        [organizationId, webhookId, id],
      );
      const view = await this.queries.getRecovery(organizationId, webhookId, id, tx);
      if (cancelled > 0) await appendAudit(tx, { author, action: 'webhook.recovery_cancelled', subjectId: webhookId });
      return view;
    });
  }
}

function checkRange({ since, until: given }: Pick<StartRecovery, 'since' | 'until'>): { since: Date; until: Date } {
  const now = new Date();
  const until = given ?? now;
  if (since.getTime() < now.getTime() - MAX_DAYS * 86_400_000)
    throw ValidationError.of('since', `since must be at most ${MAX_DAYS} days ago`);
  if (until > now) throw ValidationError.of('until', 'until must not be in the future');
  if (since >= until) throw ValidationError.of(given ? 'until' : 'since', 'since must be before until');
  return { since, until };
}

import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { encodeId } from '@hub/platform/ids.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { safeFetch, type SafeResult } from '@hub/platform/safe-fetch.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import { SweepLoop } from '@hub/platform/sweep-loop.js';
import { sign } from '@hub/webhooks/signing.js';

const BATCH = 10;
const TIMEOUT_MS = 15_000;
/** After this a call under way counts as lost, and is made again. */
const LEASE_SECONDS = 60;
/** Seconds until the next try; after the last one it is given up. */
const PAUSES = [5, 30, 120, 600, 1_800, 3_600];
const USER_AGENT = 'Switchboard-Automation/1.0';

interface Call {
  readonly organizationId: string;
  readonly id: string;
  readonly ruleId: string;
  readonly eventId: string;
  readonly logId: string;
  readonly url: string;
  readonly attempts: number;
}

interface Content {
  readonly body: string;
  readonly secret: string;
}

/**
 * Makes the calls that automation rules have decided on: signed as a webhook is, with the rule's own secret, at least
 * once, each with one `webhook-id` however often it is tried. Any number of workers may run; one that is killed leaves a
 * call that is made again a minute later. What came of it stands in the rule's log.
 */
@Injectable()
export class AutomationCaller extends SweepLoop {
  constructor(
    private readonly db: Database,
    private readonly box: SecretBox,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    super(log, { name: 'automation.calls', everyMs: 500, round: () => this.round() });
  }

  private async round(): Promise<boolean> {
    const due = await this.db.lookup<Call>('routing', CLAIM, [BATCH]);
    await Promise.all(due.map((call) => this.make(call)));
    return due.length === BATCH;
  }

  private async make(call: Call): Promise<void> {
    const content = await this.contentOf(call);
    const result = content ? await this.send(call, content) : GONE;
    const status = result.outcome === 'response' ? result.status : null;
    const done = status !== null && status >= 200 && status < 300;
    const pause = done || !content ? undefined : PAUSES[call.attempts - 1];
    const outcome = done ? 'succeeded' : pause === undefined ? 'given up' : null;
    const { organizationId, ruleId, eventId, attempts } = call;
    const error = result.outcome === 'response' ? (done ? null : `HTTP ${result.status}`) : result.error;
    this.log.info(
      { organizationId, ruleId, eventId, attempts, status, error, ms: result.durationMs },
      'automation.called',
    );
    await this.settle(call, outcome, { status, ...(error && { error }) }, pause ?? 0);
  }

  private async contentOf({ organizationId, eventId, ruleId }: Call): Promise<Content | null> {
    const [content] = await this.db.reader(organizationId).query<Content[]>(
      `SELECT e.body, r.secret FROM event e, automation_rule r WHERE e.organization_id = $1 AND e.id = $2
         AND r.organization_id = $1 AND r.id = $3 AND r.deleted_at IS NULL AND r.secret IS NOT NULL`,
      [organizationId, eventId, ruleId],
    );
    return content ?? null;
  }

  private async send({ id, url, ruleId }: Call, content: Content): Promise<SafeResult> {
    const timestamp = Math.floor(Date.now() / 1_000);
    const messageId = encodeId('call', id);
    const body = `${content.body.slice(0, -2)},"ruleId":"${encodeId('rule', ruleId)}"}}`;
    const keys = { secrets: [this.box.open(content.secret)], privateKey: null };
    return safeFetch({
      url,
      body,
      headers: {
        'content-type': 'application/json',
        'user-agent': USER_AGENT,
        'webhook-id': messageId,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': sign(keys, { id: messageId, timestamp, body }),
      },
      timeoutMs: TIMEOUT_MS,
      allowedNetworks: this.config.WEBHOOK_ALLOWED_NETWORKS,
    });
  }

  /** Only for whoever has made the latest attempt: a worker that was given up for lost changes nothing. */
  private async settle(call: Call, outcome: string | null, told: object, pause: number): Promise<void> {
    const { organizationId, id, logId, url, attempts } = call;
    await this.db.transaction(organizationId, async (tx) => {
      if (outcome === null) {
        await tx.query(LATER, [organizationId, id, attempts, pause]);
        return;
      }
      const [, ended] = await tx.query<[unknown[], number]>(
        'DELETE FROM automation_call WHERE organization_id = $1 AND id = $2 AND attempts = $3',
        [organizationId, id, attempts],
      );
      if (ended > 0)
        await tx.query(TELL, [organizationId, logId, JSON.stringify([{ url, outcome, attempts, ...told }])]);
    });
  }
}

const GONE: SafeResult = { outcome: 'connect', error: 'The rule or the event is not there any more', durationMs: 0 };

const CLAIM = {
  name: 'automation-calls-claim',
  text: `
    UPDATE automation_call c SET attempts = c.attempts + 1, next_at = now() + ${LEASE_SECONDS} * interval '1 second'
    FROM (SELECT organization_id, id FROM automation_call WHERE next_at <= now() ORDER BY next_at LIMIT $1
      FOR UPDATE SKIP LOCKED) AS due
    WHERE c.organization_id = due.organization_id AND c.id = due.id
    RETURNING c.organization_id AS "organizationId", c.id, c.rule_id AS "ruleId", c.event_id AS "eventId",
      c.log_id AS "logId", c.url, c.attempts`,
};

const LATER = `
  UPDATE automation_call SET next_at = now() + $4::integer * interval '1 second'
  WHERE organization_id = $1 AND id = $2 AND attempts = $3`;

const TELL = `
  UPDATE rule_log SET detail = detail || jsonb_build_object('calls', coalesce(detail->'calls', '[]') || $3::jsonb)
  WHERE organization_id = $1 AND id = $2`;

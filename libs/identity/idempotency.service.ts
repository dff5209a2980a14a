import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Author } from '@hub/events/outbox.js';
import { Database } from '@hub/model/database.js';
import { CommitRefusedError } from '@hub/model/held-commit.js';
import { newId } from '@hub/platform/ids.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import {
  IdempotencyInProgressError,
  IdempotencyInterruptedError,
  IdempotencyKeyMalformedError,
  IdempotencyKeyReusedError,
} from './idempotency.errors.js';
import * as sql from './idempotency.sql.js';

/** An answer as it went out, byte for byte. */
export interface KeptAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** A request that may come again: whose, under which key, and what it asks for. */
export interface RepeatableRequest {
  readonly author: Author;
  readonly key: string;
  /** Everything that makes it this request: the same parts are the same request. */
  readonly parts: readonly string[];
}

/** How long a repetition waits for the first one's answer, and how often it looks, in milliseconds. */
const WAIT_MS = 5_000;
const FIRST_LOOK_MS = 20;
const LAST_LOOK_MS = 250;
/** A third of the lease: two renewals may fail. */
const RENEW_MS = (sql.LEASE_SECONDS * 1000) / 3;
const MALFORMED = /^$|\p{Cc}|^.{256}/su;

interface Row {
  readonly state: 'running' | 'begun' | 'done';
  readonly same: boolean;
  readonly expired: boolean;
  readonly leased: boolean;
  readonly owner: string;
  readonly status: number;
  readonly contentType: string;
  readonly answer: string;
}

/**
 * One effect and one answer per key, for 24 hours, whichever process is asked and whichever dies.
 *
 * A request claims its key (a row with an owner and a lease on the database's clock) before anything else. Its answer
 * is rendered before the commit and written by the same commit as the effect, fenced by the owner: either both are
 * there or neither is. After a crash the lease runs out; the row then says whether there is anything to do.
 * Answers are sealed, as some show a secret once.
 */
@Injectable()
export class IdempotencyService {
  constructor(
    private readonly db: Database,
    private readonly box: SecretBox,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Performs the request, or gives the first one's answer. A request that throws has no effect and leaves no trace.
   * @param perform the command up to its rendered answer
   * @throws IdempotencyKeyMalformedError, IdempotencyKeyReusedError, IdempotencyInProgressError,
   * IdempotencyInterruptedError; what `perform` throws
   */
  async once(
    request: RepeatableRequest,
    perform: () => Promise<KeptAnswer>,
  ): Promise<{ answer: KeptAnswer; replayed: boolean }> {
    if (MALFORMED.test(request.key)) throw new IdempotencyKeyMalformedError();
    const claim: sql.Claim = { ...addressOf(request), hash: hashOf(request.parts), owner: newId() };
    const kept = await this.claim(claim);
    if (kept) return { answer: kept, replayed: true };
    return { answer: await this.perform(claim, perform), replayed: false };
  }

  /** Forgets what has expired, of all tenants, at most `limit`. @returns how many */
  async purge(limit: number): Promise<number> {
    return (await this.db.lookup('idempotency', sql.PURGE, [limit])).length;
  }

  private async perform(claim: sql.Claim, perform: () => Promise<KeptAnswer>): Promise<KeptAnswer> {
    const renewal = setInterval(() => void this.attempt(sql.RENEW, claim), RENEW_MS).unref();
    try {
      const keeping = {
        keep: (answer: KeptAnswer) => sql.keep(claim, { ...answer, body: this.box.seal(answer.body) }),
        interrupt: sql.interrupt(claim),
      };
      return await this.db.answering(claim.organizationId, keeping, perform);
    } catch (error) {
      await this.attempt(sql.RELEASE, claim);
      throw error instanceof CommitRefusedError ? new IdempotencyInProgressError() : error;
    } finally {
      clearInterval(renewal);
    }
  }

  /** @returns the answer there is, or null once the claim is the caller's */
  private async claim(claim: sql.Claim): Promise<KeptAnswer | null> {
    const { organizationId } = claim;
    const until = Date.now() + WAIT_MS;
    let row: Row | undefined;
    for (let look = FIRST_LOOK_MS; ; look = Math.min(look * 2, LAST_LOOK_MS)) {
      const made = row ? [] : await this.db.prepared(organizationId, sql.CLAIM, sql.claimValues(claim));
      if (made.length > 0) return null;
      [row] = await this.db.prepared<Row>(organizationId, sql.LOOK, sql.lookValues(claim));
      if (row && isFree(row)) {
        const taken = await this.db.prepared(organizationId, sql.TAKE_OVER, sql.takeOverValues(claim, row.owner));
        if (taken.length > 0) return null;
      } else if (row) {
        if (!row.same) throw new IdempotencyKeyReusedError();
        if (row.state === 'done') return this.kept(row);
        if (row.state === 'begun' && !row.leased) throw new IdempotencyInterruptedError();
      }
      if (Date.now() + look > until) throw new IdempotencyInProgressError();
      await delay(look);
    }
  }

  private kept({ status, contentType, answer }: Row): KeptAnswer {
    return { status, contentType, body: this.box.open(answer) };
  }

  /** Best effort: where the database cannot be reached the lease runs out by itself. */
  private async attempt(statement: typeof sql.RENEW, claim: sql.Claim): Promise<void> {
    try {
      await this.db.prepared(claim.organizationId, statement, sql.ownValues(claim));
    } catch (error) {
      this.logger.debug({ statement: statement.name, error: String(error) }, 'idempotency.lease');
    }
  }
}

/** Forgotten, or left by a process that has died before its effect. */
const isFree = (row: Row): boolean => row.expired || (row.same && row.state === 'running' && !row.leased);

function addressOf({ author: { organizationId, principal }, key }: RepeatableRequest) {
  return { organizationId, principal: `${principal.type}:${principal.id ?? ''}`, key };
}

/** Each part with its length in front, so that no two requests look alike. */
function hashOf(parts: readonly string[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part, 'utf8');
  return hash.digest();
}

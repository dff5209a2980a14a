import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { Injectable } from '@nestjs/common';
import { Gate } from '@hub/platform/gate.js';

/** OWASP's first choice: 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const CURRENT = '$argon2id$v=19$m=19456,t=2,p=1$';
/** What a password is held against where there is none: the same work, and never right. */
const NOBODY = `${CURRENT}${'A'.repeat(22)}$${'A'.repeat(43)}`;
const CONCURRENCY = 2;
const MAX_WAITING = 64;

/**
 * Argon2id, a few at a time: each takes its memory and a thread for some 30 ms, so a flood waits in a short line or is
 * refused with 429 instead of piling up. Passwords are compared in Unicode's NFKC.
 */
@Injectable()
export class Passwords {
  private readonly gate = new Gate(CONCURRENCY, MAX_WAITING, 'Too many people are signing in: try again shortly');

  /** Runs work that hashes or verifies within the line. @throws TooBusyError */
  queued<T>(work: () => Promise<T>): Promise<T> {
    return this.gate.run(work);
  }

  /** To be called within {@link queued}. */
  hash(password: string): Promise<string> {
    return hash(password.normalize('NFKC'), { ...PARAMETERS, salt: randomBytes(16) });
  }

  /** To be called within {@link queued}. Takes as long for nobody (null) as for anybody. */
  async verify(hashed: string | null, password: string): Promise<boolean> {
    const isRight = await verify(hashed ?? NOBODY, password.normalize('NFKC'));
    return isRight && hashed !== null;
  }

  /** Whether it was made with weaker parameters than today's. */
  isOutdated(hashed: string): boolean {
    return !hashed.startsWith(CURRENT);
  }
}
